-- Aggregation in the engine.
\pset tuples_only on
\pset format unaligned
-- every aggregate over every type
SELECT same('SELECT count(*), count(b), count(i4), count(f8), count(n), count(d), count(t), count(c) FROM kinds');
SELECT same('SELECT sum(i2), sum(i4), sum(i8), sum(n) FROM kinds');
SELECT same('SELECT avg(i2), avg(i4), avg(i8), avg(n) FROM kinds');
SELECT same('SELECT sum(f4), sum(f8), avg(f4), avg(f8) FROM kinds WHERE id < 6');
SELECT same('SELECT sum(f4), sum(f8), avg(f4), avg(f8) FROM kinds');
SELECT same('SELECT sum(f4), sum(f8), avg(f4), avg(f8) FROM kinds WHERE f8 = ''infinity''');
SELECT same('SELECT min(i2), max(i2), min(i4), max(i4), min(i8), max(i8), min(n), max(n) FROM kinds');
SELECT same('SELECT min(f4), max(f4), min(f8), max(f8) FROM kinds');
SELECT same('SELECT min(f4), max(f4), min(f8), max(f8) FROM kinds WHERE f8 <> ''nan''');
SELECT same('SELECT min(d), max(d), min(ts), max(ts) FROM kinds');
SELECT same('SELECT min(t), max(t), min(v), max(v), min(c), max(c) FROM kinds');
SELECT same('SELECT bool_and(b), bool_or(b), every(i4 > 0), bool_or(i4 > 0), bool_and(i4 IS NULL OR i4 > -2147483648) FROM kinds');
SELECT same('SELECT b, min(t), max(c), min(d), max(ts), sum(n), avg(i8), bool_or(i4 > 5), count(f4) FROM kinds GROUP BY b');

-- empty input, only NULLs, FILTER
SELECT same('SELECT count(*), count(a), sum(a), avg(a), min(a), max(b), bool_or(a > 1) FROM nothing');
SELECT same('SELECT a, count(*), sum(a) FROM nothing GROUP BY a');
SELECT same('SELECT count(*), count(i4), sum(i8), avg(n), min(t), max(d), bool_and(b) FROM kinds WHERE i4 IS NULL');
SELECT same('SELECT sum(f8), avg(f4), sum(n), avg(i2) FROM kinds WHERE id < 0');
SELECT same('SELECT b, count(*) FILTER (WHERE i4 > 0), sum(i8) FILTER (WHERE i4 < 0), avg(n) FILTER (WHERE n < 0 OR b), max(t) FILTER (WHERE false) FROM kinds GROUP BY b');
SELECT same('SELECT count(*) FILTER (WHERE b), count(*) FILTER (WHERE NULL), min(i4) FILTER (WHERE t LIKE ''%a%'') FROM kinds');

-- sums beyond int8, and as wide as 76 digits
SELECT same('SELECT sum(x), avg(x), count(x) FROM (SELECT 9223372036854775807 FROM facts) v (x)');
SELECT same('SELECT sum(x), avg(x) FROM (SELECT (-9223372036854775808)::int8 FROM facts) v (x)');
SELECT same('SELECT sum(x), avg(x) FROM (SELECT 2147483647 FROM facts) v (x)');
CREATE TABLE tall (k int, n38 numeric(38, 2), n50 numeric(50, 10), n60 numeric(60, 20));
INSERT INTO tall SELECT i % 3, 1e36 - 0.01, 1e40 - 0.0000000001, 1e40 - i FROM generate_series(1, 3000) i;
ANALYZE tall;
SELECT same('SELECT k, sum(n38), avg(n38), min(n38), sum(n50), avg(n50), max(n60) FROM tall GROUP BY k');
SELECT same('SELECT sum(n60), avg(n60) FROM tall');
DROP TABLE tall;
SELECT same('SELECT sum(n * 0 + 7.5) FROM (SELECT ''nan''::numeric UNION ALL SELECT 1) v (n)');

-- the digits of avg: groups of 1 to 300 rows of all magnitudes
CREATE TABLE averages (k int, i2 int2, i4 int, i8 int8, n2 numeric(15, 2), n9 numeric(30, 9), n0 numeric(20, 0));
INSERT INTO averages
SELECT k, (k * 31 + j * 7) % 1000 - 300, (k * 7919 + j * 104729) % 1000003 * (k % 5), (k::int8 * 7919 + j) * 10 ^ (k % 12),
       ((k * 37 + j * 11) % 10007 * 10 ^ (k % 9) / 100)::numeric, (k * 7 + j) % 97 / (10::numeric ^ (k % 10)), (k * j) % 13 * 10::numeric ^ (k % 18)
