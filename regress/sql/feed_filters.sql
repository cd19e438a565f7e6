-- Conditions that a feed evaluates before it hands rows over: every comparison of every
-- type with constants at the edges, with each other, and of texts for equality.
\pset tuples_only on
\pset format unaligned
CREATE TABLE edges AS SELECT k.*, id::oid AS o, ts::time AS tm, ts AT TIME ZONE 'UTC' AS tz, n::numeric(38, 5) AS wide, n::numeric(60, 2) AS wider, t::name AS na FROM kinds k WHERE ts > '-infinity' OR ts IS NULL;
INSERT INTO edges (id, n, wide, wider, d, ts) VALUES (11, 'NaN', 'NaN', 'NaN', '-infinity', '-infinity'), (12, 0.10, 123456789012345678901234567890123.12345, -1e57, '0001-01-01', '0001-01-01');
INSERT INTO edges (id, n, wide) VALUES (13, -0.10, -123456789012345678901234567890123.12345), (14, 99999999999.99, 92233720368547.75807), (15, 1, 92233720368547.75808), (16, 1, -92233720368547.75808);
ANALYZE edges;
-- how many conditions there are, how many the feed takes, and what is not the same
CREATE FUNCTION in_feed(query text) RETURNS bool LANGUAGE sql AS $$
    SELECT coalesce(bool_or(line ~ '^ {8}Filter:'), false) FROM plan_of(query) AS line
$$;
CREATE VIEW comparisons AS
    SELECT format('SELECT id FROM edges WHERE %s %s %s', l, op, r) AS query
    FROM (VALUES ('=', 1), ('<>', 2), ('<', 3), ('<=', 4), ('>', 5), ('>=', 6)) AS ops (op, number),
         (VALUES ('i2', '0'), ('i2', '(-32768)::int2'), ('i2', '32767'), ('i2', '100000'),
                 ('i4', '-2147483648'), ('i4', '2147483647'), ('i4', '7::int2'), ('i4', '3000000000'),
                 ('i8', '9223372036854775807'), ('i8', '(-9223372036854775808)'), ('i8', '42'),
                 ('7', 'i4'), ('1::int8', 'i2'), ('i2', 'i4'), ('i4', 'i8'), ('id', 'i8'),
                 ('o', '3'), ('o', 'o'),
                 ('n', '0'), ('n', '0.01'), ('n', '9999999999999.99'), ('n', '-1.50'), ('n', '''NaN'''), ('n', '0.001'), ('n', 'n'), ('n', 'i4'),
                 ('wide', '0.1'), ('wide', '92233720368547.75807'), ('wide', '92233720368547.75806'), ('wide', '-92233720368547.75807'), ('wide', '123456789012345678901234567890123.12345'),
                 ('wider', '1.00'), ('wider', '''-1e57'''),
                 ('d', 'date ''2000-01-01'''), ('d', '''infinity'''), ('d', '''-infinity'''), ('d', 'd'), ('d', '''0001-01-01 BC'''),
                 ('d', 'timestamp ''2000-01-01'''), ('d', 'timestamp ''1999-12-31 12:00'''), ('d', 'timestamp ''infinity'''), ('d', 'timestamp ''-infinity'''), ('timestamp ''1970-01-01 00:00:01''', 'd'), ('d', 'timestamp ''294276-12-31 23:59:59'''), ('d', 'ts'),
                 ('ts', '''2000-01-01'''), ('ts', '''infinity'''), ('ts', 'ts'), ('ts', 'date ''1970-01-01'''), ('tm', '''12:00'''), ('tz', '''2000-01-01 00:00:00+00'''),
                 ('f8', '0'), ('f8', '''NaN'''), ('f4', '1'), ('b', 'true'),
                 ('t', '''a'''), ('t', ''''''), ('t', '''a '''), ('v', '''A'''), ('c', '''a'''), ('c', '''a   '''), ('c', ''''''), ('c', '''a ''::text'), ('c', '''a''::text'), ('''''::text', 'c'), ('na', '''a'''), ('t', 'v'), ('t', '''日本語''')) AS sides (l, r);
SELECT count(*), count(*) FILTER (WHERE in_feed(query)) FROM comparisons;
SELECT query, result FROM comparisons, same(query) AS result WHERE result NOT LIKE 'same%' OR result LIKE '%PostgreSQL';
-- lists
SELECT query, result, in_feed(query)
FROM (VALUES ('i2 IN (1, 7, 42)'), ('i4 NOT IN (0, 2147483647, -1)'), ('i8 IN (9223372036854775807, -9223372036854775808)'), ('n IN (0, 0.01, 7.77)'), ('n NOT IN (0, 0.001)'), ('n IN (1, ''NaN'')'),
             ('d IN (''2000-01-01'', ''infinity'')'), ('t IN (''a'', '''')'), ('t NOT IN (''a'', ''A'', '''')'), ('c IN (''a '', '''')'), ('v = ANY (''{a,A,NULL}'')'), ('i4 <> ALL (''{1,NULL}'')'),
             ('i4 <> ALL (''{}'')'), ('i4 = ANY (''{}'')'), ('i2 BETWEEN 0 AND 10 AND n < 5 AND t <> ''b'''), ('i2 > 0 AND 10 / i2 > 1'), ('10 / i2 > 1 AND i2 > 5'), ('i2 > 0 AND i4 > 0 OR n > 9')) AS lists (condition),
     format('SELECT id FROM edges WHERE %s', condition) AS query, same(query) AS result;
