-- Errors are PostgreSQL's, and only those that it would raise.
\pset tuples_only on
\pset format unaligned
-- overflow
SELECT same('SELECT max(i2 + 1::int2) FROM kinds');
SELECT same('SELECT max(i2 - 2::int2) FROM kinds');
SELECT same('SELECT max(i2 * i2) FROM kinds');
SELECT same('SELECT max(i2 / (-1)::int2) FROM kinds');
SELECT same('SELECT max(-i2) FROM kinds');
SELECT same('SELECT max(abs(i2)) FROM kinds');
SELECT same('SELECT max(i4 + 1) FROM kinds');
SELECT same('SELECT max(i4 - 2) FROM kinds');
SELECT same('SELECT max(i4 * i4) FROM kinds');
SELECT same('SELECT max(i4 / -1) FROM kinds');
SELECT same('SELECT max(-i4) FROM kinds');
SELECT same('SELECT max(abs(i4)) FROM kinds');
SELECT same('SELECT max(i8 + 1) FROM kinds');
SELECT same('SELECT max(i8 - 2) FROM kinds');
SELECT same('SELECT max(i8 * 2) FROM kinds');
SELECT same('SELECT max(i8 / -1) FROM kinds');
SELECT same('SELECT max(-i8) FROM kinds');
SELECT same('SELECT max(abs(i8)) FROM kinds');
SELECT same('SELECT max(f8 * 10) FROM kinds WHERE id = 9');
SELECT same('SELECT max(f8 * f8) FROM kinds WHERE id = 10');
SELECT same('SELECT max(f8 + 1e308) FROM kinds WHERE id = 9');
SELECT same('SELECT max(f4 * f4) FROM kinds WHERE id = 9');
SELECT same('SELECT max(f4 / 1e30::float4) FROM kinds WHERE id = 10');
SELECT same('SELECT sum(x) FROM (VALUES (1e308::float8), (1e308)) v (x)');
SELECT same('SELECT avg(x) FROM (VALUES (1e308::float8), (1e308)) v (x)');
SELECT same('SELECT sum(x) FROM (VALUES (3e38::float4), (3e38)) v (x)');
SELECT same('SELECT sum(x) FROM (VALUES (''infinity''::float8), (''-infinity'')) v (x)');
SELECT same('SELECT sum(x) FROM (SELECT 9223372036854775807 FROM kinds) v (x)');
-- the exceptions that are none
SELECT same('SELECT max(i2 % (-1)::int2), max(i4 % -1), max(i8 % -1) FROM kinds');
SELECT same('SELECT max(f8 * 10), max(f8 / f8) FROM kinds WHERE id IN (6, 7, 8) AND f8 <> 0');

-- division by zero
SELECT same('SELECT max(i2 / (i2 - i2)) FROM kinds');
SELECT same('SELECT max(i4 / 0) FROM kinds');
SELECT same('SELECT max(i8 / i4) FROM kinds');
SELECT same('SELECT max(i2 % (i2 - i2)) FROM kinds');
SELECT same('SELECT max(i4 % i2) FROM kinds');
SELECT same('SELECT max(i8 % i8) FROM kinds');
SELECT same('SELECT max(f4 / 0::float4) FROM kinds');
SELECT same('SELECT max(1 / f8) FROM kinds WHERE id = 5');
SELECT same('SELECT max(f8 / 0) FROM kinds WHERE id = 8');

