-- Results that follow the order of rows.
\pset tuples_only on
\pset format unaligned
SET synchronize_seqscans = off;
SET max_parallel_workers_per_gather = 0;
-- as same_serially
SET same.serially = on;

-- stable(query, times) runs a query again and again with pg_fusion forced: the results
-- must be the same.
CREATE FUNCTION stable(query text, times int) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    node text := fusion_of(query);
    first text[] := rows_of(query, true);
BEGIN
    IF NOT says_order(query) THEN
        first := ARRAY(SELECT r FROM unnest(first) r ORDER BY r COLLATE "C");
    END IF;
    FOR i IN 2..times LOOP
        DECLARE
            again text[] := rows_of(query, true);
        BEGIN
            IF NOT says_order(query) THEN
                again := ARRAY(SELECT r FROM unnest(again) r ORDER BY r COLLATE "C");
            END IF;
            IF again <> first THEN
                RETURN format('DIFFERENT in run %s (%s)', i, node);
            END IF;
        END;
    END LOOP;
    RETURN format('the same %s rows, %s', cardinality(first), node);
END
$$;

-- in_order(query) compares the rows in the order in which they come.
CREATE FUNCTION in_order(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    native text[] := rows_of(query, false);
    fused text[] := rows_of(query, true);
BEGIN
    RETURN format('%s %s rows, %s', CASE WHEN native = fused THEN 'same' ELSE 'DIFFERENT' END,
                  cardinality(native), fusion_of(query));
END
$$;

-- Equal values that look different, in an order, in the opposite one, and mixed up; many
-- pages, so that several threads have something to do.
CREATE TABLE looks (
    id int, k int, k2 int, f4 float4, f8 float8, n numeric, iv interval, bp bpchar COLLATE "C",
    n2 numeric(10, 2), c6 char(6) COLLATE "C"
);
INSERT INTO looks
SELECT i, i % 7, i % 5000,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i > 45000 THEN '-0' ELSE 0 END,
       CASE WHEN i % 13 = 0 THEN NULL WHEN i > 45000 THEN '-0' ELSE 0 END,
       CASE WHEN i % 17 = 0 THEN NULL WHEN i > 45000 THEN 1.000 WHEN i % 3 = 0 THEN 1.0 ELSE 1.00 END,
       CASE WHEN i % 19 = 0 THEN NULL WHEN i > 45000 THEN interval '24:00' WHEN i % 3 = 0 THEN interval '1 day' ELSE interval '23:00' + interval '1 hour' END,
       CASE WHEN i % 23 = 0 THEN NULL WHEN i < 100 THEN 'z' WHEN i % 3 = 0 THEN 'z ' ELSE 'z   ' END,
       1, 'z'
FROM generate_series(1, 50000) i;
CREATE TABLE looks_back AS SELECT * FROM looks ORDER BY id DESC;
CREATE TABLE looks_mixed AS SELECT * FROM looks ORDER BY id * 7919 % 50021;
CHECKPOINT;
VACUUM ANALYZE looks, looks_back, looks_mixed;

-- min and max: PostgreSQL's function for the type keeps the first or the last
SELECT t, same(format('SELECT min(f4), max(f4), min(f8), max(f8), min(n), max(n), min(iv), max(iv) FROM %I', t)),
       same(format('SELECT min(bp), max(bp), min(n2), max(c6) FROM %I', t))
FROM unnest('{looks,looks_back,looks_mixed}'::text[]) t;
SELECT t, same(format('SELECT k, min(f4), max(f4), min(f8), max(f8), min(n), max(n), min(iv), max(iv), min(bp), max(bp) FROM %I GROUP BY k', t)),
       same(format('SELECT k2, max(f8), min(n), max(iv), min(bp) FROM %I GROUP BY k2', t))
FROM unnest('{looks,looks_back,looks_mixed}'::text[]) t;
SELECT same('SELECT k, max(f8) FILTER (WHERE id % 2 = 0), min(n) FILTER (WHERE id < 100) FROM looks WHERE id % 3 <> 1 GROUP BY k');
SELECT same('SELECT max(-f8), min(n * 1.0), max(iv * 1), min(coalesce(f8, 0)) FROM looks');
SELECT stable('SELECT k2, max(f8), min(n), max(iv), min(bp), max(f4) FROM looks_mixed GROUP BY k2', 20);

-- the value that stands for a group
SELECT t, same(format('SELECT f8, count(*) FROM %I GROUP BY f8', t)), same(format('SELECT n, count(*), sum(k) FROM %I GROUP BY n', t)),
       same(format('SELECT iv, f4, count(*) FROM %I GROUP BY iv, f4', t)), same(format('SELECT bp, c6, n2, count(*) FROM %I GROUP BY bp, c6, n2', t)),
       same(format('SELECT DISTINCT f8, n, bp FROM %I', t)), same(format('SELECT DISTINCT iv, k FROM %I', t))
FROM unnest('{looks,looks_back,looks_mixed}'::text[]) t;
SELECT stable('SELECT f8, n, iv, bp, k, count(*) FROM looks_mixed GROUP BY f8, n, iv, bp, k', 20);

-- with an index, the order is that of the index
CREATE INDEX looks_f8 ON looks (f8);
CREATE INDEX looks_n ON looks (n);
SELECT same('SELECT min(f8), max(n) FROM looks');
SELECT same('SELECT min(n) FROM looks WHERE n > 0.5');
SET enable_hashagg = off;
SELECT same('SELECT f8, count(*) FROM looks GROUP BY f8');
SELECT same('SELECT DISTINCT n FROM looks');
SELECT same('SELECT k, min(f8), max(n), sum(k2 / 7.0::float8) FROM looks GROUP BY k');
RESET enable_hashagg;
DROP INDEX looks_f8, looks_n;

-- which of equal values DISTINCT sorts first, only PostgreSQL knows
SELECT same('SELECT sum(DISTINCT n), avg(DISTINCT f8), sum(DISTINCT iv), min(DISTINCT n) FROM looks_mixed');
SELECT same('SELECT count(DISTINCT n), count(DISTINCT bp), count(DISTINCT f8), sum(DISTINCT n2), sum(DISTINCT k) FROM looks_mixed');

-- values that always look the same need no order
SELECT same('SELECT c6, n2, count(*), min(c6), max(n2), sum(n2) FROM looks GROUP BY c6, n2');
SELECT same('SELECT x.c6, x.n2, count(*), min(y.c6) FROM looks x JOIN looks_back y USING (id) GROUP BY x.c6, x.n2');
SELECT same('SELECT max(s) FROM (SELECT k, sum(n2 * (1 - n2)) AS s FROM looks GROUP BY k) x');

-- sums of floats in the order of the table, at every run
CREATE TABLE digits AS SELECT i AS id, i % 11 AS k, i % 3001 AS k2, (i * 7919 % 1000) / 7.0::float8 AS x, ((i * 7919 % 1000) / 7.0)::float4 AS y FROM generate_series(1, 60000) i;
CREATE TABLE odd AS SELECT i * 31 AS id FROM generate_series(1, 20000) i;
CHECKPOINT;
VACUUM ANALYZE digits, odd;
SELECT same('SELECT sum(x), avg(x), sum(y), avg(y) FROM digits');
SELECT same('SELECT k, sum(x), avg(x), sum(y), avg(y) FROM digits GROUP BY k');
SELECT same('SELECT k2, sum(x), avg(y) FROM digits GROUP BY k2');
SELECT same('SELECT k, sum(x) FILTER (WHERE id % 3 = 0), avg(x + y) FROM digits WHERE id % 5 <> 1 GROUP BY k ORDER BY k');
SELECT same('SELECT sum(x) FROM (SELECT x FROM digits WHERE id % 2 = 0 OFFSET 0) s');
SELECT stable('SELECT sum(x), avg(x), sum(y), avg(y) FROM digits', 20);
SELECT stable('SELECT k2, sum(x), avg(y) FROM digits GROUP BY k2', 20);
SET work_mem = '64kB';
SELECT same('SELECT k2, sum(x), avg(y) FROM digits GROUP BY k2');
SELECT same('SELECT sum(x), avg(x) FROM digits');
RESET work_mem;

-- above a join the order is PostgreSQL's, and so is the plan
SELECT same('SELECT sum(x), avg(x) FROM digits JOIN odd USING (id)');
SELECT same('SELECT k, sum(x) FROM digits JOIN odd USING (id) GROUP BY k');
SELECT same('SELECT stddev(x), sum(x), avg(x), md5(array_agg(id)::text) FROM digits JOIN odd USING (id)');
SELECT same('SELECT string_agg(id::text, '','') FROM digits JOIN odd USING (id) WHERE id < 9000');
SELECT same('SELECT json_agg(id), jsonb_agg(k), json_object_agg(id, k), xmlagg(xmlelement(name a, id)) FROM digits JOIN odd USING (id) WHERE id < 900');
SELECT same('SELECT max(x * 0), min(y * -0.0::float4) FROM digits JOIN odd USING (id)');
SELECT same('SELECT x * 0, count(*) FROM digits JOIN odd USING (id) GROUP BY 1');
SELECT same('SELECT DISTINCT y * -0.0::float4 FROM digits JOIN odd USING (id)');
SELECT same('SELECT array_agg(id) FROM (SELECT id FROM digits JOIN odd USING (id) OFFSET 0) s');
SELECT same('SELECT array_agg(k) FROM (SELECT k, count(*) FROM digits JOIN odd USING (id) GROUP BY k) s');
SELECT same('SELECT ARRAY(SELECT id FROM digits JOIN odd USING (id))');
SELECT same('SELECT id, row_number() OVER () FROM digits JOIN odd USING (id)');
SELECT same('SELECT id, sum(x) OVER (PARTITION BY k) FROM digits JOIN odd USING (id)');
SELECT same('SELECT x * 0 FROM digits JOIN odd USING (id) UNION SELECT -x * 0 FROM digits');
CREATE FUNCTION first_state(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1';
CREATE AGGREGATE first_of(anyelement) (SFUNC = first_state, STYPE = anyelement);
SELECT same('SELECT k, first_of(id) FROM digits JOIN odd USING (id) GROUP BY k');
-- what does not follow the order is taken
SELECT same('SELECT k, stddev(id), count(*), sum(k2) FROM digits JOIN odd USING (id) GROUP BY k');
SELECT same('SELECT k, array_agg(id ORDER BY id), string_agg(DISTINCT k2::text, '','') FROM digits JOIN odd USING (id) GROUP BY k');
SELECT same('SELECT id, rank() OVER (ORDER BY k), sum(k2) OVER (PARTITION BY k) FROM digits JOIN odd USING (id)');
SELECT same('SELECT array_agg(m) FROM (SELECT max(k2) AS m FROM digits JOIN odd USING (id)) s');

-- calls of a query level that mention columns of those around it, or stand in its sublinks
SELECT same('SELECT o.id, s.f, s.m FROM odd o CROSS JOIN LATERAL (SELECT DISTINCT first_value(d.k) OVER (ORDER BY o.id DESC) AS f, (SELECT min(a.k2) FROM digits a JOIN odd b USING (id) WHERE b.id < 900) AS m FROM digits d WHERE d.id < 4) s WHERE o.id < 200');
SELECT same('SELECT o.id, (SELECT string_agg(DISTINCT (d.k + o.id)::text, (SELECT max(q.id)::text FROM odd q WHERE q.id < 99)) FROM digits d WHERE d.id < o.id) FROM odd o WHERE o.id < 200');
SELECT same('SELECT k, (SELECT array_agg(d.id ORDER BY d.id) FROM (VALUES (1)) v), (SELECT sum(a.k2) FROM digits a JOIN odd USING (id) WHERE a.k = d.k AND a.id < 3000) FROM digits d WHERE id < 3000 GROUP BY k');
SELECT same('SELECT k, (SELECT sum(d.x) FROM (VALUES (1)) v) FROM digits d JOIN odd USING (id) GROUP BY k');

-- a common table expression is read by levels further in
SELECT same('WITH c AS MATERIALIZED (SELECT id, x FROM digits JOIN odd USING (id)) SELECT sum(x) FROM c');
SELECT same('WITH c AS MATERIALIZED (SELECT id, x FROM digits JOIN odd USING (id)) SELECT (SELECT sum(x) FROM c)');
SELECT same('WITH c AS MATERIALIZED (SELECT id, x FROM digits JOIN odd USING (id)) SELECT * FROM (SELECT array_agg(id), sum(x) FROM c) q');
SELECT same('WITH c AS MATERIALIZED (SELECT id, x FROM digits JOIN odd USING (id)) SELECT ARRAY(SELECT id FROM c)');
SELECT same('WITH c AS MATERIALIZED (SELECT id, x FROM digits JOIN odd USING (id)) SELECT * FROM (SELECT id, row_number() OVER () FROM c) q');
SELECT same('WITH c AS MATERIALIZED (SELECT id, k FROM digits JOIN odd USING (id)) SELECT * FROM (SELECT DISTINCT ON (k) k, id FROM c) q');
SELECT same('WITH c AS MATERIALIZED (SELECT k2, min(x) AS x FROM digits GROUP BY k2) SELECT (SELECT string_agg(k2::text, '','') FROM c)');
SELECT same('WITH c AS MATERIALIZED (SELECT id, x FROM digits JOIN odd USING (id)), d AS MATERIALIZED (SELECT * FROM c), e AS MATERIALIZED (WITH f AS MATERIALIZED (SELECT id, x FROM d) SELECT sum(x) AS s FROM f) SELECT s FROM e');
SELECT same('WITH RECURSIVE r AS (SELECT id, x FROM digits JOIN odd USING (id) WHERE id < 3000 UNION ALL SELECT id + 1, x FROM r WHERE id % 31 = 0) SELECT (SELECT sum(x) FROM r)');
SELECT same('WITH c AS MATERIALIZED (SELECT id, k FROM digits JOIN odd USING (id)) SELECT (SELECT sum(k) FROM c)');

-- two scans with different orders are not taken for each other
CREATE TABLE portions (k int, x float8) PARTITION BY RANGE (k);
CREATE TABLE portions_1 PARTITION OF portions FOR VALUES FROM (0) TO (5000);
CREATE TABLE portions_2 PARTITION OF portions FOR VALUES FROM (5000) TO (10000);
INSERT INTO portions SELECT i % 10000, (i * 7919::bigint % 100003) / 7.0 FROM generate_series(1, 60000) i;
CREATE INDEX portions_by_x ON portions (k, x);
CREATE INDEX digits_by_x ON digits (k, x);
CHECKPOINT;
VACUUM ANALYZE portions, digits;
SELECT same('SELECT k, sum(x) FROM portions GROUP BY k');
SELECT same('SELECT 99 AS k, sum(x) FROM digits UNION ALL SELECT k, sum(x) FROM digits GROUP BY k ORDER BY 1');
SET enable_sort = off;
SET enable_hashagg = off;
SELECT same('SELECT k, sum(x) FROM portions GROUP BY k ORDER BY k');
SELECT same('SELECT 99 AS k, sum(x) FROM digits UNION ALL SELECT k, sum(x) FROM digits GROUP BY k ORDER BY 1');
SELECT same('SELECT k, sum(x), (SELECT sum(x) FROM digits) FROM digits GROUP BY k ORDER BY k');
RESET enable_sort;
RESET enable_hashagg;
DROP TABLE portions;

-- an order that somebody asked for below is shown
SELECT in_order('SELECT * FROM (SELECT id FROM digits ORDER BY id DESC) s LIMIT 5');
SELECT in_order('SELECT * FROM (SELECT id, k FROM digits ORDER BY id DESC LIMIT 10000) s WHERE k <> 3 LIMIT 5');
SELECT in_order('SELECT * FROM (SELECT id, k FROM digits ORDER BY id DESC LIMIT 10000) s WHERE k <> 3');
SELECT in_order('SELECT array_agg(id) FROM (SELECT * FROM (SELECT id, k FROM digits ORDER BY id DESC LIMIT 10000) s WHERE k > 9 LIMIT 5) x');
SELECT in_order('SELECT s.id, o.id FROM (SELECT id, k FROM digits ORDER BY id DESC LIMIT 10000) s JOIN odd o USING (id) LIMIT 5');
SELECT in_order('SELECT s.id, o.id FROM (SELECT id, k FROM digits ORDER BY id DESC LIMIT 10000) s JOIN odd o USING (id)');
SELECT in_order('WITH s AS MATERIALIZED (SELECT id, k FROM digits ORDER BY k, id) SELECT * FROM s WHERE k <> 3 LIMIT 100');
SELECT in_order('WITH s AS MATERIALIZED (SELECT id, k FROM digits ORDER BY k, id) SELECT id, k FROM s JOIN odd USING (id)');
SELECT in_order('SELECT g FROM generate_series(20000, 1, -1) g WHERE g % 3 <> 1');
SELECT in_order('SELECT g, k FROM generate_series(20000, 1, -1) g JOIN digits ON id = g');
SELECT in_order('SELECT u FROM unnest(ARRAY(SELECT id FROM digits ORDER BY k, id)) u WHERE u > 5 LIMIT 1000');
SELECT in_order('SELECT * FROM (VALUES (3), (1), (2)) v (a) WHERE a <> 2');
SELECT in_order('SELECT a, count(*) FROM (VALUES (3), (1), (2)) v (a) JOIN digits ON k = a GROUP BY a ORDER BY a');

DROP AGGREGATE first_of(anyelement);
DROP FUNCTION stable(text, int), in_order(text), first_state(anyelement, anyelement);
DROP TABLE looks, looks_back, looks_mixed, digits, odd;
