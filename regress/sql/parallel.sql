-- Leaves that parallel workers feed, too. Every query runs in PostgreSQL alone and then
-- in pg_fusion; the plan shows what the workers run.
\pset tuples_only on
\pset format unaligned
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET pg_fusion.force = on;
CREATE TABLE wide AS
    SELECT g AS id, g % 100 AS k, 'text ' || g % 1000 AS t, (g % 7919) / 100.0::numeric(10, 2) AS n,
           CASE WHEN g % 10 > 0 THEN g END AS x, repeat('x', g % 5000) AS big
    FROM generate_series(1, 20000) g;
CREATE INDEX wide_k ON wide (k, id);
ANALYZE wide;
CREATE TABLE parts (id int, part int) PARTITION BY LIST (part);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts SELECT g, 1 + g % 2 FROM generate_series(1, 3000) g;
ANALYZE parts;

-- sequential scans, one and several
\set q 'SELECT k, count(*), sum(n), max(t), count(x), sum(length(big)) FROM wide GROUP BY k ORDER BY k LIMIT 3'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
\set q 'SELECT count(*), sum(a.id), count(b.x) FROM wide a JOIN wide b USING (id) WHERE b.k < 50'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
-- columns that the leaf computes
\set q 'SELECT count(*), sum(length(upper(t))) FROM wide WHERE upper(t) LIKE ''%1''' 
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;

-- index and bitmap scans, and whole joins of PostgreSQL's
SET enable_seqscan = off;
SET enable_bitmapscan = off;
\set q 'SELECT count(*), sum(n) FROM wide WHERE k BETWEEN 3 AND 5'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
\set q 'SELECT count(*), sum(id) FROM wide WHERE k BETWEEN 3 AND 5'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
RESET enable_bitmapscan;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
\set q 'SELECT count(*), sum(n) FROM wide WHERE k BETWEEN 3 AND 5'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
RESET enable_seqscan;
RESET enable_indexscan;
RESET enable_indexonlyscan;
\set q 'SELECT part, count(*), sum(id) FROM parts GROUP BY part ORDER BY part'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;

-- parameters: of the statement, of an init plan, and changed ones at a rescan
\set q 'SELECT count(*), sum(id) FROM wide WHERE k < (SELECT 10 + count(*) FROM wide WHERE k = -1)'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
PREPARE by_k(int) AS SELECT count(*), sum(id) FROM wide WHERE k = $1 AND length(t) > $1 % 2;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE by_k(1);
EXECUTE by_k(1);
EXECUTE by_k(2);
RESET plan_cache_mode;
\set q 'SELECT s, (SELECT count(*) FROM wide a JOIN wide b USING (id) WHERE a.k = 7 AND s > 0) FROM generate_series(1, 3) s'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
\set q 'SELECT s, (SELECT count(*) FROM wide WHERE k = s) FROM generate_series(1, 3) s'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;

-- without parallel mode, without workers, without the leader
BEGIN;
DECLARE steps CURSOR FOR SELECT count(*) FROM wide a JOIN wide b USING (id) UNION ALL SELECT k FROM wide WHERE id = 5;
FETCH 1 steps;
FETCH 1 steps;
COMMIT;
SET max_parallel_workers = 0;
SELECT count(*), sum(n) FROM wide;
RESET max_parallel_workers;
SET parallel_leader_participation = off;
SELECT count(*), sum(n) FROM wide;
SET max_parallel_workers = 0;
SELECT count(*), sum(n) FROM wide;
RESET max_parallel_workers;
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT count(*) FROM wide;
RESET max_parallel_workers_per_gather;

-- stopped early, and errors in whichever process meets them
SELECT count(*) FROM (SELECT a.id FROM wide a JOIN wide b USING (id) LIMIT 7) l;
SELECT count(*) FROM wide WHERE 1 / (id - 15000) = 0;
SELECT count(*) FROM wide WHERE length(t) / (id - 15000) = 0 AND upper(t) > '';
SELECT pool_is_idle();
SELECT count(*), sum(n) FROM wide;

-- what EXPLAIN ANALYZE shows: who fed how much varies, but not the sums
CREATE FUNCTION analyzed(query text, path jsonpath) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN (SELECT string_agg(value #>> '{}', ', ') FROM jsonb_path_query(plan, path) AS value);
END $$;
SELECT analyzed('SELECT count(*) FROM wide', 'strict $.**."Workers Launched"');
SELECT analyzed('SELECT count(*) FROM wide', 'strict ($.** ? (@."Custom Plan Provider" == "Feed")."Actual Rows")
                                              * ($.** ? (@."Custom Plan Provider" == "Feed")."Actual Loops")')::int > 19990;
\set q 'SELECT count(*) FROM wide a JOIN wide b USING (id) WHERE b.k = 3'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
SELECT analyzed(:'q', 'strict $.**."Rows Removed by Runtime Filter"')::int > 10000;
SET pg_fusion.runtime_filters = off;
SELECT analyzed(:'q', 'strict $.**."Rows Removed by Runtime Filter"');
:q;
RESET pg_fusion.runtime_filters;
-- no row is missed where it would be noticed
\set q 'SELECT count(*), count(b.id) FROM wide a LEFT JOIN wide b ON b.id = a.id AND b.k = 3'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
\set q 'SELECT count(*), count(b.id) FROM (SELECT id FROM wide WHERE k = 3) a RIGHT JOIN wide b ON b.id = a.id'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
\set q 'SELECT count(*), count(a.id), count(b.id) FROM (SELECT id FROM wide WHERE k = 3) a FULL JOIN wide b ON b.id = a.id'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
\set q 'SELECT count(*) FROM wide b WHERE NOT EXISTS (SELECT FROM wide a WHERE a.k = 3 AND a.x = b.id)'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
\set q 'SELECT count(*) FROM wide b WHERE EXISTS (SELECT FROM wide a WHERE a.k = 3 AND a.x = b.x)'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
\set q 'SELECT count(*), count(c.id) FROM wide a JOIN (wide b LEFT JOIN wide c ON c.id = b.x) ON c.id = a.id WHERE a.k = 3'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
\set q 'SELECT count(*), count(c.id) FROM (SELECT id FROM wide WHERE k = 3) a JOIN (wide b LEFT JOIN (SELECT id FROM wide WHERE k < 50) c ON c.id = b.x) ON coalesce(c.id, b.id) = a.id'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
DROP FUNCTION analyzed;
DROP TABLE wide, parts;
