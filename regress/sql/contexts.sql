-- Wherever a query stands: the results and what is left behind.
SET pg_fusion.force = on;

-- prepared statements with generic plans
SET plan_cache_mode = force_generic_plan;
PREPARE filtered (int, text, date, float8) AS
SELECT count(*), sum(quantity) FROM facts WHERE quantity > $1 AND note LIKE $2 AND sold > $3 AND ratio < $4;
EXECUTE filtered (3, '%1%', '2020-05-05', 100);
EXECUTE filtered (10, '%', '-infinity', 'nan');
EXECUTE filtered (NULL, '%', '-infinity', 'nan');
EXECUTE filtered (3, '%\', '-infinity', 'nan');
PREPARE added (int) AS SELECT shop_id, sum(quantity + $1), max($1) FROM facts GROUP BY shop_id ORDER BY 1 LIMIT 2;
EXPLAIN (COSTS OFF) EXECUTE added (1);
EXECUTE added (1);
EXECUTE added (NULL);
EXECUTE added (2147483647);
PREPARE listed (int[], numeric) AS SELECT count(*) FROM facts WHERE item_id = ANY ($1) AND amount > $2;
EXECUTE listed ('{1,2,3,NULL}', 100.005);
EXECUTE listed ('{}', 0);
EXECUTE listed (NULL, 'nan');
PREPARE cut (int, int) AS SELECT shop_id FROM shops ORDER BY shop_id LIMIT $1 OFFSET $2;
EXECUTE cut (2, 1);
EXECUTE cut (NULL, 8);
PREPARE joined (text, int) AS SELECT s.city, count(*) FROM facts f JOIN shops s ON s.shop_id = f.shop_id AND s.city <> $1 AND f.quantity + s.shop_id > $2 GROUP BY 1 ORDER BY 1;
EXECUTE joined ('city 1', 20);
EXECUTE joined ('city 2', 21);
SET plan_cache_mode = force_custom_plan;
EXECUTE joined ('city 2', 21);
RESET plan_cache_mode;
DEALLOCATE ALL;

-- cursors
BEGIN;
DECLARE forward CURSOR FOR SELECT fact_id, note FROM facts JOIN items USING (item_id) WHERE quantity > 3 ORDER BY fact_id;
FETCH 2 forward;
MOVE 5000 forward;
FETCH 1 forward;
CLOSE forward;
SELECT pool_is_idle();
DECLARE scrolling SCROLL CURSOR FOR SELECT fact_id FROM facts JOIN items USING (item_id) WHERE quantity > 3 ORDER BY fact_id;
FETCH 3 scrolling;
FETCH BACKWARD 2 scrolling;
FETCH LAST scrolling;
FETCH FIRST scrolling;
FETCH ABSOLUTE 5 scrolling;
FETCH RELATIVE -2 scrolling;
DECLARE kept CURSOR WITH HOLD FOR SELECT shop_id, count(*) FROM facts GROUP BY 1 ORDER BY 1;
FETCH 1 kept;
COMMIT;
FETCH 1 kept;
CLOSE kept;
-- two at a time, and an error in a subtransaction between
BEGIN;
DECLARE one CURSOR FOR SELECT fact_id FROM facts UNION ALL SELECT 0;
DECLARE two CURSOR FOR SELECT count(*) FROM facts JOIN items USING (item_id);
FETCH 1 one;
FETCH 2 two;
SAVEPOINT s;
SELECT sum(10 / (quantity - 3)) FROM facts;
ROLLBACK TO s;
FETCH 1 one;
COMMIT;
SELECT pool_is_idle();
-- a cursor that WHERE CURRENT OF may name keeps PostgreSQL's plan
BEGIN;
EXPLAIN (COSTS OFF) DECLARE here CURSOR FOR SELECT shop_id FROM shops WHERE shop_id > 3;
DECLARE here CURSOR FOR SELECT shop_id FROM shops WHERE shop_id > 3;
FETCH 1 here;
UPDATE shops SET city = 'here' WHERE CURRENT OF here RETURNING shop_id;
DO $$
DECLARE
    there CURSOR FOR SELECT shop_id FROM shops WHERE shop_id < 3;
    id int;
BEGIN
    OPEN there;
    FETCH there INTO id;
    UPDATE shops SET city = 'there' WHERE CURRENT OF there;
END $$;
SELECT city, count(*) FROM shops WHERE city IN ('here', 'there') GROUP BY city ORDER BY city;
ROLLBACK;
EXPLAIN (COSTS OFF) DECLARE no_target CURSOR FOR SELECT city, count(*) FROM shops GROUP BY city;

-- PL/pgSQL
DO $$
DECLARE
    r record;
    n int := 0;
BEGIN
    FOR r IN SELECT fact_id FROM facts WHERE quantity > 1 LOOP
        n := n + 1;
        EXIT WHEN n > 10;
    END LOOP;
    FOR r IN SELECT shop_id, count(*) c FROM facts GROUP BY 1 LOOP
        n := n + (SELECT count(*) FROM items WHERE item_id = r.shop_id);
    END LOOP;
    FOR i IN 1..10 LOOP
        SELECT n + count(*) INTO n FROM facts WHERE quantity = i AND shop_id > i;
    END LOOP;
    RAISE NOTICE '%', n;
END
$$;
CREATE FUNCTION facts_of(x int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM facts WHERE shop_id = x); END $$;
CREATE FUNCTION first_facts(int) RETURNS TABLE (a int, b text) LANGUAGE sql STABLE AS 'SELECT fact_id::int, note FROM facts WHERE shop_id = $1 ORDER BY fact_id LIMIT 3';
SELECT shop_id, facts_of(shop_id) FROM shops WHERE facts_of(shop_id) > 3 ORDER BY 1 LIMIT 3;
SELECT * FROM first_facts(2);
SELECT s.shop_id, r.* FROM shops s, first_facts(s.shop_id) r ORDER BY 1, 2 LIMIT 4;

-- statements that write what a query reads
CREATE TABLE made AS SELECT shop_id, count(*) c, sum(amount) s FROM facts GROUP BY 1;
INSERT INTO made SELECT shop_id, 1, 2 FROM shops WHERE shop_id > 8;
INSERT INTO made SELECT f.shop_id, f.item_id, amount FROM facts f JOIN items USING (item_id) WHERE fact_id < 4 RETURNING *;
INSERT INTO made SELECT * FROM made;
UPDATE made SET c = (SELECT count(*) FROM facts WHERE facts.shop_id = made.shop_id) WHERE c = 1;
DELETE FROM made USING items WHERE items.item_id = made.c;
SELECT count(*), sum(c), sum(s) FROM made;
COPY (SELECT shop_id, count(*) FROM facts GROUP BY 1 ORDER BY 1 LIMIT 2) TO STDOUT;
CREATE MATERIALIZED VIEW stored AS SELECT shop_id, count(*) c FROM facts GROUP BY 1;
REFRESH MATERIALIZED VIEW stored;
SELECT sum(c) FROM stored;
CREATE TEMP TABLE own AS SELECT * FROM facts WHERE fact_id < 1000;
SELECT count(*), sum(amount) FROM own WHERE quantity > 2;
-- a transaction sees its own rows, and no longer after a rollback
BEGIN;
INSERT INTO own SELECT * FROM facts;
SELECT count(*) FROM own;
ROLLBACK;
SELECT count(*) FROM own;
DROP TABLE made, own;
DROP MATERIALIZED VIEW stored;
DROP FUNCTION facts_of, first_facts;
RESET pg_fusion.force;

-- parts of larger queries; rescans with other parameters
CREATE VIEW per_shop AS SELECT shop_id, count(*) c, max(quantity) q FROM facts GROUP BY 1;
SELECT same('SELECT max(c), sum(q) FROM per_shop');
SELECT same('SELECT s.city, p.c FROM shops s LEFT JOIN per_shop p USING (shop_id)');
SELECT same('SELECT city, (SELECT count(*) FROM facts f WHERE f.shop_id = s.shop_id AND f.quantity > s.shop_id) FROM shops s');
SELECT same('SELECT city, (SELECT max(price) FROM items WHERE item_id < s.shop_id * 2) FROM shops s');
SELECT same('SELECT city FROM shops s WHERE (SELECT sum(i.price) FROM facts f JOIN items i USING (item_id) WHERE f.shop_id = s.shop_id AND f.fact_id < 100) > 300');
SELECT same('SELECT id, (SELECT b.t FROM kinds b JOIN items i ON i.item_id = b.id WHERE b.id = a.id) FROM kinds a');
SELECT same('SELECT id FROM kinds a WHERE a.i4 > ALL (SELECT i2 FROM kinds b WHERE b.id < a.id AND b.i2 IS NOT NULL)');
SELECT same('SELECT id, EXISTS (SELECT 1 FROM kinds b WHERE b.i4 = a.i4 AND b.id <> a.id) FROM kinds a');
SELECT same('WITH w AS (SELECT shop_id, count(*) c FROM facts GROUP BY 1) SELECT a.c, b.c FROM w a JOIN w b USING (shop_id)');
SELECT same('SELECT shop_id, sum(quantity) FROM facts GROUP BY 1 UNION ALL SELECT shop_id, count(*) FROM facts GROUP BY 1 UNION ALL SELECT 1, 1');
SELECT same('SELECT shop_id, count(*) FROM (SELECT shop_id FROM facts WHERE quantity > 3 UNION ALL SELECT shop_id FROM shops) u GROUP BY 1');
SELECT same('SELECT shop_id FROM facts INTERSECT SELECT item_id FROM items');
SELECT same('SELECT DISTINCT quantity, shop_id FROM facts');
SELECT same('SELECT sum(quantity) OVER (PARTITION BY shop_id ORDER BY fact_id), fact_id FROM facts WHERE fact_id < 50');
SELECT same('SELECT 1 FROM facts LIMIT 3');
DROP VIEW per_shop;

-- switched off
SET enable_fusion_customscan = off;
SET pg_fusion.force = on;
EXPLAIN (COSTS OFF) SELECT count(*) FROM facts;
RESET enable_fusion_customscan;
SET pg_fusion.enable = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM facts;
SELECT pool_is_idle();

-- plans within plans are one session
RESET ALL;
SET enable_fusion_customscan = on;
SET pg_fusion.force = on;
EXPLAIN (COSTS OFF)
SELECT n, count(*) FROM (SELECT shop_id, count(*) AS n FROM facts GROUP BY shop_id) c GROUP BY n ORDER BY n;
EXPLAIN (COSTS OFF)
SELECT s.city, x.total FROM (SELECT shop_id, sum(quantity) AS total FROM facts WHERE quantity > 2 GROUP BY shop_id) x
    JOIN shops s USING (shop_id) WHERE x.total > 10;
SELECT same('SELECT n, count(*) FROM (SELECT shop_id, count(*) AS n FROM facts GROUP BY shop_id) c GROUP BY n ORDER BY n');
SELECT same('SELECT s.city, x.total, x.a FROM (SELECT shop_id, sum(quantity) AS total, avg(amount) AS a FROM facts GROUP BY shop_id) x JOIN shops s USING (shop_id) WHERE x.total > 10');
SELECT same('SELECT max(m), count(*) FROM (SELECT n, max(c) AS m FROM (SELECT shop_id, item_id % 3 AS n, count(*) AS c FROM facts GROUP BY 1, 2) a GROUP BY n) b');
SELECT same('SELECT a.n, b.n FROM (SELECT count(*) AS n FROM facts WHERE quantity > 3) a, (SELECT count(*) AS n FROM facts f JOIN items USING (item_id)) b');
SELECT same('SELECT count(*) FROM (SELECT shop_id, fact_id FROM facts ORDER BY fact_id LIMIT 100) l GROUP BY shop_id');
SELECT same('SELECT g, (SELECT sum(n) FROM (SELECT shop_id, count(*) AS n FROM facts WHERE quantity > g GROUP BY shop_id) x) FROM generate_series(1, 4) g');
SELECT same('SELECT sum(r) FROM (SELECT shop_id, sum(quantity / (shop_id - 3)) AS r FROM facts GROUP BY shop_id) x');
PREPARE nested(int) AS SELECT count(*), sum(n) FROM (SELECT shop_id, count(*) AS n FROM facts WHERE quantity > $1 GROUP BY shop_id) x WHERE n > $1 * 10;
SET plan_cache_mode = force_generic_plan;
EXECUTE nested(1);
EXECUTE nested(4);
SET pg_fusion.force = off;
SET enable_fusion_customscan = off;
EXECUTE nested(1);
EXECUTE nested(4);
SELECT pool_is_idle();
