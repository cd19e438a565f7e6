-- Casts: from and to text, to narrower types, to declared lengths.
\pset tuples_only on
\pset format unaligned
CREATE TABLE inputs (k int, id int, kind text, s text);
INSERT INTO inputs
SELECT 1, row_number() OVER (), kind, s FROM (VALUES
    ('int2', ARRAY['0', '-32768', '32767', ' +7 ', E'\t\n12\x0b\f\r', '000000000000000000001', '-0', NULL]),
    ('int4', ARRAY['2147483647', '-2147483648', '  42', '1']),
    ('int8', ARRAY['9223372036854775807', '-9223372036854775808', '5 ', '-1']),
    ('oid', ARRAY['0', '4294967295', '-1', ' 17', '-2147483648', '18446744073709551615']),
    ('bool', ARRAY['t', 'TRUE', ' yes', 'on', '1', 'f', 'fal', 'No', 'of', '0 ', NULL]),
    ('uuid', ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}',
                   'a0eebc999c0b4ef8bb6d6bb9bd380a11', '00000000-0000-0000-0000-000000000000', NULL]),
    ('float', ARRAY['0', '-0', '1', '1e15', '123456789012345', '0.1', '1e-5', '0.0001', ' NaN ', '-inf', '+Infinity',
                    '1e23', '1125899906842624.25', '1.5e10', '0x1p-3', '3.4028235e38', '1e-45', '16777217',
                    '9007199254740993', '.5', '5.', NULL]),
    ('float8', ARRAY['1e308', '5e-324', '-1.7976931348623157e308', '2.2250738585072011e-308'])
) v (kind, list), unnest(list) s;
CREATE TABLE faults (kind text, s text);
INSERT INTO faults SELECT kind, s FROM (VALUES
    ('int2', ARRAY['', ' ', '32768', '-32769x', '32768x', '1.0', '0x1', '1_0', '- 1']),
    ('int4', ARRAY['2147483648', '-2147483649', 'abc', '12 3', 'é']),
    ('int8', ARRAY['9223372036854775808', '1e3']),
    ('oid', ARRAY['', '4294967296', '-2147483649', '1x', '99999999999999999999x']),
    ('bool', ARRAY['', 'o', 'truee', '2', 'ja']),
    ('uuid', ARRAY['', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
                   ' a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']),
    ('float4', ARRAY['', ' 1e39 ', '1e-46', '1e', 'infin', '1 2', '0x']),
    ('float8', ARRAY[' ', ' 1e309 ', '-1e400x', '1e-400', 'nan(', '--1'])
) v (kind, list), unnest(list) s;
CREATE TABLE numbers (k int, id int, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, b bool, u uuid, c char(8), v varchar(30), n name);
INSERT INTO numbers VALUES
    (1, 1, 0, 0, 0, 0, 0, 0, false, '00000000-0000-0000-0000-000000000000', '0', '0', 'zero'),
    (1, 2, 1, -1, 1, 1, -0.5, 0.5, true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1', ' 1 ', 'one'),
    (1, 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (1, 4, 32767, 32767, -32768, 4294967295, 1.5, -1.5, true, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '-12', '+12', repeat('é', 31)),
    (1, 5, -32768, 7, 42, 17, 2.5, 2.5, false, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 't', 'false', 'true'),
    (1, 6, 5, -32768, 32767, 5, '-0', 32767.4, true, NULL, '7', '3.25', 'x');
CREATE TABLE one (k int);
INSERT INTO one VALUES (1);
ANALYZE inputs, faults, numbers, one;

-- Over a join, PostgreSQL itself would aggregate if the engine did not compute the
-- keys and arguments: that it says Aggregate is the proof.
CREATE FUNCTION computes(keys text, source text, condition text DEFAULT 'true') RETURNS text LANGUAGE sql AS $$
    SELECT same(format('SELECT %1$s, count(*) FROM %2$s JOIN one USING (k) WHERE %3$s GROUP BY %1$s', keys, source, condition))
$$;

-- text to other types and back
SELECT computes('s::int2, s::int2::text', 'inputs', 'kind = ''int2''');
SELECT computes('s::int4, s::varchar::int4::varchar', 'inputs', 'kind IN (''int2'', ''int4'')');
SELECT computes('s::int8, s::int8::text', 'inputs', 'kind IN (''int2'', ''int4'', ''int8'')');
SELECT computes('s::oid, s::oid::text, s::oid::int8', 'inputs', 'kind = ''oid''');
SELECT computes('s::bool, s::bool::text, s::bool::int4', 'inputs', 'kind = ''bool''');
SELECT computes('s::uuid, s::uuid::text', 'inputs', 'kind = ''uuid''');
SELECT computes('id, s::float8::text', 'inputs', 'kind IN (''float'', ''float8'')');
SELECT computes('id, s::float4::text, s::float4::varchar', 'inputs', 'kind = ''float''');
SELECT same('SELECT id, max(s::float8::text COLLATE "C"), max(s::float4::text COLLATE "C") FROM inputs JOIN one USING (k) WHERE kind = ''float'' GROUP BY id');
-- each setting of extra_float_digits
SET extra_float_digits = 0;
SELECT computes('id, s::float8::text, s::float4::text', 'inputs', 'kind = ''float''');
SET extra_float_digits = -15;
SELECT computes('id, s::float8::text, s::float4::text', 'inputs', 'kind = ''float''');
SET extra_float_digits = -3;
SELECT computes('id, s::float8::text, concat(s::float4, s::float8)', 'inputs', 'kind = ''float''');
SET extra_float_digits = 3;
SELECT computes('id, s::float8::text, s::float4::text', 'inputs', 'kind = ''float''');
-- a cached plan follows the setting
PREPARE as_text AS SELECT f8::text, count(*) FROM numbers JOIN one USING (k) WHERE id = 6 GROUP BY 1;
SET pg_fusion.force = on;
SET plan_cache_mode = force_generic_plan;
EXECUTE as_text;
SET extra_float_digits = -12;
EXECUTE as_text;
EXPLAIN (COSTS OFF) EXECUTE as_text;
DEALLOCATE as_text;
RESET plan_cache_mode;
RESET pg_fusion.force;
RESET extra_float_digits;

-- errors, one by one
SELECT kind, quote_literal(s),
       same(format('SELECT s::%1$s::text, count(*) FROM (SELECT %2$L || left(s, 0) AS s, k FROM inputs WHERE id = 1) i JOIN one USING (k) GROUP BY 1', kind, s))
FROM faults;

-- other types to text
SELECT computes('i2::text, i4::text, i8::varchar, o::text, b::text, b::varchar, u::text, id', 'numbers');
SELECT computes('i4::char(3), i8::varchar(2), b::char(2), i2::name, u::varchar(8), id', 'numbers');
SELECT computes('f4::text, f8::text, f8::varchar(3), id', 'numbers');
SELECT computes('c::int4, c::text::int4, v::float8::text', 'numbers', 'id <= 4');
SELECT computes('c::bool, v::bool, n::bool', 'numbers', 'id = 5');
SELECT computes('id, ''x'' || i4, i8 || ''x'', ''x'' || b, u || ''x'', f8 || ''x'', c || i2', 'numbers');
SELECT computes('id, length(i4::text), i8::text LIKE ''-%'', o::text = i4::text', 'numbers');

-- names
SELECT computes('id, n::text, n::varchar, n::char(3), length(n::text), (n || ''é'')::name, c::name, v::name', 'numbers');
SELECT computes('n = ''one'', n < ''one'', n >= ''x''::text, n || n', 'numbers');

-- numeric
SELECT computes('s::numeric::text, s::numeric::varchar', 'inputs', 'kind IN (''int2'', ''int4'', ''int8'')');
SELECT computes('s::numeric(30, 2)::text, id', 'inputs', 'kind = ''int8''');
SELECT computes('(i4 / 8.0)::text, (i4 * 1.50)::text, concat(i2 * 0.1, ''x''), id', 'numbers');
SELECT computes('extract(year FROM d)::text', '(SELECT 1 AS k, d FROM kinds) v');
SELECT computes('v::numeric::text', 'numbers');

-- narrower numbers
SELECT computes('i4::int2, i8::int2, i8::int4, i2::int8::int4, id', 'numbers');
SELECT computes('f8::int2, f8::int4, f8::int8, f4::int2, f4::int4, f4::int8, id', 'numbers');
SELECT computes('i4::bool, b::int4, id', 'numbers');
SELECT computes('o::int8, o::int4, i4::oid, i8::oid, id', 'numbers', 'i8 >= 0 OR i8 IS NULL');
SELECT computes('i2::oid, i4::bool::text::bpchar(9), id', 'numbers');
SELECT same('SELECT id, max(f8::float4::text COLLATE "C"), min(f4::float8::text COLLATE "C") FROM numbers JOIN one USING (k) GROUP BY id');
SELECT computes('i4::int2', 'numbers', 'id <> 4 OR i4 * 2 > 0');
SELECT computes('(i4 + 1)::int2', 'numbers');
SELECT computes('(i8 - 1)::int2', 'numbers');
SELECT computes('(i8 * 100000)::int4', 'numbers');
SELECT computes('(f8 * 1e5)::int4, (f4 * 1e9)::int4', 'numbers');
SELECT computes('(f8 + 0.1)::int2', 'numbers', 'id = 6');
SELECT computes('(f8 + 1)::int2', 'numbers', 'id = 6');
SELECT computes('(f8 * ''nan'')::int8', 'numbers');
SELECT computes('i8::oid', 'numbers');
SELECT same('SELECT max((f8 * 1e300)::float4::text COLLATE "C") FROM numbers JOIN one USING (k)');
SELECT same('SELECT max((f8 * 1e-300)::float4::text COLLATE "C") FROM numbers JOIN one USING (k)');

-- rounding of floats
SELECT same('SELECT id, max(round(f8)::text COLLATE "C"), max(ceil(f8)::text COLLATE "C"), max(ceiling(f8)::text COLLATE "C"), max(floor(f8)::text COLLATE "C"), max(trunc(f8)::text COLLATE "C"), max(sign(f8)::text COLLATE "C") FROM numbers JOIN one USING (k) GROUP BY id');
SELECT same('SELECT id, max(round(s::float8)::text), max(trunc(s::float8)::text), max(ceil(-s::float8)::text) FROM inputs JOIN one USING (k) WHERE kind IN (''float'', ''float8'') GROUP BY id');
SELECT same('SELECT id, max(sqrt(abs(f8))::text COLLATE "C"), max((|/ abs(f8))::text COLLATE "C") FROM numbers JOIN one USING (k) GROUP BY id');
SELECT same('SELECT max(sqrt(f8)::text COLLATE "C") FROM numbers JOIN one USING (k)');

-- declared lengths
SELECT computes('s::varchar(5), s::char(5), s::char(60), id', 'inputs');
SELECT computes('pg_catalog."varchar"(s::varchar, 9, false), pg_catalog.bpchar(s::bpchar, 9, false)::text, id', 'inputs', 'length(s) <= 5');
SELECT computes('pg_catalog."varchar"(s::varchar, 9, false)', 'inputs');
SELECT computes('pg_catalog.bpchar(s::bpchar, 12, false)::text', 'inputs');

-- left to PostgreSQL: text that depends on settings or catalogs
SELECT computes('o::regclass::text', 'numbers', 'id <> 4');
SELECT computes('convert_to(v, ''UTF8'')::text', 'numbers');

DROP FUNCTION computes;
DROP TABLE inputs, faults, numbers, one;
SELECT pool_is_idle();
