-- Every type that travels: from the leaf through the engine and back.
\pset tuples_only on
\pset format unaligned
-- as they are, and through a join
SELECT same('SELECT * FROM kinds');
SELECT same('SELECT a.*, b.* FROM kinds a JOIN kinds b USING (id)');
SELECT same('SELECT a.id, b.* FROM kinds a JOIN kinds b ON a.b = b.b');

-- as group keys; equal values may show only one form, so floats stay in PostgreSQL
SELECT same('SELECT b, count(*) FROM kinds GROUP BY b');
SELECT same('SELECT i2, i4, i8, count(*) FROM kinds GROUP BY 1, 2, 3');
SELECT same('SELECT f4, count(*) FROM kinds GROUP BY f4');
SELECT same('SELECT f8, count(*) FROM kinds GROUP BY f8');
SELECT same('SELECT n, count(*) FROM kinds GROUP BY n');
SELECT same('SELECT d, count(*) FROM kinds GROUP BY d');
SELECT same('SELECT ts, count(*) FROM kinds GROUP BY ts');
SELECT same('SELECT t, count(*) FROM kinds GROUP BY t');
SELECT same('SELECT v, count(*) FROM kinds GROUP BY v');
SELECT same('SELECT c, count(*) FROM kinds GROUP BY c');

-- as sort keys
SELECT same('SELECT * FROM kinds ORDER BY b, i4 DESC, id');
SELECT same('SELECT * FROM kinds ORDER BY f4, id');
SELECT same('SELECT * FROM kinds ORDER BY f8 DESC, id');
SELECT same('SELECT * FROM kinds ORDER BY n NULLS FIRST, id');
SELECT same('SELECT * FROM kinds ORDER BY d, ts DESC, id');
SELECT same('SELECT * FROM kinds ORDER BY c, t DESC, id');

-- numeric: negative scale, scale above precision, wide, without scale
CREATE TABLE numerics (
    id int,
    tens numeric(5, -2),
    small numeric(3, 5),
    p1 numeric(1, 0),
    p38 numeric(38, 10),
    p60 numeric(60, 20),
    p76 numeric(76, 0),
    p77 numeric(77, 0),
    p1000 numeric(1000, 10),
    free numeric
);
INSERT INTO numerics VALUES
    (1, 12345, 0.00123, 5, 1234567890123456789012345678.0123456789, 1234567890123456789012345678901234567890.01234567890123456789, 1e75, 1e76, 1, 1.500),
    (2, -99949, -0.00999, 'nan', 'nan', 'nan', 'nan', 'nan', 'nan', 'nan'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (5, 100, 0.00001, -9, -9999999999999999999999999999.9999999999, -9999999999999999999999999999999999999999.99999999999999999999, 1 - 1e76, 1 - 1e77, 12.5, 'infinity'),
    (6, 9949949, 0.00999, 9, 9999999999999999999999999999.9999999999, 9999999999999999999999999999999999999999.99999999999999999999, 1e76 - 1, 1e77 - 1, 12.5, '-infinity'),
    (7, 12345, 0.00123, 1, 0.0000000001, 0.00000000000000000001, 1, 1, 1e300, 1.50);
ANALYZE numerics;
SELECT same('SELECT * FROM numerics');
SELECT same('SELECT a.*, b.free FROM numerics a JOIN numerics b ON a.tens = b.tens');
SELECT same('SELECT tens, count(*) FROM numerics GROUP BY tens');
SELECT same('SELECT small, count(*) FROM numerics GROUP BY small');
SELECT same('SELECT p1, count(*) FROM numerics GROUP BY p1');
SELECT same('SELECT p38, count(*) FROM numerics GROUP BY p38');
SELECT same('SELECT p60, count(*) FROM numerics GROUP BY p60');
SELECT same('SELECT p76, count(*) FROM numerics GROUP BY p76');
SELECT same('SELECT p77, count(*) FROM numerics GROUP BY p77');
SELECT same_serially('SELECT free, count(*) FROM numerics GROUP BY free');
SELECT same('SELECT id FROM numerics ORDER BY p38, id');
SELECT same('SELECT id FROM numerics ORDER BY p60 DESC NULLS LAST, id LIMIT 3');
SELECT same('SELECT id FROM numerics ORDER BY free, id');
SELECT same('SELECT a.id, b.id FROM numerics a JOIN numerics b ON a.p1 = b.p38');
SELECT same('SELECT a.id, b.id FROM numerics a JOIN numerics b ON a.p38 = b.p60');
SELECT same('SELECT a.id, b.id FROM numerics a JOIN numerics b ON a.p38 < b.p60 AND a.p1 = b.p1');

-- values larger than a page, both ways; some come compressed or out of line
CREATE TABLE large (id int, t text, v varchar, c char(100));
ALTER TABLE large ALTER v SET STORAGE EXTERNAL;
INSERT INTO large VALUES
    (1, repeat('abcdefghij', 10000), repeat('é', 1000000), 'x'),
    (2, NULL, '', ''),
    (3, '', NULL, NULL),
    (4, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 70000) i), repeat('y', 100000), 'zz'),
    (5, repeat('z', 300000), repeat('日本語', 100000), repeat('c', 100));
