-- What stays in PostgreSQL, and why: pg_fusion.explain_reasons.
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;

-- PL/pgSQL, so that nothing is inlined.
CREATE FUNCTION plain(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION volatile_one(int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION near(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN abs($1 - $2) < 2; END';
CREATE OPERATOR <~> (LEFTARG = int, RIGHTARG = int, FUNCTION = near);
CREATE AGGREGATE last_of(int) (SFUNC = int4larger, STYPE = int);
CREATE TABLE "Odd Name" ("Key" int, point point, words text[]);

-- reasons_of(query) gives the lines below the heading, without costs.
CREATE FUNCTION reasons_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    heading bool := false;
BEGIN
    SET LOCAL pg_fusion.explain_reasons = on;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF heading THEN
            RETURN NEXT substring(line FROM '^  (.*)$');
        END IF;
        heading := heading OR line = 'Fusion Reasons:';
    END LOOP;
END
$$;

SET pg_fusion.force = on;

-- one node, whatever the order of its joins: nothing to say
SELECT reasons_of('SELECT s.city, count(*) FROM facts f JOIN items i USING (item_id) JOIN shops s USING (shop_id) GROUP BY 1 ORDER BY 2, 1 LIMIT 3');

-- conditions
SELECT reasons_of('SELECT count(*) FROM facts WHERE plain(quantity) = 3');
SELECT reasons_of('SELECT count(*) FROM facts WHERE quantity <~> shop_id AND sold > ''2020-02-02''');
SELECT reasons_of('SELECT count(*) FROM facts WHERE volatile_one(quantity) = 3');
SELECT reasons_of('SELECT count(*) FROM facts f JOIN items i ON f.item_id = i.item_id AND plain(f.quantity + i.item_id) > 1');
SELECT reasons_of('SELECT count(i.kind) FROM facts f LEFT JOIN items i ON f.item_id = i.item_id AND f.quantity <~> i.item_id');
SELECT reasons_of('SELECT shop_id, count(*) FROM facts GROUP BY 1 HAVING plain(count(*)::int) > 3');
SELECT reasons_of('SELECT count(*) FROM "Odd Name" a JOIN "Odd Name" b USING ("Key") WHERE a.point <<| b.point');

-- expressions that a leaf computes, and those that nothing below can
SELECT reasons_of('SELECT plain(quantity), count(*) FROM facts GROUP BY 1');
SELECT reasons_of('SELECT plain(f.quantity), count(*) FROM facts f JOIN items i USING (item_id) GROUP BY 1');
SELECT reasons_of('SELECT fact_id FROM facts ORDER BY plain(quantity) LIMIT 3');
SELECT reasons_of('SELECT count(words[1:2]) FROM "Odd Name" a JOIN shops ON a."Key" = shop_id');

-- types, aggregates
SELECT reasons_of('SELECT "Key" FROM "Odd Name" ORDER BY words');
SELECT reasons_of('SELECT words, count(*) FROM "Odd Name" GROUP BY 1');
SELECT reasons_of('SELECT last_of(quantity) FROM facts');
SELECT reasons_of('SELECT count(DISTINCT shop_id), string_agg(note, '','' ORDER BY fact_id) FROM facts GROUP BY item_id');
SELECT reasons_of('SELECT count(*) FROM facts GROUP BY ROLLUP (shop_id, item_id)');

-- other stages
SELECT reasons_of('SELECT fact_id, ntile(4) OVER (ORDER BY amount) FROM facts WHERE quantity > 3 ORDER BY 2');
SELECT reasons_of('SELECT DISTINCT ON (shop_id) shop_id, fact_id FROM facts ORDER BY 1, 2');
SELECT reasons_of('SELECT shop_id, generate_series(1, quantity) FROM facts ORDER BY 1, 2');
SELECT reasons_of('SELECT shop_id FROM facts LIMIT (SELECT count(*) FROM shops)');
SELECT reasons_of('SELECT shop_id FROM facts EXCEPT SELECT item_id FROM items');

-- joins
SELECT reasons_of('SELECT count(*) FROM facts f, LATERAL (SELECT f.quantity + i.item_id AS x FROM items i LIMIT 3) l');
SET geqo_threshold = 2;
SELECT reasons_of('SELECT count(*) FROM facts f JOIN items i USING (item_id) JOIN shops s USING (shop_id)');
RESET geqo_threshold;

-- subqueries
SELECT reasons_of('SELECT f.shop_id, (SELECT max(price) FROM items i WHERE plain(i.item_id) = f.item_id) FROM facts f ORDER BY 2');
SELECT reasons_of('SELECT fact_id FROM facts WHERE quantity = 1 OR EXISTS (SELECT FROM items i WHERE i.item_id = facts.item_id AND plain(i.item_id) > 3)');
SELECT reasons_of('SELECT count(*) FROM facts WHERE quantity > (SELECT last_of(shop_id) FROM shops)');
SELECT reasons_of('SELECT sum(l) FROM (SELECT shop_id, last_of(quantity) AS l FROM facts GROUP BY 1) q JOIN shops USING (shop_id)');
SELECT reasons_of('WITH c AS MATERIALIZED (SELECT last_of(quantity) AS l FROM facts GROUP BY shop_id) SELECT count(*) FROM c JOIN c d USING (l)');
SELECT reasons_of('SELECT sum(quantity) FROM (SELECT quantity FROM facts UNION ALL SELECT last_of(item_id) FROM items) u');

-- all of it in the engine or below, but for one leaf that is a join of PostgreSQL's
SELECT reasons_of('SELECT count(*) FROM (facts f CROSS JOIN LATERAL (SELECT f.quantity * i.item_id AS x FROM items i LIMIT 3) l) JOIN shops s USING (shop_id)');

-- whole queries
SELECT reasons_of('SELECT * FROM shops FOR UPDATE');
SELECT reasons_of('UPDATE shops SET opened = NULL WHERE plain(shop_id) = (SELECT last_of(item_id) FROM items)');
SELECT reasons_of('INSERT INTO nothing SELECT last_of(quantity) FROM facts');
SELECT reasons_of('CREATE TABLE copied AS SELECT last_of(quantity) FROM facts');
SELECT reasons_of('DECLARE c CURSOR FOR SELECT last_of(quantity) FROM facts');
SET enable_fusion_customscan = off;
SELECT reasons_of('SELECT count(*) FROM facts');
RESET enable_fusion_customscan;

-- possible, but not chosen
RESET pg_fusion.force;
SELECT reasons_of('SELECT count(*) FROM shops s JOIN items i ON s.shop_id = i.item_id');
SELECT reasons_of('SELECT count(*) FROM shops s JOIN items i ON s.shop_id = i.item_id HAVING plain(count(*)::int) = 1');
SELECT reasons_of('SELECT shop_id FROM shops');
SELECT reasons_of('SELECT 1');
SET pg_fusion.explain_reasons = on;
SET pg_fusion.startup_cost = 1000000;
EXPLAIN SELECT count(*) FROM nothing;
RESET pg_fusion.startup_cost;

-- a function that plans queries while the planner works, or while the query runs
SET pg_fusion.force = on;
CREATE FUNCTION plans(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM last_of(item_id) FROM items; RETURN $1; END';
SELECT reasons_of('SELECT count(*) FROM facts WHERE quantity = plans(3)');
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT shop_id FROM shops WHERE shop_id = plans(shop_id) AND opened IS NULL FOR UPDATE;
-- an error does not leave a request behind
CREATE FUNCTION fails(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1 / ($1 - $1); END';
EXPLAIN SELECT count(*) FROM facts WHERE quantity = fails(3);
SELECT last_of(quantity) FROM facts;
EXPLAIN (COSTS OFF) SELECT count(*) FROM facts;

-- EXPLAIN itself is as before
SET pg_fusion.explain_reasons = off;
SET enable_fusion_customscan = off;
CREATE FUNCTION shape_of(options text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
        RETURN NEXT regexp_replace(regexp_replace(line, 'shared .*', 'shared'), '[0-9.]+', 'N', 'g');
    END LOOP;
END
$$;
CREATE TABLE fresh AS SELECT * FROM shops;
SELECT shape_of('ANALYZE, BUFFERS, TIMING OFF, COSTS OFF', 'SELECT * FROM fresh');
SELECT shape_of('SUMMARY, COSTS OFF', 'SELECT * FROM fresh');
RESET enable_fusion_customscan;

-- other formats
CREATE FUNCTION explain_as(format text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    result text := '';
BEGIN
    SET LOCAL pg_fusion.explain_reasons = on;
    FOR line IN EXECUTE format('EXPLAIN (FORMAT %s) %s', format, query) LOOP
        result := result || line || E'\n';
    END LOOP;
    RETURN result;
END
$$;
SELECT jsonb_pretty(explain_as('JSON', 'SELECT last_of(quantity) FROM facts WHERE note <> ''"'' AND plain(shop_id) = 1')::jsonb #> '{0,Fusion Reasons}');
SELECT explain_as('JSON', 'SELECT count(*) FROM facts')::jsonb #> '{0,Fusion Reasons}';
CREATE RULE also AS ON INSERT TO nothing DO ALSO SELECT last_of(quantity) FROM facts;
SELECT jsonb_path_query_array(explain_as('JSON', 'INSERT INTO nothing VALUES (1)')::jsonb, 'strict $[*]."Fusion Reasons"');
DROP RULE also ON nothing;
SELECT xpath('/e:explain/e:Query/e:Fusion-Reasons/e:Item/text()', explain_as('XML', 'SELECT last_of(quantity) FROM facts WHERE plain(shop_id) < 1')::xml,
             '{{e,http://www.postgresql.org/2009/explain}}');
SELECT substring(explain_as('YAML', 'SELECT last_of(quantity) FROM facts') FROM '\n(  Fusion Reasons:.*)$');

-- a cursor that keeps PostgreSQL's plan
SELECT reasons_of('DECLARE c CURSOR FOR SELECT city FROM shops WHERE opened > ''2010-05-01''');
SELECT reasons_of('DECLARE c CURSOR FOR SELECT city, count(*) FROM shops GROUP BY city');

DROP TABLE "Odd Name", fresh;
DROP AGGREGATE last_of(int);
DROP OPERATOR <~> (int, int);
DROP FUNCTION plain, volatile_one, near, reasons_of, plans, fails, shape_of, explain_as;
SELECT pool_is_idle();
