-- Joins in the engine, and PostgreSQL's own above and below fusion plans.
\pset tuples_only on
\pset format unaligned
-- keys of one type and of several
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.b = b.b');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.i2 = b.i8');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.i4 = b.i2 AND a.i8 = b.i4');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.f4 = b.f4');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.f8 = b.f4');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.n = b.n');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.n = b.i4');
SELECT same('SELECT a.item_id, b.item_id FROM items a JOIN items b ON a.price * 2.000 = b.price');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.d = b.d');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.d = b.ts');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.t = b.v');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.c = b.c');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.c = b.v');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.c::text = b.t');
SELECT same('SELECT a.id, b.item_id FROM kinds a JOIN items b ON a.c = b.kind');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.t COLLATE "en-x-icu" = b.t');

-- keys that are expressions
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.id + 1 = b.id * 2');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON substring(a.t, 1, 1) = substring(b.v, 1, 1)');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON coalesce(a.i4, 7) = b.i8');

-- residual conditions; those that only PostgreSQL knows are checked above
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.b = b.b AND a.i4 < b.i8');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.b = b.b AND (a.t LIKE b.v OR a.d < b.ts)');
SELECT same('SELECT count(*) FROM facts a JOIN facts b ON a.item_id = b.item_id AND a.sold = b.sold AND a.fact_id < b.fact_id');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b ON a.id = b.id AND a.t ~ b.v');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b ON a.id = b.id AND a.t ~ b.v JOIN items i ON i.item_id = a.id');
SELECT same('SELECT count(*) FROM kinds a JOIN kinds b ON a.id = b.id AND a.t ~ b.v');
SELECT same('SELECT upper(a.t), b.v || a.t FROM kinds a JOIN kinds b ON a.i4 = b.i4 WHERE upper(a.t) >= ''A''');

-- several relations, duplicates, empty sides, itself
SELECT same('SELECT s.city, i.kind, count(*), sum(f.amount) FROM facts f JOIN items i USING (item_id) JOIN shops s USING (shop_id) GROUP BY 1, 2');
SELECT same('SELECT s.city, count(*) FROM shops s, facts f, items i WHERE s.shop_id = f.shop_id AND f.item_id = i.item_id AND s.shop_id = i.item_id GROUP BY 1');
SELECT same('SELECT f.fact_id, i.name, s.city FROM facts f JOIN items i USING (item_id) JOIN shops s USING (shop_id) WHERE f.quantity = 13 AND i.kind = ''a''');
SELECT same('SELECT count(*), sum(a.quantity * b.quantity) FROM facts a JOIN facts b ON a.item_id = b.shop_id WHERE a.fact_id < 3000 AND b.fact_id < 3000');
SELECT same('SELECT a.id FROM kinds a JOIN nothing n ON a.id = n.a');
SELECT same('SELECT count(*) FROM nothing n JOIN facts f ON f.item_id = n.a JOIN items i ON i.item_id = f.item_id');
SELECT same('SELECT count(*) FROM facts a JOIN facts b USING (fact_id) JOIN facts c USING (fact_id)');
SELECT same('SELECT s.city, x.c, y.q FROM shops s JOIN (SELECT shop_id, count(*) c FROM facts GROUP BY 1) x USING (shop_id) JOIN (SELECT shop_id, sum(quantity) q FROM facts GROUP BY 1) y USING (shop_id)');
SELECT same('SELECT count(*) FROM shops s JOIN facts f ON s.shop_id = f.shop_id AND f.shop_id = 3 JOIN items i ON i.item_id = f.item_id AND i.item_id > s.shop_id');

-- without an equality
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.i4 < b.i4');
SELECT same('SELECT count(*) FROM shops CROSS JOIN items');

-- other kinds of joins
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.i8 AND a.b = b.b');
SELECT same('SELECT a.id, b.id FROM kinds a RIGHT JOIN kinds b ON a.i4 = b.id');
SELECT same('SELECT a.id, b.id FROM kinds a FULL JOIN kinds b ON a.i4 = b.id');
SELECT same('SELECT i.kind, count(*), count(f.fact_id) FROM items i LEFT JOIN facts f USING (item_id) GROUP BY 1');
SELECT same('SELECT count(*) FROM items i LEFT JOIN (facts f JOIN shops s USING (shop_id)) USING (item_id)');
SELECT same('SELECT count(*) FROM items i WHERE EXISTS (SELECT FROM facts f WHERE f.item_id = i.item_id AND f.quantity > 12)');
SELECT same('SELECT count(*) FROM items i WHERE NOT EXISTS (SELECT FROM facts f WHERE f.item_id = i.item_id)');
SELECT same('SELECT count(*) FROM facts WHERE item_id IN (SELECT item_id FROM items WHERE kind = ''a'')');
SELECT same('SELECT count(*) FROM items WHERE item_id IN (SELECT item_id FROM facts WHERE quantity > 12)');
SELECT same('SELECT count(*) FROM facts WHERE item_id NOT IN (SELECT item_id FROM items WHERE kind = ''a'')');
SELECT same('SELECT i.kind, count(*) FROM items i JOIN facts f USING (item_id) WHERE f.shop_id IN (SELECT shop_id FROM shops WHERE city = ''city 1'') GROUP BY 1');

-- values that are computed below an outer join
SELECT same('SELECT * FROM (SELECT id, coalesce(t, ''z'') z FROM kinds) a LEFT JOIN (SELECT id, coalesce(v, ''q'') q FROM kinds) b ON a.id = b.id + 1');
SELECT same('SELECT q, count(*) FROM kinds a LEFT JOIN (SELECT id, coalesce(v, ''q'') q FROM kinds) b ON a.id = b.id + 1 GROUP BY q');
SELECT same('SELECT x, count(*) FROM items LEFT JOIN (SELECT item_id, 5 AS x FROM facts WHERE quantity > 12) f USING (item_id) GROUP BY x');

