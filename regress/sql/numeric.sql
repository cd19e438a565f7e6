-- numeric: every operator, function, cast and aggregate, to the last digit and scale.
\pset tuples_only on
\pset format unaligned
CREATE TABLE one (k int);
INSERT INTO one VALUES (1);
-- all pairs of values at the edges
CREATE TABLE pairs (k int, id int, n numeric, m numeric, p numeric(15, 2), q numeric(38, 10), w numeric(60, 20), s int);
INSERT INTO pairs
SELECT 1, row_number() OVER (), n, m, CASE WHEN abs(n) < 1e12 OR n = 'NaN' THEN n END,
       CASE WHEN abs(m) < 1e25 OR m = 'NaN' THEN m END, CASE WHEN abs(m) < 1e38 THEN m * 3 END, i - 10
FROM unnest(ARRAY['0', '0.00', '1', '-1', '0.5', '-0.5', '2.50', '-2.5000', '9999', '10000', '0.0001', '-0.00009999',
                  '99999999999999999999.99999', '1e20', '-1e-20', '12345678901234567890123456789012345678.90',
                  '-123456789012345678901234567890123456789012345.6789', 'NaN', 'Infinity', '-Infinity', NULL]::numeric[])
         WITH ORDINALITY a (n, i),
     unnest(ARRAY['0.000', '1.0', '-1', '3', '-0.7', '2.50', '10000', '0.00001', '99999999999999999999', '-1e-25',
                  '98765432109876543210987654321098765432.1', '1e60', 'NaN', 'Infinity', '-Infinity', NULL]::numeric[]) b (m);
-- a value at each scale from 0 to 20
CREATE TABLE scales (k int, id int, s int, n numeric);
INSERT INTO scales SELECT 1, i, i % 21, round(12345678.90123456789012345678 / (i + 1) * (1 - i % 2 * 2), i % 21) FROM generate_series(0, 209) i;
ANALYZE one, pairs, scales;

-- Over a join, PostgreSQL itself would aggregate if the engine did not compute the
-- arguments: that it says Aggregate is the proof.
CREATE FUNCTION computes(arguments text, source text DEFAULT 'pairs', condition text DEFAULT 'true') RETURNS text LANGUAGE sql AS $$
    SELECT same(format('SELECT id, %s FROM %s JOIN one USING (k) WHERE %s GROUP BY id ORDER BY id',
        (SELECT string_agg(format('max((%s)::text COLLATE "C")', argument), ', ') FROM unnest(string_to_array(arguments, ';')) argument),
        source, condition))
$$;

-- arithmetic
SELECT computes('n + m; n - m; n * m; -n; +n; abs(n); sign(n)');
SELECT computes('n / m; n % m; div(n, m); mod(m, n)', 'pairs', 'm <> 0 AND n <> 0');
SELECT computes('n + n; n * n * n; n - m - m; (n + m) * (n - m)');
SELECT computes('p + q; p - w; p * q; q * w; w * w; -p; abs(w)');
SELECT computes('p / q; q / w; p % q; w % q; div(p, q); div(w, q)', 'pairs', 'q <> 0 AND w <> 0');
SELECT computes('p / 3; p % 7.5; div(q, 0.3); 1 / (p * p + 1); p + 1e30; p * 1e60; n * 1.50; 2 - n');
SELECT computes('n + id; id * p; m / id; (id % 7)::int2 * w; 10::int8 / n', 'pairs', 'n <> 0');
SELECT computes('n * n; n / 3; n / 0.0007; n % 0.37; n * 1.000; 1000 / n; n + 0.1', 'scales', 'n <> 0');

