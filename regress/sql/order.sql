-- ORDER BY, LIMIT and OFFSET.
\pset tuples_only on
\pset format unaligned
-- each type, both ways, NULLs at either end
SELECT same('SELECT id FROM kinds ORDER BY b, id');
SELECT same('SELECT id FROM kinds ORDER BY i2 DESC, id');
SELECT same('SELECT id FROM kinds ORDER BY i4 NULLS FIRST, id DESC');
SELECT same('SELECT id FROM kinds ORDER BY i8 DESC NULLS LAST, id');
SELECT same('SELECT id FROM kinds ORDER BY n DESC, id');
SELECT same('SELECT id FROM kinds ORDER BY d, id');
SELECT same('SELECT id FROM kinds ORDER BY ts DESC NULLS LAST, id');
SELECT same('SELECT id FROM kinds ORDER BY t, id');
SELECT same('SELECT id FROM kinds ORDER BY v DESC, id');
SELECT same('SELECT id FROM kinds ORDER BY c NULLS FIRST, id DESC');
SELECT same('SELECT id FROM kinds ORDER BY i8 USING >, id USING <');

-- NaN is above infinity, and -0 equals 0
SELECT same('SELECT id, f8 FROM kinds ORDER BY f8, id');
SELECT same('SELECT id, f8 FROM kinds ORDER BY f8 DESC, id DESC');
SELECT same('SELECT id, f4 FROM kinds ORDER BY f4 NULLS FIRST, id DESC LIMIT 6');
SELECT same('SELECT id FROM kinds WHERE id IN (4, 5) ORDER BY f8, id DESC');
SELECT same('SELECT id FROM kinds WHERE id IN (4, 5) ORDER BY -f8, id');

-- expressions, several keys, keys that are not shown
SELECT same('SELECT id FROM kinds ORDER BY -id');
SELECT same('SELECT id FROM kinds ORDER BY i4 % 10, n * 2 DESC, id');
SELECT same('SELECT id + 1 FROM kinds ORDER BY id + 1 DESC');
SELECT same('SELECT t FROM kinds ORDER BY CASE WHEN b THEN 1 WHEN b IS NULL THEN 2 ELSE 0 END, id');
SELECT same('SELECT id FROM kinds WHERE i4 = 0 ORDER BY i4, id');
SELECT same('SELECT fact_id FROM facts ORDER BY note, sold DESC, ratio NULLS FIRST, fact_id');

-- LIMIT and OFFSET
SELECT same('SELECT fact_id, note FROM facts ORDER BY ratio DESC NULLS LAST, fact_id LIMIT 20 OFFSET 1000');
SELECT same('SELECT fact_id FROM facts ORDER BY fact_id LIMIT 5 OFFSET 19998');
SELECT same('SELECT fact_id FROM facts ORDER BY fact_id LIMIT 5 OFFSET 30000');
SELECT same('SELECT fact_id FROM facts ORDER BY fact_id LIMIT 9223372036854775807 OFFSET 19990');
SELECT same('SELECT fact_id FROM facts ORDER BY fact_id OFFSET 9223372036854775807');
SELECT same('SELECT shop_id FROM shops ORDER BY shop_id LIMIT 0');
SELECT same('SELECT shop_id FROM shops ORDER BY shop_id LIMIT NULL OFFSET NULL');
SELECT same('SELECT shop_id FROM shops ORDER BY shop_id LIMIT 2 + 1 OFFSET 1 + 1');
SELECT same('SELECT shop_id FROM shops ORDER BY shop_id LIMIT (SELECT 3)');
SELECT same('SELECT shop_id FROM shops ORDER BY shop_id LIMIT -1');
SELECT same('SELECT shop_id FROM shops ORDER BY shop_id OFFSET -1');
SELECT same('SELECT count(*) FROM facts LIMIT 0');
SELECT same('SELECT count(*) FROM facts OFFSET 1');
SELECT same('SELECT city FROM shops ORDER BY city FETCH FIRST 2 ROWS WITH TIES');
SELECT same('SELECT sum(x) FROM (SELECT quantity x FROM facts ORDER BY fact_id LIMIT 10) s');
SELECT same('SELECT count(*) FROM (SELECT 1 FROM facts LIMIT 700) s');

-- above grouping and joins
SELECT same('SELECT shop_id, sum(amount) s FROM facts GROUP BY shop_id ORDER BY s DESC, shop_id LIMIT 3');
SELECT same('SELECT note, count(*) FROM facts GROUP BY note ORDER BY count(*) DESC, note');
SELECT same('SELECT b, max(t) FROM kinds GROUP BY b ORDER BY max(f8), b');
SELECT same('SELECT b, avg(n) FROM kinds GROUP BY b ORDER BY avg(n), b');
SELECT same('SELECT s.city, sum(f.amount) FROM facts f JOIN shops s USING (shop_id) GROUP BY s.city HAVING count(*) > 10 ORDER BY 2 DESC LIMIT 2 OFFSET 1');
SELECT same('SELECT f.fact_id, i.name FROM facts f JOIN items i USING (item_id) ORDER BY i.name DESC, f.fact_id LIMIT 7');

-- LIMIT never moves below windows, sets or rows that are made above
SELECT same('SELECT fact_id, row_number() OVER (ORDER BY fact_id DESC) FROM facts ORDER BY fact_id LIMIT 3');
SELECT same('SELECT shop_id, generate_series(1, 2) FROM shops ORDER BY shop_id, 2 LIMIT 3');
SELECT same('SELECT shop_id, rank() OVER (ORDER BY count(*)), sum(count(*)) OVER () FROM facts GROUP BY shop_id ORDER BY shop_id LIMIT 3');
SELECT same('SELECT DISTINCT shop_id, quantity FROM facts ORDER BY shop_id, quantity DESC LIMIT 7');
SELECT same('SELECT DISTINCT count(*) FROM facts GROUP BY shop_id ORDER BY 1 LIMIT 3');
SELECT same('SELECT DISTINCT ON (shop_id) shop_id, fact_id FROM facts ORDER BY shop_id, fact_id DESC LIMIT 4');
SELECT same('SELECT shop_id FROM facts UNION SELECT item_id FROM items ORDER BY 1 DESC LIMIT 4');
SELECT same('(SELECT shop_id FROM shops ORDER BY 1 LIMIT 2) UNION ALL (SELECT item_id FROM items ORDER BY 1 DESC LIMIT 2)');
SELECT same('SELECT shop_id FROM facts EXCEPT SELECT 3 ORDER BY 1');

-- other orders of text are PostgreSQL's
SELECT same('SELECT id FROM kinds ORDER BY t COLLATE "en-x-icu", id');
SELECT same('SELECT id FROM kinds WHERE t COLLATE "en-x-icu" > ''a'' ORDER BY id');
SELECT same('SELECT id FROM kinds ORDER BY t COLLATE "C" DESC, id');
SELECT same('SELECT id FROM kinds ORDER BY t USING ~<~, id');
SELECT same('SELECT id FROM kinds ORDER BY upper(t), id');
SELECT same('SELECT fact_id FROM facts WHERE fact_id < 9 ORDER BY random() * 0, fact_id');
SELECT pool_is_idle();
