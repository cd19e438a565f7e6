-- The engine and the feeds work on rows before anybody asks for them: what PostgreSQL
-- would not have done for them must not be done, or not be seen.
\pset tuples_only on
\pset format unaligned
-- serially(query) is same(query) without parallel workers: PostgreSQL's read ahead, too
CREATE FUNCTION serially(query text) RETURNS text LANGUAGE plpgsql SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    native text := array_to_string(rows_of(query, false), ' ');
    fused text := array_to_string(rows_of(query, true), ' ');
BEGIN
    RETURN CASE WHEN native = fused THEN 'same ' ELSE 'DIFFERENT ' || native || ' and ' END || fused || ', ' || fusion_of(query);
END
$$;
CREATE TABLE numbers AS SELECT n, n % 1000 AS k, n % 10 AS d FROM generate_series(1, 60000) n;
CREATE TABLE thousand AS SELECT k, k % 10 AS d FROM generate_series(1, 1000) k;
ANALYZE numbers, thousand;

-- rows behind a limit
SELECT serially('SELECT n FROM numbers WHERE 10 / (n - 1500) < 100 LIMIT 1');
SELECT serially('SELECT count(*) FROM (SELECT n FROM numbers JOIN thousand USING (k) WHERE 10 / (n - 50600 + thousand.d * 0) < 100 LIMIT 50000) q');
SELECT serially('SELECT count(*) FROM (SELECT 10 / (n - 50600) FROM numbers JOIN thousand USING (k) LIMIT 50000) q');
SELECT serially('SELECT count(*) FROM (SELECT k, count(*) FROM numbers GROUP BY k HAVING 10 / (min(n) - 900) < 100 LIMIT 3) q WHERE k IS NULL');
SELECT serially('SELECT k FROM numbers WHERE n > 5 LIMIT 0');
SELECT serially('SELECT thousand.d, sum(1 / (numbers.d - numbers.d)) FROM numbers JOIN thousand USING (k) GROUP BY 1 LIMIT 0');
-- a limit without anything that can fail below it is the engine's
SELECT serially('SELECT count(*) FROM (SELECT n FROM numbers JOIN thousand USING (k) WHERE n > thousand.d LIMIT 50000) q');
SELECT serially('SELECT n, 10 / n FROM numbers WHERE 10 / n > 1 ORDER BY n LIMIT 2');

-- candidates behind the first match
SELECT serially('SELECT count(*) FROM thousand t WHERE EXISTS (SELECT FROM numbers n WHERE n.k = t.k AND 10 / (n.n - 50000 + t.d) < 10)');
SELECT serially('SELECT count(*) FROM thousand t WHERE NOT EXISTS (SELECT FROM numbers n WHERE n.k = t.k AND 10 / (n.n - 50000 + t.d) < 10)');
SELECT serially('SELECT count(*), sum(t.d) FROM thousand t WHERE EXISTS (SELECT FROM numbers n WHERE n.k = t.k AND n.n <> t.d)');

-- subqueries that lock rows or call volatile functions
CREATE SEQUENCE calls;
SELECT fusion_of('SELECT count(*) FROM (SELECT k FROM thousand FOR UPDATE) t JOIN numbers USING (k)');
SELECT fusion_of('SELECT count(*) FROM (SELECT k FROM (SELECT k FROM thousand FOR SHARE) s OFFSET 0) t JOIN numbers USING (k)');
SELECT fusion_of('SELECT count(*) FROM (SELECT k FROM thousand t WHERE EXISTS (SELECT k FROM numbers WHERE k = t.d LIMIT 1 FOR UPDATE) OFFSET 0) t JOIN numbers USING (k)');
SELECT fusion_of('SELECT count(*) FROM (SELECT k, nextval(''calls'') FROM thousand OFFSET 0) t JOIN numbers USING (k)');
SELECT fusion_of('SELECT count(*) FROM (SELECT k FROM thousand WHERE nextval(''calls'') > 0) t JOIN numbers USING (k)');
SELECT fusion_of('WITH t AS MATERIALIZED (SELECT k, nextval(''calls'') FROM thousand) SELECT count(*) FROM t JOIN numbers USING (k)');
SELECT fusion_of('SELECT count(*) FROM (SELECT k FROM thousand OFFSET 0) t JOIN numbers USING (k)');

DROP SEQUENCE calls;
DROP TABLE numbers, thousand;
DROP FUNCTION serially;
SELECT pool_is_idle();
