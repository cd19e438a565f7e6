-- Expressions in the engine: as group keys, aggregate arguments, join residuals, HAVING.
\pset tuples_only on
\pset format unaligned
-- comparisons
SELECT same('SELECT i2 < i8, i4 = i2, i8 <> i4, i2 >= 0, i4 <= 7, i8 > 7, count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6');
SELECT same('SELECT f4 < f8, f8 = f4, f4 >= ''nan'', f8 > 0, f8 <= ''-0'', f8 = ''infinity'', f4 <> f4, count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6, 7');
SELECT same('SELECT n = i4, n < 7.770, n >= 0.01, n <> 1, n > 10.1, count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5');
SELECT same('SELECT d < ts, ts = d, d >= timestamp ''2000-01-01 00:00:01'', ts <= date ''infinity'', d <> date ''2024-02-29'', count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5');
SELECT same('SELECT t = v, t < v, v >= ''a'', t <> ''A'', t > ''Z'', v <= ''été'', count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6');
SELECT same('SELECT c = ''a'', c = ''a    '', c < ''b'', c >= ''A'', c::text = t, c::text <> v, count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6');
SELECT same('SELECT b = (i4 > 0), b < true, b >= false, b <> (f8 > 0), count(*) FROM kinds GROUP BY 1, 2, 3, 4');
-- across integer and numeric or float PostgreSQL casts first
SELECT same('SELECT sum(i4) FROM kinds WHERE n < i8 AND i4 < 100');
SELECT same('SELECT count(*) FROM kinds WHERE f8 > i4');
SELECT same('SELECT count(*) FROM kinds WHERE n > f8');