-- dates, LIKE, substring
SELECT same('SELECT max(d + 1) FROM kinds');
SELECT same('SELECT max(d - 2147483647) FROM kinds WHERE isfinite(d)');
SELECT same('SELECT max(d - date ''2000-01-01'') FROM kinds');
SELECT same('SELECT max(d::timestamp) FROM kinds');
SELECT same('SELECT count(*) FROM kinds WHERE t LIKE ''%\''');
SELECT same('SELECT count(*) FROM kinds WHERE b AND t NOT LIKE ''a\''');
SELECT same('SELECT bool_or(t LIKE v) FROM kinds');
SELECT same('SELECT max(substring(t, 2, -3)) FROM kinds');
SELECT same('SELECT max(substring(t, 2147483647, -1)) FROM kinds');

-- where it happens does not matter
SELECT same('SELECT b, count(*) FROM kinds GROUP BY b HAVING 10 / min(i4) > 100');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b ON a.c = b.c AND 10 / (a.i4 - b.i4) > 1');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b ON a.i4 / 0 = b.i4');
SELECT same('SELECT id FROM kinds ORDER BY 10 / i4, id');
SELECT same('SELECT sum(i4) FILTER (WHERE 10 / i4 > 1) FROM kinds');
SELECT same('SELECT 10 / i4 FROM kinds');
SELECT same('SELECT count(*) / (count(*) - 10) FROM kinds');
SELECT same('SELECT 10 / min(i8 * 0) FROM kinds GROUP BY b');

-- what comes first protects: conjuncts, OR, CASE, COALESCE, FILTER, HAVING
SELECT same('SELECT id FROM kinds WHERE i4 <> 0 AND 10 / i4 > 1');
SELECT same('SELECT id FROM kinds WHERE i4 = 0 OR 10 / i4 > 1');
SELECT same('SELECT id FROM kinds WHERE i4 <> 0 AND (b OR 10 / i4 = 10)');
SELECT same('SELECT i4 <> 0 AND 10 / i4 > 1, i4 = 0 OR 10 / i4 > 1, count(*) FROM kinds GROUP BY 1, 2');
SELECT same('SELECT (i4 = 0 OR 10 / i4 > 1) IS NOT TRUE, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT CASE WHEN i4 <> 0 THEN 10 / i4 END, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT CASE WHEN i4 = 0 THEN -1 WHEN 10 / i4 > 1 THEN 1 ELSE 10 % i4 END, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT coalesce(i4, 1 / (i8 - i8)), count(*) FROM kinds WHERE id <> 3 GROUP BY 1');
SELECT same('SELECT sum(10 / i4) FILTER (WHERE i4 <> 0) FROM kinds');
SELECT same('SELECT sum(i4) FILTER (WHERE i4 BETWEEN -9 AND 99 AND i4 <> 0 AND 10 / i4 > 1) FROM kinds');
SELECT same('SELECT i4, count(*) FROM kinds GROUP BY i4 HAVING i4 <> 0 AND 10 / i4 > 1');
SELECT same('SELECT b, min(i4) FROM kinds WHERE i4 = 0 GROUP BY b HAVING min(i4) <> 0 AND 10 / min(i4) > 1');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b ON a.c = b.c AND a.i4 <> b.i4 AND 10 / (a.i4 - b.i4) > 1');
SELECT same('SELECT id FROM kinds WHERE v LIKE ''a'' AND t NOT LIKE ''%'' || chr(92)');

-- first is the cheapest, as in PostgreSQL, not the first in the text
SELECT same('SELECT id FROM kinds WHERE 10 / i4 > 1 AND i4 <> 0');
SELECT same('SELECT b, min(i4) FROM kinds WHERE i4 = 0 GROUP BY b HAVING 10 / min(i4) > 1 AND min(i4) <> 0');
SELECT same('SELECT a.id, b.id FROM kinds a JOIN kinds b ON a.c = b.c AND 10 / (a.i4 - b.i2) > 1 AND a.i4 <> b.i2');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b ON a.id = b.id AND sqrt(a.i4 - b.i4 - 1) > 0 AND a.t || '''' <> b.t || ''''');
SELECT same('SELECT count(*) FROM kinds WHERE t = ''nope'' AND v LIKE ''%\''');

-- the next query works, also after an error that was caught
DO $$
DECLARE
    n bigint;
BEGIN
    SET LOCAL pg_fusion.force = on;
    FOR i IN 1..20 LOOP
        BEGIN
            PERFORM sum(10 / (quantity - 3)) FROM facts;
        EXCEPTION WHEN division_by_zero THEN
            SELECT count(*) INTO n FROM facts JOIN items USING (item_id) WHERE quantity = 3;
        END;
    END LOOP;
    RAISE NOTICE 'caught, % rows', n;
END
$$;
SELECT pool_is_idle();