-- rounding
SELECT computes('round(n); trunc(n); ceil(n); ceiling(n); floor(n); round(n, 3); round(n, -3); trunc(n, 1); trunc(n, -2)');
SELECT computes('round(n, s); trunc(n, s); round(p, s); trunc(w, s)');
SELECT computes('round(p); round(p, 1); round(p, 5); round(p, -2); round(p, -20); trunc(p, 1); trunc(p, -1); ceil(p); floor(p); sign(p)');
SELECT computes('round(w, 30); round(w, 3); trunc(w, 2); ceil(w); floor(w); sign(w); round(q, 40)');
SELECT computes('round(n, s); trunc(n, s); round(n, s - 3); round(n, 20 - s); ceil(n); floor(n)', 'scales');
SELECT computes('scale(n); min_scale(n); trim_scale(n); scale(p); min_scale(p); trim_scale(w); scale(n * m); scale(round(n, 2))');
SELECT computes('round(n, 2147483647) - n; trunc(n, 20000) - n; round(n, -2147483648); trunc(n, -2147483648)', 'scales', 's < 5');

-- comparisons: equal values of other scales, NaN, infinities, constants of all kinds
SELECT computes('(n = m)::int; (n <> m)::int; (n < m)::int; (n <= m)::int; (n > m)::int; (n >= m)::int');
SELECT computes('(p = m)::int; (p < q)::int; (q <= w)::int; (n > p)::int; (w >= n)::int; (n = id)::int');
SELECT computes('(n IS DISTINCT FROM m)::int; (n IS NOT DISTINCT FROM 2.5)::int; (p IS DISTINCT FROM n)::int');
SELECT same('SELECT id FROM pairs WHERE n = 2.5000 OR n = ''NaN'' OR n = ''-Infinity''');
SELECT same('SELECT id FROM pairs WHERE n < ''Infinity'' AND n > ''-Infinity'' AND m <> ''NaN''');
SELECT same('SELECT id FROM pairs WHERE p < ''NaN'' AND p > -1e50 AND p <= 1e13 AND p <> 0.5001');
SELECT same('SELECT id FROM pairs WHERE n BETWEEN -0.5 AND 10000.00 AND m NOT BETWEEN 0 AND 2.5');
SELECT same('SELECT id FROM pairs WHERE n > -123456789012345678901234567890123456789012345.67890 AND m < 98765432109876543210987654321098765432.10001');
SELECT same('SELECT id FROM pairs WHERE n IN (0, 1.000, -2.5, ''NaN'', 1e20, NULL)');
SELECT same('SELECT id FROM pairs WHERE n NOT IN (0.000, 0.5, 1e60, ''Infinity'')');
SELECT same('SELECT id FROM pairs WHERE p IN (0, 2.500, ''NaN'', ''Infinity'', 1e70)');
SELECT same('SELECT id FROM pairs WHERE n > ANY (ARRAY[m, 3, NULL]) AND n <= ALL (ARRAY[1e19, m + 1e21])');
SELECT same('SELECT id FROM pairs WHERE (n, m) < (m, n) AND (p, n, m) >= (1, 2, 3)');

-- one of several values keeps its own scale
SELECT computes('CASE WHEN n < m THEN p WHEN m < 0 THEN w ELSE 7.5 END; CASE WHEN n > 0 THEN 1 ELSE 2.50 END; CASE n WHEN 1.0 THEN n WHEN 2.5 THEN m END');
SELECT computes('coalesce(p, q, w, 0); coalesce(n, 1.5); coalesce(NULL, p, 1.50); nullif(n, m); nullif(n, 0.0); nullif(p, 1)');
SELECT computes('greatest(n, m); least(n, m); greatest(p, q, w); least(p, 1, n); greatest(n, ''NaN''); least(n, ''-Infinity'', NULL)');