-- LATERAL
SELECT same('SELECT s.city, l.x FROM shops s, LATERAL (SELECT s.shop_id + 1 AS x) l');
SELECT same('SELECT s.city, l.c FROM shops s, LATERAL (SELECT count(*) AS c FROM facts f WHERE f.shop_id = s.shop_id) l');
SELECT same('SELECT s.city, l.* FROM shops s, LATERAL (SELECT fact_id FROM facts f WHERE f.shop_id = s.shop_id ORDER BY fact_id LIMIT 2) l ORDER BY 2');
SELECT same('SELECT s.city, l.x FROM shops s LEFT JOIN LATERAL (SELECT sum(f.amount) x FROM facts f WHERE f.item_id < s.shop_id AND f.quantity > 10) l ON true');
SELECT same('SELECT s.city, i.name FROM shops s, LATERAL generate_series(1, s.shop_id) g (x), items i WHERE i.item_id = g.x');

-- any plan is a leaf: functions, VALUES, CTEs, inheritance, partitions
SELECT same('SELECT g, count(*) FROM generate_series(1, 10) g JOIN facts ON shop_id = g GROUP BY g');
SELECT same('SELECT v.y, count(*) FROM (VALUES (1, ''a''), (2, ''b''), (3, NULL)) v (x, y) JOIN facts ON shop_id = v.x GROUP BY 1');
SELECT same('SELECT u.n, s.city FROM unnest(ARRAY[''a'', ''b'', NULL]) WITH ORDINALITY u (x, n) JOIN shops s ON s.shop_id = u.n');
SELECT same('WITH w AS MATERIALIZED (SELECT shop_id, count(*) c FROM facts GROUP BY 1) SELECT a.c, sum(b.c) FROM w a JOIN w b USING (shop_id) GROUP BY 1');
SELECT same('WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT r.n + 1 FROM r JOIN items ON item_id = r.n WHERE n < 100) SELECT count(*), sum(n) FROM r');
CREATE TABLE parts (k int, v numeric(10, 2), r text) PARTITION BY RANGE (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_2 (r text, v numeric(10, 2), k int NOT NULL);
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (100) TO (200);
CREATE TABLE parts_3 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT i % 300, i / 8.0, 'r' || i % 7 FROM generate_series(1, 3000) i;
CREATE TABLE parent (k int, x text);
CREATE TABLE child (extra int) INHERITS (parent);
INSERT INTO parent SELECT i, 'p' || i FROM generate_series(1, 20) i;
INSERT INTO child SELECT i, 'c' || i, i FROM generate_series(10, 40) i;
ANALYZE parts, parent, child;
SELECT same('SELECT r, sum(v), count(*) FROM parts GROUP BY r');
SELECT same('SELECT count(*) FROM parts WHERE k BETWEEN 50 AND 150');
SELECT same('SELECT p.r, sum(q.v) FROM parts p JOIN parts q ON p.k = q.k AND p.v = q.v GROUP BY p.r');
SELECT same('SELECT p.x, f.note FROM parent p JOIN facts f ON f.item_id = p.k WHERE f.fact_id < 100');
SET enable_partitionwise_join = on;
SET enable_partitionwise_aggregate = on;
SELECT same('SELECT p.r, sum(q.v) FROM parts p JOIN parts q ON p.k = q.k AND p.v = q.v GROUP BY p.r');
SELECT same('SELECT k, sum(v) FROM parts WHERE k % 7 = 1 GROUP BY k');
-- paths of a partitioned result give way to those of its partitions
SELECT same('SELECT p.k, q.v FROM parts p JOIN parts q ON p.k = q.k AND p.v = q.v WHERE p.r = ''r1''');
RESET enable_partitionwise_join;
RESET enable_partitionwise_aggregate;

-- whatever PostgreSQL's planner does
SET geqo_threshold = 2;
SELECT same('SELECT s.city, sum(f.amount) FROM shops s, facts f, items i WHERE s.shop_id = f.shop_id AND f.item_id = i.item_id AND i.item_id < 20 GROUP BY 1');
SELECT same('SELECT count(*) FROM shops s JOIN facts f USING (shop_id) JOIN items i USING (item_id) LEFT JOIN kinds k ON k.id = i.item_id');
RESET geqo_threshold;
SET from_collapse_limit = 1;
SET join_collapse_limit = 1;
SELECT same('SELECT s.city, sum(f.amount) FROM shops s, facts f, items i WHERE s.shop_id = f.shop_id AND f.item_id = i.item_id AND i.item_id < 20 GROUP BY 1');
SELECT same('SELECT count(*) FROM items i JOIN (SELECT * FROM facts f JOIN shops s USING (shop_id)) x USING (item_id) WHERE x.city = ''city 1''');
RESET from_collapse_limit;
RESET join_collapse_limit;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SELECT same('SELECT s.city, sum(f.amount) FROM facts f JOIN shops s USING (shop_id) JOIN items i USING (item_id) WHERE i.item_id = 7 GROUP BY 1');
SELECT same('SELECT a.id, b.t FROM kinds a JOIN kinds b USING (id) WHERE a.id > 3');
SET enable_nestloop = off;
SELECT same('SELECT count(*) FROM items i LEFT JOIN facts f USING (item_id)');
RESET ALL;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT same('SELECT s.city, count(*), sum(f.amount) FROM facts f JOIN shops s USING (shop_id) WHERE f.note ~ ''1'' GROUP BY 1');
SELECT same('SELECT count(*) FROM items i LEFT JOIN facts f USING (item_id)');
SELECT pool_is_idle();
DROP TABLE parts, parent, child;
