-- Outer, semi and anti joins, cross joins and joins by inequality, in the engine.
\pset tuples_only on
\pset format unaligned
-- left, right and full, with NULL keys, duplicates and rows without a partner
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.i8');
SELECT same('SELECT a.id, b.id FROM kinds a RIGHT JOIN kinds b ON a.i4 = b.id');
SELECT same('SELECT a.id, b.id FROM kinds a FULL JOIN kinds b ON a.i4 = b.id');
SELECT same('SELECT a.id, b.id FROM kinds a FULL JOIN kinds b ON a.b = b.b AND a.i4 = b.i4');
SELECT same('SELECT count(*), count(f.fact_id), count(i.item_id) FROM facts f FULL JOIN items i USING (item_id)');
SELECT same('SELECT a.id, n.a, n.b FROM kinds a LEFT JOIN nothing n ON n.a = a.id');
SELECT same('SELECT a.id, n.a FROM kinds a RIGHT JOIN nothing n ON n.a = a.id');
SELECT same('SELECT a.id, n.a FROM kinds a FULL JOIN nothing n ON n.a = a.id');

-- conditions of the join, and conditions on its result
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.b = b.b AND a.i4 < b.i4');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.b = b.b AND a.i4 > 5');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.b = b.b AND b.i4 > 5');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.b = b.b AND (a.t = b.t OR b.d > a.d)');
SELECT same('SELECT a.id, b.id FROM kinds a FULL JOIN kinds b ON a.b = b.b AND a.id < b.id');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.i4 WHERE b.id IS NULL OR b.t > a.t');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.i4 WHERE coalesce(b.id, a.id) > 4');
SELECT same('SELECT count(*) FROM facts f FULL JOIN items i USING (item_id) WHERE coalesce(f.quantity, 0) < 3 OR i.price > 20');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.i4 AND a.t ~ b.v');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.i4 WHERE coalesce(b.t, a.t) ~ ''a''');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.i4 AND 100 / b.i4 > 1 AND b.i4 <> 0');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.b = b.b AND a.id > 3 AND 10 / a.i2 > 1');

-- joins above and below
SELECT same('SELECT a.id, b.id, c.id FROM kinds a LEFT JOIN kinds b ON a.i4 = b.id LEFT JOIN kinds c ON b.id = c.i2');
SELECT same('SELECT a.id, b.id, c.id FROM kinds a LEFT JOIN (kinds b JOIN kinds c ON b.id = c.i2) ON a.i4 = b.id');
SELECT same('SELECT a.id, b.id, c.id FROM kinds a LEFT JOIN (kinds b FULL JOIN kinds c ON b.id = c.i2) ON a.i4 = b.id');
SELECT same('SELECT a.id, b.id, c.id FROM (kinds a LEFT JOIN kinds b ON a.i4 = b.id) JOIN kinds c ON c.id = coalesce(b.id, a.id)');
SELECT same('SELECT s.city, i.kind, count(*), sum(f.amount) FROM shops s LEFT JOIN facts f USING (shop_id) LEFT JOIN items i USING (item_id) GROUP BY 1, 2');
SELECT same('SELECT kind, count(f.fact_id), sum(amount) FROM items i LEFT JOIN facts f ON f.item_id = i.item_id AND f.quantity > 12 GROUP BY kind ORDER BY 1');

-- semi and anti joins
SELECT same('SELECT id FROM kinds a WHERE EXISTS (SELECT FROM kinds b WHERE b.i4 = a.i8)');
SELECT same('SELECT id FROM kinds a WHERE NOT EXISTS (SELECT FROM kinds b WHERE b.i4 = a.i8)');
SELECT same('SELECT id FROM kinds a WHERE EXISTS (SELECT FROM kinds b WHERE b.b = a.b AND b.id > a.id)');
SELECT same('SELECT id FROM kinds a WHERE NOT EXISTS (SELECT FROM kinds b WHERE b.b = a.b AND b.id > a.id)');
SELECT same('SELECT id FROM kinds WHERE i4 IN (SELECT i8 FROM kinds)');
SELECT same('SELECT id FROM kinds WHERE i4 NOT IN (SELECT id FROM kinds)');
SELECT same('SELECT id FROM kinds WHERE i4 NOT IN (SELECT i8 FROM kinds)');
SELECT same('SELECT count(*), sum(price) FROM items i WHERE EXISTS (SELECT FROM facts f WHERE f.item_id = i.item_id AND f.quantity > 12 AND f.amount > i.price)');
SELECT same('SELECT kind, count(*) FROM items i WHERE NOT EXISTS (SELECT FROM facts f JOIN shops s USING (shop_id) WHERE f.item_id = i.item_id AND s.city = ''city 1'') GROUP BY kind');
SELECT same('SELECT count(*) FROM facts f WHERE EXISTS (SELECT FROM facts g WHERE g.item_id = f.item_id AND g.shop_id <> f.shop_id) AND NOT EXISTS (SELECT FROM facts h WHERE h.item_id = f.item_id AND h.quantity > f.quantity)');
SELECT same('SELECT count(*) FROM items WHERE item_id IN (SELECT item_id FROM facts WHERE quantity > 12) AND item_id NOT IN (SELECT shop_id FROM shops)');
SELECT same('SELECT id FROM kinds a WHERE EXISTS (SELECT FROM nothing n WHERE n.a = a.id)');
SELECT same('SELECT id FROM kinds a WHERE NOT EXISTS (SELECT FROM nothing n WHERE n.a = a.id)');
SELECT same('SELECT s.city FROM shops s LEFT JOIN items i ON i.item_id = s.shop_id AND EXISTS (SELECT FROM facts f WHERE f.item_id = i.item_id)');

