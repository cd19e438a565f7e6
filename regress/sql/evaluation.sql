-- Which rows an expression is computed for, where that can be seen: by an error, or by a
-- volatile function's effect.
\pset tuples_only on
\pset format unaligned
CREATE SEQUENCE calls;
-- calls_of(query) gives the rows of a query and what the sequence has reached then, with
-- PostgreSQL alone and with pg_fusion forced, and says what the engine did.
CREATE FUNCTION calls_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    native text; fused text;
BEGIN
    PERFORM setval('calls', 1, false);
    native := array_to_string(rows_of(query, false), ' ') || ' and then ' || nextval('calls');
    PERFORM setval('calls', 1, false);
    fused := array_to_string(rows_of(query, true), ' ') || ' and then ' || nextval('calls');
    RETURN CASE WHEN native = fused THEN 'same ' ELSE 'DIFFERENT ' || native || ' ' END || fused || ', ' || fusion_of(query);
END
$$;

-- rows that OFFSET skips
SELECT calls_of('SELECT nextval(''calls''), item_id FROM items ORDER BY item_id OFFSET 3 LIMIT 5');
SELECT calls_of('SELECT nextval(''calls''), f.fact_id FROM facts f JOIN items i USING (item_id) WHERE f.fact_id < 40 ORDER BY f.fact_id OFFSET 3 LIMIT 5');
SELECT calls_of('SELECT nextval(''calls'') > 0, shop_id FROM shops OFFSET 7');
SELECT calls_of('SELECT nextval(''calls'') + sum(quantity) * 0, shop_id FROM facts GROUP BY shop_id ORDER BY shop_id OFFSET 8');
SELECT calls_of('SELECT nextval(''calls'') > count(*) * 0 FROM facts GROUP BY shop_id OFFSET 8');
SELECT same('SELECT 100 / (shop_id - 1), shop_id FROM shops ORDER BY shop_id OFFSET 3 LIMIT 2');
SELECT same('SELECT shop_id, 100 / (min(shop_id) - 1) FROM facts GROUP BY shop_id ORDER BY shop_id OFFSET 3 LIMIT 2');
SELECT same('SELECT shop_id, to_char(100 / (min(shop_id) - 1), ''999'') FROM facts GROUP BY shop_id ORDER BY shop_id OFFSET 3 LIMIT 2');
SELECT same('SELECT count(*) FROM (SELECT 100 / (shop_id - 1) FROM shops OFFSET 3) s');
SELECT same('SELECT count(x) FROM (SELECT 100 / (shop_id - 1) AS x FROM shops OFFSET 0) s');
-- what cannot fail skips with them
SELECT same('SELECT item_id, name, price > 3 FROM items ORDER BY item_id OFFSET 3 LIMIT 2');
SELECT same('SELECT shop_id, sum(quantity), count(*) FROM facts GROUP BY shop_id ORDER BY 3, 1 OFFSET 3 LIMIT 2');
SELECT same('SELECT i.name, f.fact_id FROM facts f JOIN items i USING (item_id) ORDER BY f.fact_id DESC OFFSET 3 LIMIT 2');

