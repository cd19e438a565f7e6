-- What stays in PostgreSQL: in the leaf, above the engine, or the whole query.
\pset tuples_only on
\pset format unaligned
-- in the leaf: conditions that the engine does not know
CREATE FUNCTION odd(x int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN x % 2 = 1; END $$;
SELECT same('SELECT count(*), sum(amount) FROM facts WHERE odd(quantity)');
SELECT same('SELECT count(*) FROM facts WHERE note ~ ''[13]$'' AND note LIKE ''%3%''');
SELECT same('SELECT count(*) FROM facts WHERE random() >= 0');
SELECT same('SELECT count(*) FROM facts WHERE to_jsonb(note) = ''"note 3"''');
SELECT same('SELECT count(*) FROM facts WHERE amount > (SELECT avg(price) FROM items)');
SELECT same('SELECT count(*) FROM facts f WHERE fact_id < 300 AND quantity > (SELECT count(*) FROM shops s WHERE s.shop_id < f.shop_id)');
SELECT same('SELECT count(*) FROM facts WHERE shop_id = ANY (ARRAY(SELECT shop_id FROM shops WHERE city = ''city 1''))');
SELECT same('SELECT count(*) FROM facts WHERE sold < now() AND at < localtimestamp');
SELECT plan_of('SELECT count(*), sum(amount) FROM facts WHERE odd(quantity) AND note LIKE ''%1%''');
SELECT plan_of('SELECT count(*) FROM facts WHERE amount > (SELECT avg(price) FROM items)');

-- in the leaf: group keys and arguments that the engine does not know, but only on
-- the rows for which PostgreSQL would compute them
SELECT same('SELECT upper(t), length(v), count(*), max(lower(v)) FROM kinds GROUP BY 1, 2');
SELECT same('SELECT date_trunc(''month'', at) = at, to_char(sold, ''YYYY-MM''), sum(amount) FROM facts GROUP BY 1, 2 ORDER BY 3, 2 LIMIT 9');
SELECT same('SELECT upper(t) || v, count(*) FROM kinds GROUP BY upper(t), v HAVING upper(t) LIKE ''A%''');
SELECT same('SELECT nullif(i4, 0), sum(100 / nullif(i4, 0)) FROM kinds GROUP BY 1');
SELECT same('SELECT CASE WHEN i4 >= 0 THEN sqrt(i4)::int ELSE i4 END, count(*) FROM kinds WHERE i4 < 1000 GROUP BY 1');
SELECT same('SELECT (SELECT count(*) FROM items WHERE item_id < k.id), count(*) FROM kinds k GROUP BY 1');
SELECT same('SELECT count(sqrt(i4)) FROM kinds WHERE i4 >= 0');
SELECT same('SELECT count(sqrt(i4)), max(id) FROM kinds WHERE n >= 0.00 AND t NOT LIKE ''%e%'' AND i4 >= 0');
SELECT same('SELECT max(v::int) FROM kinds WHERE v LIKE ''1%'' AND v NOT LIKE ''%z%''');
SELECT same('SELECT max(v::int) FROM kinds WHERE v LIKE ''x%''');
SELECT same('SELECT sum(sqrt(i4)) FILTER (WHERE i4 >= 0) FROM kinds');
SELECT same('SELECT b, sum(sqrt(i4)) FROM kinds GROUP BY b HAVING min(i4) >= 0');
SELECT same('SELECT sum(random() * 0 + quantity) FROM facts');
SELECT same('SELECT upper(a.t), count(*), sum(length(b.t)) FROM kinds a JOIN kinds b ON a.b = b.b GROUP BY 1');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b ON upper(a.t) = upper(b.v)');

-- above: conditions and results of several relations, sets, windows
SELECT plan_of('SELECT upper(i.name) FROM facts f JOIN items i USING (item_id) WHERE f.note ~ i.kind');
SELECT same('SELECT generate_series(1, 2), shop_id FROM shops');
SELECT same('SELECT count(*), unnest(ARRAY[1, 2]) FROM facts GROUP BY shop_id');
SELECT same('SELECT fact_id, random() * 0 FROM facts WHERE fact_id < 9');
SELECT same('SELECT shop_id, count(*) FROM facts GROUP BY shop_id, random() * 0');
SELECT same('SELECT id, (SELECT count(*) FROM items WHERE item_id < id) FROM kinds');
SELECT same('SELECT k.id, k, (k).t FROM kinds k JOIN items i ON i.item_id = k.id');
SELECT same('SELECT k.ctid, k.tableoid::regclass, i.name FROM kinds k JOIN items i ON i.item_id = k.id');
SELECT same('SELECT ROW(k.id, i.name), ARRAY[k.id] FROM kinds k JOIN items i ON i.item_id = k.id');
SELECT same('SELECT count(k) FROM kinds k');

-- what cannot be translated but reads several relations is checked above
SELECT same('SELECT f.fact_id, i.name FROM facts f JOIN items i USING (item_id) WHERE fact_id < 500 AND odd(f.quantity + i.item_id)');
SELECT same('SELECT count(*) FROM facts f JOIN items i USING (item_id) WHERE fact_id < 500 AND f.note || i.name ~ ''1.*2''');
SELECT same('SELECT f.fact_id FROM facts f LEFT JOIN items i ON i.item_id = f.item_id AND odd(f.quantity + i.item_id) WHERE fact_id < 50');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b ON a.id = b.id AND a.j || b.j @> ''{"a": 1}''');
SELECT same('SELECT f.fact_id FROM facts f JOIN items i USING (item_id) WHERE fact_id < 300 AND quantity > (SELECT count(*) FROM shops s WHERE s.shop_id < f.shop_id + i.item_id - 50)');
SELECT same('SELECT (SELECT max(s.city) FROM shops s WHERE s.shop_id <= f.shop_id) || i.name FROM facts f JOIN items i USING (item_id) WHERE fact_id < 30');
SELECT same('SELECT f.fact_id, generate_series(1, i.item_id % 3) FROM facts f JOIN items i USING (item_id) WHERE fact_id < 30');
SELECT same('SELECT count(*) FROM facts f JOIN items i USING (item_id) WHERE random() + f.quantity + i.price < -1000');
-- and as a key or an argument in the leaf
SELECT same('SELECT odd(quantity), count(*), sum(CASE WHEN odd(shop_id) THEN 1 END) FROM facts GROUP BY 1');
SELECT same('SELECT note ~ ''1$'', count(*), count(regexp_replace(note, ''[0-9]'', '''')) FROM facts GROUP BY 1');

