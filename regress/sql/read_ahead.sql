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

-- a limit of a level further out, or of one that reads a common table expression
\set failing 'SELECT n FROM numbers JOIN thousand USING (k) WHERE 10 / (n - 50600 + thousand.d * 0) < 100'
SELECT serially(format('SELECT q.n IS NOT NULL FROM (%s OFFSET 0) q LIMIT 1', :'failing'));
SELECT serially(format('SELECT (SELECT count(*) FROM (SELECT * FROM (%s OFFSET 0) q LIMIT 5) r)', :'failing'));
SELECT serially(format('SELECT n > 0 FROM (SELECT -1 AS n WHERE false UNION ALL %s) q LIMIT 1', :'failing'));
SELECT serially(format('WITH c AS MATERIALIZED (%s) SELECT n > 0 FROM c LIMIT 1', :'failing'));
SELECT serially(format('WITH c AS MATERIALIZED (%s) SELECT (SELECT n > 0 FROM c LIMIT 1)', :'failing'));
SELECT serially(format('WITH c AS MATERIALIZED (%s), d AS MATERIALIZED (SELECT n > 0 FROM c) SELECT * FROM d LIMIT 1', :'failing'));
SELECT serially(format('SELECT t.k, q.x FROM thousand t, LATERAL (SELECT n > t.d AS x FROM (%s OFFSET 0) p LIMIT 1) q WHERE t.k < 3', :'failing'));
-- all rows are read for the first one
SELECT serially(format('SELECT q.n FROM (%s OFFSET 0) q ORDER BY n LIMIT 1', :'failing'));
SELECT serially('SELECT q.k, q.c FROM (SELECT k, count(*) AS c FROM numbers JOIN thousand USING (k) WHERE 10 / (n - 50600) < 100 GROUP BY k OFFSET 0) q LIMIT 1');
SELECT serially('SELECT q.n > 0 FROM (SELECT n FROM numbers JOIN thousand USING (k) WHERE n > thousand.d OFFSET 0) q LIMIT 1');
-- what a leaf reads may fail
CREATE VIEW failing AS SELECT k, 10 / (d + CASE WHEN k = 900 THEN -d ELSE 7 END) AS q FROM thousand OFFSET 0;
CREATE FUNCTION divided(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 / $2; END';
SELECT serially('SELECT k FROM failing WHERE q > 0 LIMIT 1');
SELECT serially('SELECT f.q > 0 FROM failing f LEFT JOIN numbers n ON n.n = f.k LIMIT 1');
SELECT serially('WITH f AS MATERIALIZED (SELECT k, 10 / (d + CASE WHEN k = 900 THEN -d ELSE 7 END) AS q FROM thousand) SELECT f.q > 0 FROM f LEFT JOIN nothing n ON n.a = f.k + 1 LIMIT 1');
SELECT serially('SELECT v.a FROM (VALUES (1), (10 / (SELECT 1)), (3)) v(a) LEFT JOIN numbers n ON n.n = v.a LIMIT 1');
SELECT serially('SELECT t.k, e.a FROM thousand t LEFT JOIN numbers n ON t.k = n.n AND divided(10, n.d + CASE WHEN n.n = 900 THEN -n.d ELSE 9 END) > t.d - 10 LEFT JOIN nothing e ON e.a = t.d LIMIT 1');
DROP VIEW failing;
DROP FUNCTION divided;

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
SELECT fusion_of('SELECT count(*) FROM (SELECT k FROM thousand t WHERE (SELECT nextval(''calls'') + t.k * 0) > 0 OFFSET 0) t JOIN numbers USING (k)');
-- the same in subqueries that have become plans, and in tables that are read through others
SELECT fusion_of('SELECT count(*) FROM thousand t JOIN numbers USING (k) WHERE (SELECT nextval(''calls'') + t.k * 0) > 0');
SELECT fusion_of('SELECT count(*) FROM thousand t JOIN numbers USING (k) WHERE (SELECT k FROM numbers x WHERE x.n = t.k FOR UPDATE) > 0');
SELECT fusion_of('SELECT count(*) FROM thousand t JOIN numbers USING (k) WHERE (SELECT x.n FROM numbers x WHERE x.n = t.k) > 0');
SELECT fusion_of('WITH c AS MATERIALIZED (SELECT k, nextval(''calls'') FROM thousand), d AS MATERIALIZED (SELECT * FROM c) SELECT count(*) FROM d JOIN numbers USING (k)');
SELECT fusion_of('WITH c AS (SELECT k FROM thousand FOR UPDATE), d AS MATERIALIZED (SELECT * FROM c) SELECT count(*) FROM d JOIN numbers USING (k)');
SELECT fusion_of('WITH c AS MATERIALIZED (SELECT k, nextval(''calls'') FROM thousand) SELECT count(*) FROM (SELECT * FROM c OFFSET 0) d JOIN numbers USING (k)');
SELECT fusion_of('WITH RECURSIVE r(k) AS (SELECT 1 UNION ALL SELECT k + 1 + 0 * nextval(''calls'')::int FROM r WHERE k < 100) SELECT count(*) FROM (SELECT k FROM r OFFSET 0) d JOIN numbers USING (k)');
SELECT fusion_of('WITH RECURSIVE r(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM r WHERE k < 100) SELECT count(*) FROM (SELECT k FROM r OFFSET 0) d JOIN numbers USING (k)');
SELECT fusion_of('WITH c AS MATERIALIZED (SELECT k FROM thousand), d AS MATERIALIZED (SELECT * FROM c) SELECT count(*) FROM d JOIN numbers USING (k)');

DROP SEQUENCE calls;
DROP TABLE numbers, thousand;
DROP FUNCTION serially;
SELECT pool_is_idle();