-- rows that a sort with a limit drops, and rows that nobody asks for
SELECT same('SELECT 100 / (shop_id - 9), shop_id FROM shops ORDER BY shop_id + 0 LIMIT 2');
SELECT same('SELECT 100 / (shop_id - 9), shop_id FROM shops ORDER BY shop_id + 0 LIMIT (SELECT 2)');
SELECT same('SELECT 100 / (shop_id - 11), shop_id FROM shops ORDER BY shop_id LIMIT 2');
SELECT same('SELECT shop_id, 100 / (max(shop_id) - 9) AS x, sum(quantity) FROM facts GROUP BY shop_id ORDER BY shop_id LIMIT 2');
SELECT same('SELECT shop_id, 100 / (max(shop_id) - 11) AS x, sum(quantity) FROM facts GROUP BY shop_id ORDER BY shop_id LIMIT 2');
SELECT same('SELECT shop_id, to_char(100 / (shop_id - 9), ''999'') FROM shops ORDER BY shop_id + 0 LIMIT 2');
SELECT same('SELECT shop_id, to_char(100 / (shop_id - 11), ''999'') FROM shops ORDER BY shop_id LIMIT 2');
SELECT same('SELECT 100 / (f.fact_id - 900), i.name FROM facts f JOIN items i USING (item_id) WHERE f.fact_id < 1000 ORDER BY f.fact_id LIMIT 2');
SELECT same('SELECT 100 / (shop_id - 9) FROM shops ORDER BY 100 / (shop_id - 9) LIMIT 2');
SELECT same('SELECT 100 / (shop_id - 11) FROM shops ORDER BY 100 / (shop_id - 11), shop_id LIMIT 2');
BEGIN;
SET LOCAL pg_fusion.force = on;
DECLARE c CURSOR FOR SELECT shop_id, 100 / (shop_id - 9) FROM shops ORDER BY shop_id + 0;
FETCH 1 FROM c;
ROLLBACK;
-- PostgreSQL computes what is dear or volatile after its sort
SELECT calls_of('SELECT nextval(''calls''), item_id FROM items ORDER BY item_id LIMIT 5');
CREATE FUNCTION dear(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE COST 1000 AS $$ BEGIN RETURN 100 / (x - 9); END $$;
SELECT same('SELECT dear(shop_id), shop_id FROM shops ORDER BY shop_id LIMIT 2');
SELECT same('SELECT dear(shop_id), shop_id FROM shops ORDER BY shop_id DESC OFFSET 5 LIMIT 2');
-- an order that is volatile is no order
SELECT fusion_of('SELECT item_id FROM items ORDER BY random(), item_id');

-- a side that is known to be empty, and conditions that never hold
CREATE TABLE extremes (id int, c float8, d float8, i interval);
INSERT INTO extremes VALUES (1, -1e308, 2, '-178000000 years');
ANALYZE extremes;
SELECT same('SELECT count(*) FROM shops a LEFT JOIN (SELECT c FROM extremes WHERE c * d = 0) b ON false');
SELECT same('SELECT a.shop_id, b.c FROM shops a LEFT JOIN (SELECT c FROM extremes WHERE c * d = 0) b ON a.shop_id = b.c AND NULL::bool');
SELECT same('SELECT NULL::text FROM (SELECT NULL::int4[] FROM extremes a GROUP BY justify_interval(a.i + a.i)) d RIGHT JOIN shops b ON NULL::bool');
SELECT same('SELECT count(*), count(d.s) FROM shops b LEFT JOIN (SELECT a.i + a.i AS s FROM extremes a GROUP BY 1) d ON false');
SELECT same('SELECT count(*), count(d.s) FROM shops b LEFT JOIN (SELECT a.i + a.i AS s FROM extremes a JOIN items ON item_id = id GROUP BY 1) d ON false JOIN items i ON i.item_id = b.shop_id');
SELECT same('SELECT count(*) FROM shops b WHERE NOT EXISTS (SELECT FROM extremes a JOIN items i ON i.item_id = a.id WHERE a.c * a.d > 0 AND false)');
SELECT same('SELECT count(*) FROM shops b WHERE EXISTS (SELECT FROM (SELECT sum(a.i + a.i) AS s FROM extremes a) d WHERE d.s IS NULL AND NULL::bool)');
SELECT same('SELECT count(*) FROM shops b JOIN (SELECT c * d AS x FROM extremes) e ON false');
SELECT same('SELECT sum(b.shop_id) FROM shops b LEFT JOIN (extremes e JOIN items i ON i.item_id = e.id AND e.c * e.d > 0) ON false JOIN facts f ON f.shop_id = b.shop_id');

-- conditions that do not depend on the rows, known when the plan runs
SET plan_cache_mode = force_generic_plan;
PREPARE gated(bool) AS SELECT count(*), sum(e.c * e.d) FROM extremes e JOIN shops s ON e.id = s.shop_id AND $1;
PREPARE gated_below(bool) AS SELECT count(*), count(x) FROM shops s LEFT JOIN (SELECT e.id, e.c * e.d AS x FROM extremes e JOIN items i ON e.id = i.item_id WHERE e.c * e.d > 0 AND $1) j ON j.id = s.shop_id;
PREPARE gated_leaf(bool) AS SELECT count(*) FROM extremes e JOIN shops s ON e.id = s.shop_id WHERE e.c * e.d > 0 AND $1;
PREPARE gated_groups(bool) AS SELECT g.n, s.city FROM (SELECT e.id, sum(c * d) AS n FROM extremes e JOIN items i ON e.id = i.item_id WHERE $1 GROUP BY e.id) g JOIN shops s ON s.shop_id = g.id AND $1;
SET pg_fusion.force = on;
SET enable_fusion_customscan = off; EXECUTE gated(false); EXECUTE gated(NULL); EXECUTE gated(true); DISCARD PLANS;
SET enable_fusion_customscan = on; EXECUTE gated(false); EXECUTE gated(NULL); EXECUTE gated(true);
EXPLAIN (COSTS OFF) EXECUTE gated(true);
SET enable_fusion_customscan = off; EXECUTE gated_below(false); EXECUTE gated_below(NULL); EXECUTE gated_below(true); DISCARD PLANS;
SET enable_fusion_customscan = on; EXECUTE gated_below(false); EXECUTE gated_below(NULL); EXECUTE gated_below(true);
EXPLAIN (COSTS OFF) EXECUTE gated_below(true);
SET enable_fusion_customscan = off; EXECUTE gated_leaf(false); EXECUTE gated_leaf(NULL); EXECUTE gated_leaf(true); DISCARD PLANS;
SET enable_fusion_customscan = on; EXECUTE gated_leaf(false); EXECUTE gated_leaf(NULL); EXECUTE gated_leaf(true);
EXPLAIN (COSTS OFF) EXECUTE gated_leaf(true);
SET enable_fusion_customscan = off; EXECUTE gated_groups(false); EXECUTE gated_groups(NULL); EXECUTE gated_groups(true); DISCARD PLANS;
SET enable_fusion_customscan = on; EXECUTE gated_groups(false); EXECUTE gated_groups(NULL); EXECUTE gated_groups(true);
EXPLAIN (COSTS OFF) EXECUTE gated_groups(true);
DEALLOCATE ALL;
RESET pg_fusion.force;
RESET plan_cache_mode;
SELECT same('SELECT count(*) FROM extremes e JOIN shops s ON e.id = s.shop_id AND e.c * e.d > 0 WHERE EXISTS (SELECT FROM nothing)');
SELECT same('SELECT count(*) FROM extremes e JOIN shops s ON e.id = s.shop_id AND e.c * e.d > 0 WHERE EXISTS (SELECT FROM shops)');
SELECT same('SELECT s.shop_id, e.id FROM shops s LEFT JOIN extremes e ON e.id = s.shop_id WHERE s.city > ''a'' AND (SELECT min(a) FROM nothing) = 1');
SELECT same('SELECT s.shop_id, e.id FROM shops s FULL JOIN extremes e ON e.id = s.shop_id WHERE (SELECT count(*) FROM nothing) = 0');
-- in parallel workers as well
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET pg_fusion.force = on;
\set q 'SELECT count(*), sum(i.price) FROM facts f JOIN items i USING (item_id) WHERE (SELECT count(*) FROM nothing) = 0'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
CREATE FUNCTION restricted() RETURNS bool LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS $$ BEGIN RETURN true; END $$;
\set q 'SELECT count(*), sum(i.price) FROM facts f JOIN items i USING (item_id) WHERE restricted()'
SET enable_fusion_customscan = off; :q; SET enable_fusion_customscan = on; EXPLAIN (COSTS OFF) :q; :q;
SELECT pool_is_idle();
DROP TABLE extremes;
DROP SEQUENCE calls;
DROP FUNCTION calls_of, dear, restricted;