-- casts
SELECT computes('n::int2; n::int4; n::int8; p::int4; p::int8; w::int8', 'pairs', 'abs(n) < 32767 AND abs(w) < 1e18');
SELECT computes('n::float8; n::float4; p::float8; p::float4; q::float8; w::float8; m::float8', 'pairs', 'abs(n) < 1e37 OR n IN (''NaN'', ''Infinity'', ''-Infinity'')');
SELECT computes('n::float8::numeric; n::float4::numeric; (n::float8 / 3)::numeric; (n::float4 / 7)::numeric', 'scales');
SELECT computes('i2::numeric / 7; i4::numeric * 1.5; i8::numeric + 0.01; f4::numeric; f8::numeric; (f8 * 1e10)::numeric + n', 'kinds, LATERAL (SELECT 1 AS k) l', 'id NOT IN (6, 7, 9)');
SELECT computes('f4::numeric; f8::numeric; i8::numeric(25, 3); n::numeric(20, 5)', 'kinds, LATERAL (SELECT 1 AS k) l');
SELECT computes('n::numeric(50, 3); n::numeric(50, 0); p::numeric(20, 5); p::numeric(16, 1); p::numeric(15, 2); n::numeric(80, 25); n::numeric(200, 40); n::numeric(45, -3)', 'pairs', 'abs(n) < 1e40 OR n = ''NaN''');
SELECT computes('n::numeric(30, 0); n::numeric(30, 1); n::numeric(30, 20); n::numeric(100, 7); (n / 3)::numeric(15, 4); n::numeric(7, -2)', 'scales');
SELECT computes('n::text; m::varchar; p::text; w::text; (n / 3)::text; n::text::numeric * 2; (n::text || ''0'')::numeric', 'pairs', 'n <> ''NaN'' AND abs(n) <> ''Infinity''');

-- aggregates
SELECT same('SELECT sum(n), avg(n), min(n), max(n), count(n) FROM pairs');
SELECT same('SELECT sum(n), avg(n), min(n), max(n), sum(n * n), avg(n / 7) FROM pairs WHERE n <> ''NaN'' AND abs(n) < ''Infinity''');
SELECT same('SELECT s, sum(n), avg(m), min(n), max(m), sum(p), avg(p), sum(w), avg(w), min(q) FROM pairs GROUP BY s');
SELECT same('SELECT s, sum(m), avg(m) FROM pairs WHERE m <> ''NaN'' AND m <> ''-Infinity'' GROUP BY s');
SELECT same('SELECT s, sum(m) FILTER (WHERE abs(m) < ''Infinity''), avg(m) FILTER (WHERE m < 0), max(n) FILTER (WHERE false) FROM pairs GROUP BY s');
SELECT same('SELECT s, sum(n), avg(n), min(n), max(n), sum(n * n) FROM scales GROUP BY s');
SELECT same('SELECT sum(n), avg(n), sum(n / 3), avg(n * 0) FROM scales');
SELECT same('SELECT sum(x), avg(x), min(x), max(x) FROM (SELECT 1e38 - i FROM generate_series(1, 5000) i) v (x)');
SELECT same('SELECT sum(x), avg(x) FROM (SELECT (-1) ^ i * (1e60 + i / 8.0) FROM generate_series(1, 5001) i) v (x)');
SELECT same('SELECT sum(x), avg(x) FROM (SELECT NULL::numeric FROM facts) v (x)');
SELECT same('SELECT sum(amount / 3), avg(amount / 7), max(amount % 11), min(price * amount), avg(i.item_id) FROM facts JOIN items i USING (item_id)');
SELECT same('SELECT kind, round(avg(amount), 2), sum(amount) / count(*), max(amount) / min(price) FROM facts JOIN items USING (item_id) WHERE price > 0 GROUP BY kind HAVING avg(amount) > 100.5 ORDER BY 2, 1');

-- keys
SELECT same('SELECT trim_scale(n), count(*), sum(p) FROM pairs GROUP BY trim_scale(n)');
SELECT same('SELECT n * 2, count(*) FROM scales GROUP BY n * 2');
SELECT same('SELECT DISTINCT round(n / 100000, 1) FROM scales');
SELECT same('SELECT id, n FROM pairs ORDER BY n, m DESC NULLS LAST, id');
SELECT same('SELECT id, n / 7 FROM scales ORDER BY n / 7 DESC LIMIT 20');
SELECT same('SELECT a.id, b.id FROM pairs a JOIN pairs b ON a.n = b.m AND a.id < b.id WHERE a.s < 0');
SELECT same('SELECT a.id, b.id FROM pairs a JOIN scales b ON a.p = trunc(b.n, 0) OR a.n = b.id');
SELECT same('SELECT count(*), sum(a.p) FROM pairs a JOIN pairs b ON a.p = b.n');
SELECT same('SELECT count(*), sum(a.p) FROM pairs a JOIN pairs b ON a.p = b.w AND a.q < b.n');
SELECT same('SELECT id FROM pairs a WHERE NOT EXISTS (SELECT 1 FROM scales b WHERE b.id = a.n)');