-- not at all: rows that are locked or changed
SELECT same('SELECT shop_id FROM shops FOR UPDATE');
SELECT same('SELECT shop_id FROM shops ORDER BY shop_id FOR SHARE LIMIT 1');
SELECT plan_of('UPDATE shops SET city = city WHERE shop_id IN (SELECT shop_id FROM facts WHERE quantity > 3)');
SELECT plan_of('DELETE FROM shops USING facts f WHERE f.shop_id = shops.shop_id');
SELECT plan_of('INSERT INTO nothing VALUES (1, ''x'')');

-- security barriers keep their order: a cheap function that leaks sees no more rows
CREATE FUNCTION leak(x anyelement) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'sees %', x; RETURN true; END $$;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM shops WHERE city LIKE '%1' AND shop_id < 8;
CREATE TABLE documents (id int, owner text, body text);
INSERT INTO documents VALUES (1, 'regress_fusion', 'b1'), (2, 'other', 'e1'), (3, 'regress_fusion', 'b2'), (4, 'other', '0');
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON documents USING (owner = current_user);
CREATE ROLE regress_fusion;
GRANT SELECT ON barrier, documents, items TO regress_fusion;
SET ROLE regress_fusion;
SET pg_fusion.force = on;
SELECT city, shop_id FROM barrier WHERE leak(shop_id) ORDER BY shop_id;
SELECT count(*) FROM barrier WHERE 10 / (shop_id - 2) < 100 AND city LIKE 'city%';
SELECT body, count(*) FROM documents GROUP BY body HAVING leak(body) ORDER BY body;
SELECT count(*) FROM documents WHERE 10 / (id - 2) < 100 AND body NOT LIKE 'e%';
SELECT count(*) FROM documents d JOIN items i ON d.id = i.item_id AND 10 / (d.id - 2 + i.item_id * 0) < 100 WHERE leak(d.body);
EXPLAIN (COSTS OFF) SELECT count(*) FROM documents WHERE 10 / (id - 2) < 100 AND body NOT LIKE 'e%';
SELECT count(*) FROM shops;
RESET pg_fusion.force;
RESET ROLE;
SELECT pool_is_idle();
DROP TABLE documents;
DROP VIEW barrier;
REVOKE ALL ON items FROM regress_fusion;
DROP ROLE regress_fusion;
DROP FUNCTION odd, leak;