FROM generate_series(1, 300) k, LATERAL generate_series(1, k) j;
ANALYZE averages;
SELECT same('SELECT k, avg(i2), avg(i4), avg(i8) FROM averages GROUP BY k');
SELECT same('SELECT k, avg(n2), avg(n9), avg(n0), avg(-n9), avg(n2 * n9) FROM averages GROUP BY k');
SELECT same('SELECT k, sum(i2), sum(i4), sum(i8), sum(n2), sum(n9), sum(n0), sum(n2 - n9) FROM averages GROUP BY k');
SELECT same('SELECT avg(i2), avg(i4), avg(i8), avg(n2), avg(n9), avg(n0) FROM averages');
SELECT same('SELECT k, avg(n9) FROM averages GROUP BY k HAVING avg(i4) > 1000 ORDER BY avg(n9), k LIMIT 50');
DROP TABLE averages;

-- group keys: NULLs, several, expressions, constants, none
SELECT same('SELECT kind, count(*), sum(price) FROM items GROUP BY kind');
SELECT same('SELECT item_id, shop_id, note, count(*), sum(amount), avg(ratio) FROM facts GROUP BY item_id, shop_id, note');
SELECT same('SELECT fact_id, item_id, count(*) FROM facts GROUP BY fact_id, item_id');
SELECT same('SELECT sold, quantity % 3 = 0, count(*) FROM facts GROUP BY 1, 2');
SELECT same('SELECT quantity + shop_id, (quantity + shop_id) * 2, count(*) FROM facts GROUP BY quantity + shop_id');
SELECT same('SELECT item_id + 1, item_id, count(*) FROM facts GROUP BY item_id, item_id + 1');
SELECT same('SELECT count(*) FROM facts GROUP BY shop_id');
SELECT same('SELECT shop_id FROM facts GROUP BY shop_id');
SELECT same('SELECT count(*) FROM facts GROUP BY ()');
SELECT same('SELECT ''x'', 5, count(*) FROM facts');
SELECT same('SELECT NULL::text, count(*) FROM facts GROUP BY 1');

-- columns that depend on the key
SELECT same('SELECT id, t, n, d, c, i4 + 1 FROM kinds WHERE id <> 6 GROUP BY id');
SELECT same('SELECT s.shop_id, s.city, s.opened, count(*), sum(f.amount) FROM shops s JOIN facts f USING (shop_id) GROUP BY s.shop_id');
SELECT same('SELECT i.item_id, i.name || s.city, i.price * count(*) FROM items i JOIN facts f USING (item_id) JOIN shops s USING (shop_id) GROUP BY i.item_id, s.shop_id HAVING i.price > max(f.quantity)');

-- expressions of aggregates
SELECT same('SELECT count(*) * 2, sum(quantity) / count(*), max(quantity) - min(quantity), avg(amount) + 1, -sum(ratio) FROM facts');
SELECT same('SELECT shop_id, sum(amount) / sum(quantity), CASE WHEN count(*) > 1000 THEN max(note) ELSE min(note) END, coalesce(sum(amount), 0) FROM facts GROUP BY shop_id');
SELECT same('SELECT sum(quantity) + sum(quantity), count(*) = count(item_id) FROM facts');
SELECT same('SELECT upper(max(note)), length(min(note)), round(avg(amount), 3), sum(amount)::int FROM facts');

-- HAVING
SELECT same('SELECT shop_id FROM facts GROUP BY shop_id HAVING count(*) > 1999 AND sum(quantity) <> 10003');
SELECT same('SELECT 1 FROM facts HAVING count(*) > 1');
SELECT same('SELECT count(*) FROM facts HAVING count(*) < 1');
SELECT same('SELECT note FROM facts GROUP BY note HAVING max(note) LIKE ''%1'' AND note IS NOT NULL');
SELECT same('SELECT shop_id FROM facts GROUP BY shop_id HAVING upper(max(note)) ~ ''9$'' AND max(sold) > ''2021-01-01''');
SELECT same('SELECT shop_id FROM facts GROUP BY shop_id HAVING sum(amount) > (SELECT avg(price) * 1000 FROM items)');
SELECT same('SELECT s.shop_id FROM shops s GROUP BY s.shop_id HAVING (SELECT count(*) FROM facts f WHERE f.shop_id = s.shop_id AND f.quantity > s.shop_id) > 900');
SELECT same('SELECT shop_id FROM facts GROUP BY shop_id HAVING random() >= 0');