-- years of infinite dates
SELECT computes('extract(year from d) + 0.5; extract(year from d) * extract(year from d); CASE WHEN id > 4 THEN extract(year from d) ELSE 1.5 END; (extract(year from d))::float8; (extract(year from d) / 0.3)::text',
                'kinds, LATERAL (SELECT 1 AS k) l');
SELECT same('SELECT sum(extract(year from d)), avg(extract(year from ts)), max(extract(year from d)) FROM kinds WHERE d > ''-infinity'' AND ts > ''-infinity''');

-- errors
CREATE TABLE bad (k int, n numeric);
CREATE FUNCTION fails(expression text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM bad;
    INSERT INTO bad VALUES (1, value::numeric);
    RETURN regexp_replace(same(format('SELECT max((%s)::text COLLATE "C") FROM bad JOIN one USING (k)', expression)), '([09])\1{9,}', '\1...', 'g');
END
$$;
SELECT fails('1 / n', '0.000'), fails('n / 0.0', '1'), fails('n % 0', '-5'), fails('div(n, 0)', 'Infinity'), fails('n / 0', 'NaN');
SELECT fails('n::int2', '32767.5'), fails('n::int4', '-2147483648.5'), fails('n::int8', '9223372036854775807.5');
SELECT fails('n::int2', 'NaN'), fails('n::int4', 'Infinity'), fails('n::int8', '-Infinity');
SELECT fails('n::numeric(5, 2)', '999.995'), fails('n::numeric(3, -2)', '99950'), fails('n::numeric(3, 5)', '0.01'), fails('n::numeric(3, 3)', '0.9995');
SELECT fails('n::numeric(5, 2)', 'Infinity'), fails('n::numeric(100, 2)', '1e98'), fails('n::numeric(5, 2)', 'NaN');
SELECT fails('n::float8', '1e309'), fails('n::float4', '1e39'), fails('n::float4', '-1e-50'), fails('n::float8', '1e-400');
SELECT fails('n * n', '1e65536'), fails('n + n', repeat('9', 131072)), fails('n / 1e-1000', '1e131000');
SELECT fails('round(n, -131072)', repeat('9', 131072)), fails('ceil(n)', repeat('9', 131072) || '.5'), fails('floor(n)', '-' || repeat('9', 131072) || '.5');
SELECT fails('n - 1 + -n + n / 3', repeat('9', 131072));
INSERT INTO bad SELECT 1, repeat('9', 131072)::numeric FROM generate_series(1, 10);
SELECT same('SELECT sum(n), count(*) FROM bad JOIN one USING (k)');
SELECT same('SELECT avg(n), count(*) FROM bad JOIN one USING (k)');
SELECT same('SELECT sum(n) FILTER (WHERE n < 0), max(n::text COLLATE "C"), count(*) FROM bad JOIN one USING (k)');
SELECT fails('(n::text || ''x'')::numeric', '1'), fails('(''1e'' || n * 100000)::numeric', '2');
-- an error behind a condition is none
SELECT same('SELECT id FROM pairs WHERE m <> 0 AND n / m > 1');
SELECT same('SELECT sum(CASE WHEN m = 0 THEN 0 ELSE n / m END) FROM pairs WHERE abs(n) < 1e30 AND abs(m) < 1e30');
SELECT same('SELECT id FROM pairs WHERE abs(n) < 10000 AND n::int2 > 0');

-- what the engine computes, in words
SELECT plan_of('SELECT sum(n / m), max(round(p, 1)), min(p % 3), avg(q) FROM pairs WHERE n > 1e40 AND m <> ''Infinity'' AND p < 1.5 GROUP BY n');
PREPARE above (numeric) AS SELECT id, n + $1 FROM pairs WHERE n > $1 AND p < $1 + 100 ORDER BY n, id;
SET plan_cache_mode = force_generic_plan;
SELECT plan_of('EXECUTE above (1)');
RESET plan_cache_mode;
DROP FUNCTION computes, fails;
DROP TABLE one, pairs, scales, bad;
SELECT pool_is_idle();