-- every type as a key
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.tz = b.tz');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.tm = b.tm');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.iv = b.iv');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.ba = b.ba');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.u = b.u');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.o = b.o');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.nm = b.nm');
SELECT same('SELECT a.id, b.id FROM more_kinds a JOIN more_kinds b ON a.nm = b.dt');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.e = b.e');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.dn = b.dn');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.dt = b.dt');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.free = b.free');
SELECT same('SELECT a.id, b.id FROM more_kinds a FULL JOIN more_kinds b ON a.free = b.dn');
SELECT same('SELECT a.id, b.id FROM more_kinds a LEFT JOIN kinds b ON a.free = b.i4');
SELECT same('SELECT a.id, b.id FROM more_kinds a JOIN more_kinds b ON a.j = b.j');
SELECT same('SELECT a.id, b.id FROM kinds a FULL JOIN kinds b ON a.f8 = b.f8 AND a.f4 = b.f4');
SELECT same('SELECT a.id, b.id FROM kinds a FULL JOIN kinds b ON a.n = b.i4');
SELECT same('SELECT a.id, b.* FROM kinds a LEFT JOIN more_kinds b ON a.id = b.id + 1');

-- without an equality
SELECT same('SELECT a.id, b.id FROM kinds a CROSS JOIN shops b');
SELECT same('SELECT count(*) FROM shops CROSS JOIN items');
SELECT same('SELECT count(*) FROM items, nothing');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.i4 < b.i4');
SELECT same('SELECT a.id, b.id FROM kinds a LEFT JOIN kinds b ON a.i4 < b.i4 AND a.t > b.t');
SELECT same('SELECT id FROM kinds a WHERE EXISTS (SELECT FROM kinds b WHERE b.i4 > a.i4 AND b.b)');
SELECT same('SELECT id FROM kinds a WHERE NOT EXISTS (SELECT FROM kinds b WHERE b.i4 > a.i4)');
SELECT same('SELECT s.city, count(*) FROM shops s JOIN facts f ON f.sold > s.opened + 3600 GROUP BY 1');
SELECT same('SELECT a.id, b.shop_id FROM kinds a LEFT JOIN shops b ON true');

-- values computed below an outer join
SELECT same('SELECT * FROM (SELECT id, coalesce(t, ''z'') z FROM kinds) a LEFT JOIN (SELECT id, coalesce(v, ''q'') q FROM kinds) b ON a.id = b.id + 1');
SELECT same('SELECT q, count(*) FROM kinds a LEFT JOIN (SELECT id, coalesce(v, ''q'') q FROM kinds) b ON a.id = b.id + 1 GROUP BY q');
SELECT same('SELECT x, count(*) FROM items LEFT JOIN (SELECT item_id, 5 AS x FROM facts WHERE quantity > 12) f USING (item_id) GROUP BY x');
SELECT same('SELECT z, count(*) FROM kinds a LEFT JOIN (SELECT b.id, coalesce(b.i4, c.i4, 7) z FROM kinds b LEFT JOIN kinds c ON b.id = c.i4) x ON a.id = x.id + 1 WHERE z IS NULL OR z > 0 GROUP BY z');
SELECT same('SELECT a.id, x.z FROM kinds a LEFT JOIN (SELECT b.id, b.t || c.t z FROM kinds b JOIN kinds c ON b.id = c.id) x ON a.id = x.id + 1 AND z > ''b''');

-- subqueries and CTEs as inputs
SELECT same('SELECT s.city, x.c FROM shops s LEFT JOIN (SELECT shop_id, count(*) c FROM facts WHERE quantity > 12 GROUP BY 1) x USING (shop_id)');
SELECT same('SELECT c, count(*) FROM (SELECT i.item_id, count(f.fact_id) c FROM items i LEFT JOIN facts f ON f.item_id = i.item_id AND f.quantity > 12 GROUP BY 1) x GROUP BY c ORDER BY 2 DESC, 1');
SELECT same('WITH w AS MATERIALIZED (SELECT shop_id, sum(ratio) r FROM facts GROUP BY 1) SELECT a.shop_id FROM w a LEFT JOIN w b ON a.r = b.r WHERE b.r IS NOT NULL');
SELECT same('WITH w AS (SELECT item_id, sum(amount) s FROM facts GROUP BY 1) SELECT count(*) FROM items i LEFT JOIN w USING (item_id) WHERE w.s > (SELECT avg(s) FROM w)');
SELECT pool_is_idle();

-- values of a subquery that a condition of the join reads, and the engine cannot compute
SELECT same('SELECT count(*) FROM (SELECT upper(a.t || b.v) AS x FROM kinds a CROSS JOIN kinds b) s WHERE x BETWEEN ''A'' AND x GROUP BY ROLLUP (NULL::int)');
SELECT same('SELECT count(*) FROM (SELECT convert_to(''x''::text, ''UTF8'') AS x FROM kinds a CROSS JOIN shops b) s WHERE x NOT BETWEEN ''\x00'' AND ''\x01'' GROUP BY ROLLUP (NULL::int)');
SELECT same('SELECT id FROM kinds WHERE i4 <> ALL (''{}''::int[])');
SELECT same('SELECT id FROM kinds WHERE t = ANY (''{}''::text[])');
SELECT same('SELECT id FROM kinds WHERE i4 <> ALL (''{1,NULL}''::int[])');
SELECT same('SELECT id FROM kinds WHERE i4 IN (1, 100, NULL) OR t IN ('''', ''a '')');
SELECT same('SELECT id FROM kinds WHERE n BETWEEN -0.01 AND 99999.99 AND n <> 0.00');
SELECT same('SELECT id FROM kinds WHERE i2 < i4 AND d >= ''2000-01-01''::timestamp');
