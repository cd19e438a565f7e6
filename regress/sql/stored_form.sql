-- Values that only pass through the engine come back in the bytes in which they are stored.
\pset tuples_only on
\pset format unaligned
CREATE TABLE forms (
    id int, t text COMPRESSION pglz, e text, m text, n numeric, d numeric(10, 2), w numeric(60, 2),
    b bytea, c char(20), v varchar, j jsonb, nm name
);
ALTER TABLE forms ALTER e SET STORAGE EXTERNAL, ALTER m SET STORAGE MAIN;
INSERT INTO forms
SELECT g, repeat('compressed ' || g, 1000), repeat('elsewhere ' || g, 1000), repeat('main ', g), g / 7.0, g * 1.5,
       g * 1e40, decode(repeat('ab', g), 'hex'), 'c' || g, 'v' || g, jsonb_build_object('k', repeat('x', g * 100)), 'name ' || g
FROM generate_series(1, 20) g;
INSERT INTO forms (id) VALUES (21);
CHECKPOINT;
VACUUM ANALYZE forms;
CREATE FUNCTION form_of(text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(pg_column_compression($1), '-') || pg_column_size($1) $$;
CREATE FUNCTION form_in(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN pg_column_size($1); END $$;
CREATE FUNCTION form_atomic(x text) RETURNS int BEGIN ATOMIC RETURN pg_column_size(x); END;

-- through joins, sorts, limits, groups
\set all 'pg_column_size(t), pg_column_compression(t), pg_column_size(e), pg_column_size(m), pg_column_size(n), pg_column_size(d), pg_column_size(w), pg_column_size(b), pg_column_size(c), pg_column_size(v), pg_column_size(j), pg_column_size(nm)'
SELECT same('SELECT id, ' || :'all' || ' FROM forms JOIN items ON item_id = id ORDER BY id');
SELECT same('SELECT id, ' || :'all' || ' FROM forms LEFT JOIN shops ON shop_id = id WHERE opened IS NULL OR id < 5');
SELECT same('SELECT id, ' || :'all' || ' FROM items RIGHT JOIN forms ON item_id = id AND price > 20 ORDER BY id DESC LIMIT 5');
SELECT same('SELECT id, ' || :'all' || ' FROM (SELECT f.* FROM forms f JOIN items ON item_id = id WHERE t IS NOT NULL AND n IS NOT NULL ORDER BY id) s');
-- a NaN keeps its bits, and its sign
CREATE TABLE nans AS SELECT g AS id, 'inf'::float8 - 'inf' AS f, 'inf'::float4 - 'inf' AS g, 'nan'::float8 AS n FROM generate_series(1, 3) g;
SELECT same('SELECT id, float8send(f), float4send(g), float8send(n), f, g FROM nans JOIN items ON item_id = id ORDER BY id');
SELECT same('SELECT count(f), count(g) FROM nans JOIN items ON item_id = id AND f = n AND g = n');
DROP TABLE nans;
SELECT same('SELECT id, f, length((f).t) FROM forms f JOIN items ON item_id = id');
ALTER TABLE forms ADD PRIMARY KEY (id);
SELECT same('SELECT id, ' || :'all' || ', count(item_id), count(t) FROM forms LEFT JOIN items ON item_id % 20 = id GROUP BY id');
SELECT same('SELECT form_of(t), form_in(e), form_atomic(m) FROM forms JOIN items ON item_id = id');
SELECT same('SELECT count(*) FROM forms a JOIN forms b USING (id) WHERE pg_column_size(a.t) + pg_column_size(b.e) > 10100');
SELECT same('SELECT sum(pg_column_size(t)), max(pg_column_compression(t)), count(*) FROM forms WHERE pg_column_size(e) > 10000 AND id < 15');
SELECT same('SELECT pg_column_size(t) < 1000, pg_column_compression(t), count(*) FROM forms JOIN items ON item_id = id GROUP BY 1, 2');

-- what is computed has PostgreSQL's form
SELECT same('SELECT id, pg_column_size(sum(d)), pg_column_size(avg(n)), pg_column_size(sum(w)) FROM forms GROUP BY id');
SELECT same('SELECT pg_column_size(count(*)) FROM forms GROUP BY id HAVING pg_column_size(sum(d)) > 2');
-- what is read and returned is left to PostgreSQL where its form is shown
SELECT same('SELECT pg_column_size(max(t)), pg_column_size(min(e)), pg_column_size(max(n)) FROM forms WHERE id = 3');
SELECT same('SELECT pg_column_size(max(t)), pg_column_size(min(e)), pg_column_size(max(d)) FROM forms');
SELECT same('SELECT v, pg_column_size(v), count(*) FROM forms GROUP BY v');
SELECT same('SELECT DISTINCT pg_column_size(v), pg_column_size(t) FROM (SELECT DISTINCT v, t FROM forms) s');
SELECT same('SELECT pg_column_size(a.v), pg_column_size(a.d) FROM forms a JOIN forms b ON a.v = b.v AND a.d > b.d - 1');
SELECT same('SELECT id, pg_column_size(v) FROM forms ORDER BY v COLLATE "C"');
SELECT same('SELECT form_of(v), count(*) FROM (SELECT v FROM forms GROUP BY v) s GROUP BY 1');
SELECT same('SELECT form_in(v), form_atomic(v), count(*) FROM (SELECT v FROM forms GROUP BY v) s GROUP BY 1, 2');
-- but not where it is not
SELECT same('SELECT v, max(t), count(*) FROM forms GROUP BY v');

-- plans within plans: one reads what the other passes on
CREATE VIEW joined AS SELECT f.fact_id, i.item_id, i.name, i.price, i.kind FROM facts f JOIN items i USING (item_id) OFFSET 0;
SELECT same('SELECT sum(price), max(name), count(kind) FROM joined JOIN shops ON shop_id = item_id');
SELECT same('SELECT j.name, j.price, j.kind, shop_id FROM joined j JOIN shops ON ''item '' || shop_id = j.name');
SELECT same('SELECT j.name, count(*) FROM joined j WHERE j.price > 20 GROUP BY j.name');
SELECT same('SELECT s.note, i.name, i.price FROM (SELECT note, max(item_id) AS m FROM facts GROUP BY note) s JOIN items i ON i.item_id = s.m');
SELECT same('SELECT name, price, pg_column_size(name), pg_column_size(price) FROM joined JOIN shops ON shop_id = item_id');
CREATE VIEW joined_again AS SELECT j.item_id, j.name AS label, j.price AS paid, j.kind AS sort, s.city, o.price AS other FROM joined j JOIN shops s ON s.shop_id = j.item_id JOIN items o ON o.item_id = s.shop_id OFFSET 0;
SELECT same('SELECT max(city), sum(paid), max(other), count(label) FROM joined_again a JOIN items i ON i.item_id = a.item_id AND i.name = a.label');
SELECT same('SELECT a.city, a.sort, a.other, b.price FROM joined_again a JOIN items b USING (item_id)');
SELECT plan_of('SELECT max(city), sum(paid), max(other), count(label) FROM joined_again a JOIN items i ON i.item_id = a.item_id AND i.name = a.label');
SELECT plan_of('SELECT j.name, j.price FROM joined j JOIN shops ON ''item '' || shop_id = j.name');
SELECT plan_of('SELECT s.note, i.name FROM (SELECT note, max(item_id) AS m FROM facts GROUP BY note) s JOIN items i ON i.item_id = s.m');

-- what is stored from there
CREATE FUNCTION stored(query text, fusion bool) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM set_config('enable_fusion_customscan', fusion::text, true), set_config('pg_fusion.force', fusion::text, true);
    CREATE TEMP TABLE copy (id int, t text COMPRESSION pglz, e text, n numeric, b bytea);
    EXECUTE 'INSERT INTO copy ' || query;
    PERFORM set_config('enable_fusion_customscan', 'off', true);
    SELECT string_agg(concat_ws(' ', id, pg_column_compression(t), pg_column_size(t), pg_column_size(e), pg_column_size(n), pg_column_size(b), pg_column_size(copy), md5(copy::text)), ', ' ORDER BY id) INTO result FROM copy;
    DROP TABLE copy;
    RETURN result;
END
$$;
\set q 'SELECT id, t, e, n, b FROM forms JOIN items ON item_id = id'
SELECT stored(:'q', true) = stored(:'q', false), length(stored(:'q', true)), fusion_of(:'q');
\set q 'SELECT id, t, e, n, b FROM forms JOIN items ON item_id = id ORDER BY id DESC LIMIT 7'
SELECT stored(:'q', true) = stored(:'q', false), length(stored(:'q', true)), fusion_of(:'q');

-- pointers and their snapshots
SET pg_fusion.force = on;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id, t, e FROM forms JOIN items ON item_id = id WHERE id < 4 ORDER BY id;
DECLARE opened CURSOR FOR SELECT id, t, e FROM forms JOIN items ON item_id = id WHERE id < 4 ORDER BY id;
SELECT fusion_of('SELECT id, t, e FROM forms JOIN items ON item_id = id WHERE id < 4 ORDER BY id');
MOVE 1 FROM opened;
DELETE FROM forms WHERE id < 4;
CREATE TEMP TABLE fetched (id int, t int, e int);
DO $$
DECLARE
    r record; c refcursor := 'opened';
BEGIN
    LOOP
        FETCH c INTO r; EXIT WHEN NOT FOUND;
        INSERT INTO fetched VALUES (r.id, length(r.t), length(r.e));
    END LOOP;
END
$$;
TABLE fetched;
COMMIT;
CHECKPOINT;
VACUUM forms;
CREATE FUNCTION lengths(text) RETURNS TABLE (id int, t int, e int) LANGUAGE plpgsql AS $$
DECLARE
    r record; c refcursor := $1;
BEGIN
    LOOP
        FETCH c INTO r; EXIT WHEN NOT FOUND;
        RETURN QUERY SELECT r.id, length(r.t), length(r.e);
    END LOOP;
END
$$;
SELECT * FROM lengths('held');
CLOSE held;
CREATE PROCEDURE in_steps() LANGUAGE plpgsql AS $$
DECLARE
    r record; total bigint := 0;
BEGIN
    FOR r IN SELECT f.id, f.t, f.e FROM forms f JOIN items ON item_id = id WHERE id < 12 ORDER BY id LOOP
        DELETE FROM forms WHERE id = r.id OR id = r.id + 1;
        COMMIT;
        total := total + length(r.t) + length(r.e);
    END LOOP;
    RAISE NOTICE '% characters', total;
END
$$;
CALL in_steps();
CREATE TEMP TABLE briefly AS SELECT * FROM forms WHERE id > 12;
BEGIN;
DECLARE brief CURSOR FOR SELECT b.e, i.name FROM briefly b JOIN items i ON item_id = id;
MOVE 1 FROM brief;
TRUNCATE briefly;
ROLLBACK;
SELECT pool_is_idle();
DROP VIEW joined_again, joined;
DROP TABLE forms;
DROP FUNCTION form_of, form_in, form_atomic, stored, lengths;
DROP PROCEDURE in_steps;