ANALYZE large;
SELECT same('SELECT * FROM large');
SELECT same('SELECT t, c FROM large');
SELECT same('SELECT a.t, b.v FROM large a JOIN large b ON a.id = b.id');
SELECT same('SELECT a.id, b.id FROM large a JOIN large b ON a.t = b.t AND a.v = b.v');
SELECT same('SELECT max(t), min(v), max(v), max(c) FROM large');
SELECT same('SELECT t, v, count(*) FROM large GROUP BY t, v');
SELECT same('SELECT id, t FROM large ORDER BY t, id');
SELECT same('SELECT v FROM large ORDER BY v DESC NULLS LAST LIMIT 2');
SELECT same('SELECT count(*) FROM large WHERE t LIKE ''%jabc%''');
SELECT same('SELECT id FROM large WHERE v LIKE ''%éé''');
SELECT same('SELECT coalesce(t, v), count(*) FROM large GROUP BY 1');
SELECT same('SELECT substring(v, 99999, 3), count(*) FROM large GROUP BY 1');

-- rows without columns, rows of NULLs, wide rows
SELECT same('SELECT count(*) FROM facts');
SELECT same('SELECT 1 FROM facts');
SELECT same('SELECT count(*) FROM facts, shops WHERE facts.shop_id = shops.shop_id');
CREATE TABLE nulls AS SELECT NULL::int a, NULL::text b, NULL::numeric(50, 3) c, NULL::bool d FROM generate_series(1, 5000);
ANALYZE nulls;
SELECT same('SELECT * FROM nulls');
SELECT same('SELECT a, b, c, d, count(*), count(a), sum(c), max(b), bool_or(d) FROM nulls GROUP BY 1, 2, 3, 4');
CREATE TABLE wide AS SELECT i AS id FROM generate_series(1, 100) i;
SELECT format('ALTER TABLE wide ADD COLUMN c%s %s', i,
              (ARRAY['int DEFAULT 5', 'text DEFAULT ''q''', 'numeric(12, 3) DEFAULT 1.25', 'float8', 'date DEFAULT ''2020-01-01'''])[i % 5 + 1])
FROM generate_series(1, 200) i
\gexec
ANALYZE wide;
SELECT same('SELECT * FROM wide');
SELECT same('SELECT a.*, b.* FROM wide a JOIN wide b USING (id)');
SELECT same('SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, count(*) FROM wide GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9');

-- columns that come and go, generated and inherited ones, domains
CREATE TABLE changed (a int, gone text, c numeric(10, 2), d date);
INSERT INTO changed SELECT i, 'b' || i, i / 4.0, date '2020-01-01' + i FROM generate_series(1, 100) i;
ALTER TABLE changed DROP COLUMN gone;
ALTER TABLE changed ADD COLUMN e int DEFAULT 7;
ALTER TABLE changed ADD COLUMN g int GENERATED ALWAYS AS (a * 2) STORED;
INSERT INTO changed VALUES (101, NULL, NULL, 8);
SELECT same('SELECT * FROM changed');
SELECT same('SELECT e, g % 3, count(*), sum(c), max(d) FROM changed GROUP BY 1, 2');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE domains (p positive, o oid, j jsonb, u uuid, x int[], n int);
INSERT INTO domains VALUES (1, 5, '{"a": 1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{1,2}', 1), (2, 6, 'null', NULL, '{}', 2), (NULL, NULL, NULL, NULL, NULL, NULL);
ANALYZE domains;
-- types that do not travel stay in PostgreSQL, or in the leaf
SELECT same('SELECT * FROM domains');
SELECT same('SELECT p, count(*) FROM domains GROUP BY p');
SELECT same('SELECT sum(n) FROM domains WHERE j @> ''{"a": 1}''');
SELECT same('SELECT sum(n) FROM domains WHERE p > 1');
SELECT same('SELECT a.j, b.n FROM domains a JOIN domains b ON a.n = b.n');
SELECT pool_is_idle();
DROP TABLE numerics, large, nulls, wide, changed, domains;
DROP DOMAIN positive;