-- nested
SELECT same('SELECT max(c), sum(s), count(*) FROM (SELECT shop_id, count(*) c, sum(amount) s FROM facts GROUP BY shop_id) x');
SELECT same('SELECT c, count(*) FROM (SELECT item_id, count(*) c FROM facts GROUP BY item_id) x GROUP BY c');

-- not in the engine
SELECT same('SELECT count(DISTINCT shop_id) FROM facts');
SELECT same('SELECT string_agg(city, '','' ORDER BY city) FROM shops');
SELECT same('SELECT stddev(quantity), array_agg(DISTINCT shop_id) FROM facts');
SELECT same('SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY quantity) FROM facts');
SELECT same('SELECT shop_id, quantity, count(*) FROM facts GROUP BY ROLLUP (shop_id, quantity)');
SELECT same('SELECT max(note COLLATE "en-x-icu") FROM facts');
SELECT same('SELECT note COLLATE "en-x-icu", count(*) FROM facts GROUP BY 1');
SELECT same('SELECT min(c::bpchar), c::bpchar FROM kinds GROUP BY c::bpchar');

-- DISTINCT in every company, FILTER, no aggregates, SELECT DISTINCT
SELECT same('SELECT count(DISTINCT item_id), count(DISTINCT shop_id), sum(DISTINCT quantity), count(*), sum(amount) FROM facts');
SELECT same('SELECT shop_id, count(DISTINCT item_id), sum(DISTINCT amount), avg(DISTINCT quantity), max(note COLLATE "C") FROM facts GROUP BY shop_id');
SELECT same('SELECT shop_id, count(DISTINCT item_id) FILTER (WHERE quantity > 3), count(*) FILTER (WHERE note IS NULL), sum(quantity) FILTER (WHERE ratio > 5) FROM facts GROUP BY shop_id');
SELECT same('SELECT count(DISTINCT f8), count(DISTINCT f4), count(DISTINCT n), count(DISTINCT t), count(DISTINCT c) FROM kinds');
SELECT same('SELECT b, min(DISTINCT i4), max(DISTINCT i8), bool_and(DISTINCT i4 > 0), count(DISTINCT b) FROM kinds GROUP BY b');
SELECT same('SELECT count(DISTINCT item_id) FROM facts WHERE false');
SELECT same('SELECT count(DISTINCT item_id), sum(DISTINCT amount) FILTER (WHERE false) FROM facts');
SELECT same('SELECT kind, count(DISTINCT f.shop_id), count(DISTINCT note), sum(f.quantity) FROM items i LEFT JOIN facts f USING (item_id) GROUP BY kind HAVING count(DISTINCT f.shop_id) > 2');
SELECT same('SELECT DISTINCT shop_id, quantity FROM facts');
SELECT same('SELECT DISTINCT quantity % 3, note IS NULL FROM facts ORDER BY 1 DESC, 2');
SELECT same('SELECT DISTINCT s.city, i.kind FROM facts f JOIN shops s USING (shop_id) JOIN items i USING (item_id) ORDER BY 1 COLLATE "C", 2 COLLATE "C" LIMIT 5');
SELECT same('SELECT DISTINCT count(*) FROM facts GROUP BY item_id');
SELECT same('SELECT DISTINCT ON (shop_id) shop_id, fact_id FROM facts ORDER BY shop_id, fact_id');
SELECT same('SELECT quantity FROM facts GROUP BY quantity HAVING quantity > 10');
SELECT same('SELECT quantity * 2, shop_id + 1 FROM facts GROUP BY 1, 2 HAVING sum(amount) > 0 AND count(*) FILTER (WHERE item_id > 50) > 30');
SELECT same('SELECT shop_id, generate_series(1, 2), count(*) FROM facts GROUP BY 1');
SELECT same('SELECT fact_id, count(*) FROM facts GROUP BY fact_id');
SELECT same('SELECT count(*) FROM (SELECT FROM facts) f');
SELECT same('SELECT count(*) FROM facts, shops');
SELECT same('SELECT sum(DISTINCT ratio), count(DISTINCT ratio) FROM facts');
-- the average of negative zeros is 0 (float8_accum), their sum is not
CREATE TABLE zeros (f4 float4, f8 float8);
INSERT INTO zeros VALUES ('-0', '-0'), ('-0', '-0');
SELECT same('SELECT avg(f4), avg(f8), sum(f4), sum(f8), max(f8) FROM zeros');
SELECT same('SELECT f8 IS NULL, avg(f4), avg(f8), sum(f4), sum(f8) FROM zeros GROUP BY 1');
DROP TABLE zeros;
SELECT pool_is_idle();