-- three-valued logic
SELECT same('SELECT b AND i4 > 0, b OR i4 > 0, NOT b, NOT (b AND i4 > 0), count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT same('SELECT b AND NULL, b OR NULL, (i4 > 0 OR b) AND (i4 < 0 OR NOT b), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT b IS TRUE, b IS NOT TRUE, b IS FALSE, b IS NOT FALSE, b IS UNKNOWN, b IS NOT UNKNOWN, count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6');
SELECT same('SELECT i4 IS NULL, t IS NOT NULL, (i4 > 0) IS NULL, (b OR i4 > 0) IS NOT UNKNOWN, count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT same('SELECT i4 IN (1, 7, 42), i4 NOT IN (1, NULL), i4 IN (0, NULL), t IN (''a'', ''A''), n IN (1, 7.77), c IN (''a'', ''b''), count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6');
SELECT same('SELECT d IN (''2000-01-01'', ''infinity''), f8 IN (0, ''nan''), f4 NOT IN (1, 2), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT i4 = ANY (ARRAY[1, 0]), i4 > ALL (ARRAY[1, 0]), i8 <> ALL (ARRAY[1, 0]::int8[]), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT count(*) FROM facts WHERE fact_id IN (1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)');

-- integers and floats
SELECT same('SELECT i4 + 1, i4 - i2, i2 * i8, i8 / 7, i4 % 10, -i2, abs(i8), count(*) FROM kinds WHERE id NOT IN (6, 7) GROUP BY 1, 2, 3, 4, 5, 6, 7');
SELECT same('SELECT i4 / -3, i4 % -3, -i4 / 3, i8 % -1, abs(i4), i2 % 5::int2, -i8, count(*) FROM kinds WHERE id <> 7 GROUP BY 1, 2, 3, 4, 5, 6, 7');
SELECT same_serially('SELECT max(f8 + f4), max(f8 - 1), max(f4 * 2), min(f8 / 4), min(-f8), max(abs(f4)), min(f8 * ''-0'') FROM kinds WHERE id < 9');
SELECT same('SELECT max(i4::float8 / 3), max(i8::float4), max(i2::float8 * f8), max(f4::float8) FROM kinds WHERE id < 9');
SELECT same('SELECT id, count(f8 / ''infinity''), max(f8 / ''infinity''), max(f8 - ''infinity'') FROM kinds GROUP BY id');
SELECT same('SELECT i2::int8, i4::int8 * i4, i2::int4 + 1, count(*) FROM kinds GROUP BY 1, 2, 3');

-- numeric: the scale of the result is PostgreSQL's
SELECT same('SELECT n + 1.500, n - 1, n * 1.10, -n, abs(n), count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5');
SELECT same('SELECT sum(n * (1 - 0.05) * (1 + 0.0750)), sum(i4 * n), sum(n - i8), sum(n * n), sum(-abs(n)) FROM kinds');
SELECT same('SELECT i4::numeric * 1.0, n * 0, n - n, 0.00 * n, count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT same('SELECT sum(amount * (1 - 0.05)), sum(amount * quantity), avg(amount * 1.25) FROM facts');
SELECT same('SELECT max(n * n * n), min(n * n * n * n) FROM kinds');
SELECT same('SELECT max(n * n * n * n * n * n) FROM kinds');

-- text
SELECT same('SELECT t LIKE ''%a%'', t LIKE ''a_'', t LIKE ''_'', t LIKE '''', t LIKE ''%'', v LIKE ''x\%y%'', v LIKE ''%\_z'', count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6, 7');
SELECT same('SELECT t NOT LIKE ''%é'', t LIKE ''é__'', t LIKE ''__語'', t LIKE ''back\\%'', v LIKE ''%	%'', t LIKE NULL, count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6');
SELECT same('SELECT c LIKE ''a'', c LIKE ''a %'', c LIKE ''a       '', c LIKE ''____'', c NOT LIKE ''%    '', c::text LIKE ''a'', count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5, 6');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.b = b.b AND a.t LIKE b.v');
SELECT same('SELECT substring(t, 1, 2), substring(t, -1, 3), substr(v, 2, 1000), substring(t, 3, 0), substring(t, 2147483647, 2147483647), count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5');
SELECT same('SELECT c::text, substring(c::text, 2, 2), v::text, count(*) FROM kinds GROUP BY 1, 2, 3');

-- dates
SELECT same('SELECT d + 1, d - 1, d + i4, count(*) FROM kinds WHERE id NOT IN (6, 7, 9) GROUP BY 1, 2, 3');
SELECT same('SELECT d + 100, d - 100, count(*) FROM kinds WHERE id <> 9 GROUP BY 1, 2');
SELECT same('SELECT d - date ''2000-01-01'', d::timestamp, count(*) FROM kinds WHERE isfinite(d) AND id <> 9 GROUP BY 1, 2');
SELECT same('SELECT extract(year FROM d), count(*) FROM kinds WHERE isfinite(d) GROUP BY 1');
SELECT same('SELECT extract(year FROM sold), count(*) FROM facts GROUP BY 1');
SELECT same('SELECT d, count(*) FROM kinds WHERE extract(year FROM d) > 1 GROUP BY 1');
SELECT same('SELECT extract(year FROM d) FROM kinds GROUP BY 1');
SELECT same('SELECT count(*) FROM facts WHERE sold >= date ''2020-03-01'' AND sold < date ''2020-03-01'' + interval ''3 months''');

-- CASE and COALESCE
SELECT same('SELECT CASE WHEN i4 > 0 THEN ''positive'' WHEN i4 < 0 THEN ''negative'' END, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT CASE WHEN b THEN i4 ELSE -1 END, CASE WHEN b THEN d END, CASE WHEN b THEN n ELSE 0.00 END, count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT coalesce(i4, 5), coalesce(t, v, ''none''), coalesce(d, ''2000-01-01''), coalesce(n, 0.00), count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT same('SELECT sum(CASE WHEN note LIKE ''%1%'' THEN amount * 2 ELSE 0.00 END), sum(coalesce(quantity, 0)) FROM facts');
-- every value shows the scale or the padding of its own branch
SELECT same('SELECT CASE WHEN b THEN n ELSE 0 END, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT coalesce(n, 0), count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT CASE WHEN b THEN c ELSE ''abcdefghijkl''::char(12) END, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT max(CASE WHEN b THEN c ELSE ''abcdefghijkl''::char(12) END) FROM kinds');

-- as HAVING, and above what the engine returns
SELECT same('SELECT b, max(n) FROM kinds GROUP BY b HAVING max(n) * 2 > 1.5 OR b IS NULL');
SELECT same('SELECT b, sum(i8) + max(i8), count(*) * 2, avg(i4) / 3, round(sum(n), 1) FROM kinds GROUP BY b HAVING NOT (b AND sum(i8) < 3)');
SELECT same('SELECT shop_id, sum(amount) FROM facts GROUP BY shop_id HAVING sum(amount) > 354500 AND max(note) LIKE ''note%''');
SELECT same('SELECT i4 % 3, 10 * (i4 % 3), count(*) FROM kinds GROUP BY i4 % 3');
-- not in the engine: what has no exact counterpart there
SELECT same('SELECT sum(n / 3) FROM kinds');
SELECT same('SELECT max(t || v) FROM kinds');
SELECT same('SELECT c >= t::bpchar, c <> v, count(*) FROM kinds GROUP BY 1, 2');
SELECT same('SELECT CASE i4 WHEN 1 THEN 2 END, count(*) FROM kinds GROUP BY 1');

-- IS DISTINCT FROM, NULLIF, GREATEST, LEAST, simple CASE, row comparisons, lists
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.i4 IS DISTINCT FROM b.i8 AND a.b = b.b');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.i4 IS NOT DISTINCT FROM b.i4');
SELECT same('SELECT f8 IS DISTINCT FROM f4, t IS DISTINCT FROM v, c IS DISTINCT FROM v, count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT n IS DISTINCT FROM i4, d IS DISTINCT FROM ts, count(*) FROM kinds GROUP BY 1, 2');
SELECT same('SELECT nullif(i4, 0), nullif(i4, i8), nullif(t, v), nullif(n, i4), count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT same('SELECT nullif(c, ''a''), nullif(f8, ''nan''), nullif(d, date ''infinity''), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT greatest(i4, i2, 5), least(i8, i4, 0), greatest(NULL, i4), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same_serially('SELECT greatest(f8, f4), least(f8, 0.5), greatest(n, 1.5), least(n, 7.770, i4), count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT same('SELECT greatest(t COLLATE "C", v), least(d, date ''2000-01-01''), greatest(ts, d), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT CASE i4 WHEN 0 THEN ''zero'' WHEN 1 THEN ''one'' WHEN 7 THEN t ELSE v END, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT CASE t WHEN ''a'' THEN 1 WHEN ''A'' THEN 2 END, CASE c WHEN ''a'' THEN 1.5 ELSE n END, count(*) FROM kinds GROUP BY 1, 2');
SELECT same('SELECT CASE i4 + 1 WHEN 1 THEN CASE b WHEN true THEN 1 ELSE 2 END WHEN 2 THEN 3 END, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT id FROM kinds WHERE (i4, t COLLATE "C") < (7, ''b'') AND upper(t) <> ''Q''');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON (a.i4, a.d) >= (b.i4, b.d)');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON (a.i4, a.n, a.f8) <= (b.i8, b.i4, b.f4)');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON (a.i4, a.b) = (b.i4, b.b)');
SELECT same('SELECT i4 IN (0, 1, NULL), i4 NOT IN (0, 1), i8 IN (7, 42), t IN (''a'', ''zebra''), c IN (''a'', ''A''), count(*) FROM kinds GROUP BY 1, 2, 3, 4, 5');
SELECT same('SELECT n IN (1, 7.77, 10.100), f8 IN (0, ''nan'', 1.5), d IN (''infinity'', ''2024-02-29''), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT i4 = ANY (''{}''::int[]), i4 <> ALL (''{}''::int[]), i4 < ANY (''{0,NULL,40}''), i4 > ALL (''{0,1}''), count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT same('SELECT i2 = ANY (''{1,2147483647}''::int[]), i8 IN (1, 2), f4 = ANY (''{1.5,-1.5}''::float8[]), count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT count(*) FROM facts f JOIN items i USING (item_id) WHERE i.item_id IN (SELECT generate_series(1, 20)) OR f.quantity = ANY (ARRAY[1, 2, i.item_id])');
SELECT same(format('SELECT count(*), sum(quantity) FROM facts WHERE item_id IN (%s)', (SELECT string_agg(i::text, ', ') FROM generate_series(1, 300) i)));
SELECT same('SELECT i4 BETWEEN 0 AND 7, i4 BETWEEN SYMMETRIC 7 AND 0, n NOT BETWEEN 0 AND 8, t BETWEEN ''a'' COLLATE "C" AND ''b'', count(*) FROM kinds GROUP BY 1, 2, 3, 4');
SELECT pool_is_idle();