-- patterns
SELECT query, result, in_feed(query)
FROM (VALUES ('t LIKE ''%a%'''), ('t NOT LIKE ''a%'''), ('t LIKE '''''), ('v LIKE ''%A'''), ('v NOT LIKE ''%A%'' AND i2 > 0'), ('c LIKE ''a %'''), ('c LIKE ''a'''), ('c NOT LIKE ''%a'''), ('na LIKE ''%a%'''),
             ('t LIKE ''日%語'''), ('t LIKE ''\a%'''), ('t LIKE ''_%'''), ('t LIKE v'), ('t LIKE NULL'), ('t LIKE ''%\'''), ('t ILIKE ''%A%''')) AS patterns (condition),
     format('SELECT id FROM edges WHERE %s', condition) AS query, same(query) AS result;
-- toasted values
CREATE TABLE toasted (id int, big text);
ALTER TABLE toasted ALTER big SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT g, repeat('x', g * 1000) FROM generate_series(1, 20) g;
INSERT INTO toasted SELECT g, NULL FROM generate_series(21, 90) g;
ALTER TABLE toasted ALTER big SET STORAGE EXTENDED;
INSERT INTO toasted SELECT g, repeat('y', g * 1000) FROM generate_series(91, 99) g;
SELECT same('SELECT id, big FROM toasted WHERE big <> repeat(''x'', 5000)');
SELECT same('SELECT id, length(big) FROM toasted WHERE big IN (''x'', ''' || repeat('x', 7000) || ''', ''' || repeat('y', 95000) || ''')') ~ 'same 2 rows';
SELECT same('SELECT id FROM toasted WHERE big LIKE ''%x%x'''), same('SELECT id, big FROM toasted WHERE big NOT LIKE ''x%''');
SELECT same('SELECT count(*), max(big), min(length(big)) FROM toasted WHERE id > 15');
-- conditions of different security levels stay in order
CREATE FUNCTION leaks(int) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN true; END';
CREATE VIEW guarded WITH (security_barrier) AS SELECT * FROM edges WHERE i2 > 5;
SET pg_fusion.force = on;
SELECT id FROM guarded WHERE leaks(id) AND i4 < 40 ORDER BY id;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM edges WHERE i2 > 0 AND t <> 'a';
RESET pg_fusion.force;
DROP VIEW guarded, comparisons;
DROP TABLE edges, toasted;
DROP FUNCTION leaks, in_feed;
