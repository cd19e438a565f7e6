-- Columns that PostgreSQL computes in a leaf: where they may be computed, and for which
-- rows; and columns that a grouping only shows.
\pset tuples_only on
\pset format unaligned
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET pg_fusion.force = on;
CREATE TABLE many AS
    SELECT g AS id, g % 1000 AS k, 'text ' || g % 5000 AS t FROM generate_series(1, 20000) g;
ANALYZE many;

-- what workers may compute, they do
CREATE FUNCTION plain_third(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN $1 % 3; END $$;
\set q 'SELECT plain_third(k), count(*) FROM many GROUP BY 1 ORDER BY 1'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;

-- what they may not, the leader does, alone
\set q 'SELECT count(*) FROM (SELECT k % 3 + pg_backend_pid() AS g, count(*) FROM many GROUP BY 1) s'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
CREATE TEMP TABLE map AS SELECT g AS a, g % 4 AS b FROM generate_series(0, 999) g;
CREATE FUNCTION mapped(int) RETURNS int LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS
    $$ BEGIN RETURN (SELECT b FROM map WHERE a = $1); END $$;
\set q 'SELECT mapped(k), count(*) FROM many WHERE id <= 2000 GROUP BY 1 ORDER BY 1'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
\set q 'SELECT id % 2, max(mapped(k)) FROM many WHERE id <= 2000 GROUP BY 1 ORDER BY 1'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
CREATE FUNCTION unsafe_third(int) RETURNS int LANGUAGE plpgsql STABLE PARALLEL UNSAFE AS $$ BEGIN RETURN $1 % 3; END $$;
\set q 'SELECT unsafe_third(k), count(*) FROM many GROUP BY 1 ORDER BY 1'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;

-- nor what uses an outer query's column, which nobody sends them
\set q 'SELECT o.y, (SELECT sum(g) FROM (SELECT chr(65 + b.k % 2)::"char"::text || (o.y + b.k % 3) AS h, (o.y + (chr(65 + b.k % 2) > ''A'')::int) AS g FROM many b GROUP BY 1, 2) s) FROM (VALUES (5), (10)) o(y)'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; :q;
\set q 'SELECT o.p, (SELECT count(*) FROM (SELECT regexp_replace(b.t, o.p, '''') AS g FROM many b GROUP BY 1) s) FROM (VALUES (''[0-9]$''), (''^t'')) o(p)'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
-- but what an init plan gives is sent
\set q 'SELECT regexp_replace(t, (SELECT max(''[0-9]'') FROM shops), '''') AS g, count(*) FROM many GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;

-- sets are PostgreSQL's
SELECT same('SELECT generate_series(1, item_id % 5) AS g, count(*) FROM items GROUP BY 1 ORDER BY 1');
SELECT same('SELECT count(*) FROM (SELECT unnest(ARRAY[k, k + 1]) AS g, count(*) FROM many GROUP BY 1) s');
SELECT same('SELECT DISTINCT generate_series(1, item_id % 5) FROM items');

-- and what is volatile is called as often as PostgreSQL calls it
CREATE SEQUENCE calls;
\set q 'SELECT count(*) FROM (SELECT id FROM many WHERE nextval(''calls'') > 0 LIMIT 3) s'
SELECT setval('calls', 1, false); SET enable_fusion_customscan = off; :q; SELECT nextval('calls');
SELECT setval('calls', 1, false); SET enable_fusion_customscan = on; :q; SELECT nextval('calls');
\set q 'SELECT count(*) FROM (SELECT * FROM (SELECT nextval(''calls'') AS n FROM many OFFSET 0) s WHERE n > 0 LIMIT 3) s'
SELECT setval('calls', 1, false); SET enable_fusion_customscan = off; :q; SELECT nextval('calls');
SELECT setval('calls', 1, false); SET enable_fusion_customscan = on; :q; SELECT nextval('calls');
\set q 'WITH c AS MATERIALIZED (SELECT nextval(''calls'') AS n FROM many) SELECT count(*) FROM (SELECT * FROM c WHERE n > 0 LIMIT 3) s'
SELECT setval('calls', 1, false); SET enable_fusion_customscan = off; :q; SELECT nextval('calls');
SELECT setval('calls', 1, false); SET enable_fusion_customscan = on; :q; SELECT nextval('calls');

-- a placeholder's value is computed for the rows that the conditions leave, no others
SELECT same('SELECT s.shop_id, p.q FROM shops s LEFT JOIN (SELECT shop_id, 60 / (shop_id - 3) AS q, coalesce(city, ''none'') AS c FROM shops WHERE shop_id <> 3) p ON p.shop_id = s.shop_id AND p.c <> ''x'' ORDER BY 1');
SELECT same('SELECT f.fact_id, p.q FROM facts f LEFT JOIN (SELECT fact_id, 60 / quantity + 0 * coalesce(item_id, 0) AS q FROM facts WHERE quantity <> 0) p ON p.fact_id = f.fact_id + 1 ORDER BY 1');

-- columns that are neither keys nor arguments: their values in a group's first row,
-- whatever their type
CREATE TABLE parents (id int PRIMARY KEY, name text, j jsonb, a int[]);
CREATE TABLE children () INHERITS (parents);
INSERT INTO parents VALUES (1, 'a', '{"x": 1}', '{1}'), (2, 'c', NULL, NULL);
INSERT INTO children VALUES (1, 'b', '{"y": 1}', '{2}');
SELECT same_serially('SELECT id, name, count(*) FROM parents GROUP BY id ORDER BY id');
SELECT same_serially('SELECT id, name, j, a, count(*) FROM parents GROUP BY id ORDER BY id');
SELECT same('SELECT id, name FROM parents GROUP BY id HAVING name > ''a'' ORDER BY id');
SELECT same_serially('SELECT id, name, count(DISTINCT name), sum(DISTINCT length(name)) FROM parents GROUP BY id ORDER BY id');
INSERT INTO parents SELECT g, 'p' || g, to_jsonb(g), ARRAY[g] FROM generate_series(10, 4000) g;
INSERT INTO children SELECT g, 'c' || g, to_jsonb(-g), ARRAY[-g] FROM generate_series(10, 4000) g;
ANALYZE parents, children;
SELECT same_serially('SELECT id, name, j, a, count(*) FROM parents GROUP BY id ORDER BY id');
SELECT same('SELECT count(*), count(name) FROM (SELECT id, name, count(*) FROM parents GROUP BY id) s');
SELECT same('SELECT p.id, p.name, p.j, sum(f.quantity) FROM ONLY parents p JOIN facts f ON f.item_id = p.id GROUP BY p.id');
SELECT same('SELECT id, n, tz, iv, u, e, free, j, p, nm, count(*) FROM kinds k JOIN more_kinds m USING (id) GROUP BY k.id, m.id');
SELECT same('SELECT i.item_id, name, price, count(DISTINCT f.quantity), count(f.quantity) FROM items i LEFT JOIN facts f USING (item_id) GROUP BY i.item_id, name, price');
SELECT plan_of('SELECT i.item_id, name, count(DISTINCT f.quantity) FROM items i LEFT JOIN facts f USING (item_id) GROUP BY i.item_id, name, price');
SELECT plan_of('SELECT id, name, count(*) FROM parents GROUP BY id');
-- above a join that PostgreSQL groups
SELECT same_serially('SELECT p.name FROM shops s CROSS JOIN parents p WHERE p.id < 200 GROUP BY p.id');
SELECT same_serially('SELECT name, count(*) FROM parents p JOIN facts f ON f.item_id = p.id GROUP BY p.id');
SELECT same_serially('SELECT (SELECT p.name FROM shops s LIMIT 1), array_length(array_agg(f.fact_id), 1) FROM parents p JOIN facts f ON f.item_id = p.id GROUP BY p.id');
SELECT same_serially('SELECT id FROM parents p JOIN kinds k USING (id) GROUP BY p.id HAVING p.name > ''b''');
SELECT same_serially('SELECT f.note, (SELECT max(q.n) FROM (SELECT p.name AS n FROM shops s JOIN parents p ON p.id > s.shop_id WHERE p.id < 30 GROUP BY p.id) q WHERE q.n > f.note) FROM facts f WHERE f.fact_id < 50');
SELECT pool_is_idle();
DROP TABLE many, parents, children;
DROP SEQUENCE calls;
DROP FUNCTION plain_third, mapped, unsafe_third;
