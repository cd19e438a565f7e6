-- Tables and functions that all suites use. Runs first.
SET client_min_messages = warning;

-- One row of every type, with NULLs, zeros, negative values and text that
-- differs only in case, trailing blanks or accents.
CREATE TABLE kinds (
    id int PRIMARY KEY,
    b bool,
    i2 int2,
    i4 int4,
    i8 int8,
    f4 float4,
    f8 float8,
    n numeric(15, 2),
    d date,
    ts timestamp,
    t text,
    v varchar(20),
    c char(8)
);
INSERT INTO kinds VALUES
    (1, true, 1, 1, 1, 1, 1, 1.00, '2000-01-01', '2000-01-01 00:00:00', 'a', 'a', 'a'),
    (2, false, -1, -1, -1, -1.5, -1.5, -1.50, '1999-12-31', '1999-12-31 23:59:59.999999', 'A', 'A', 'A'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, true, 0, 0, 0, 0, 0, 0.00, '1970-01-01', '1970-01-01 12:00:00', '', '', ''),
    (5, false, 0, 0, 0, '-0', '-0', 0.01, '2024-02-29', '2024-02-29 01:02:03.004005', 'a ', 'a ', 'a '),
    (6, true, 32767, 2147483647, 9223372036854775807, 'infinity', 'infinity', 9999999999999.99, 'infinity', 'infinity', 'été', 'été', 'été'),
    (7, false, -32768, -2147483648, -9223372036854775808, '-infinity', '-infinity', -9999999999999.99, '-infinity', '-infinity', 'zebra', 'zebra', 'zebra'),
    (8, NULL, 7, 7, 7, 'nan', 'nan', 7.77, '0001-01-01 BC', '0001-01-01 00:00:00 BC', '日本語', '日本語', '日本語'),
    (9, true, 10, 10, 10, 3.4e38, 1e308, 10.10, '5874897-12-31', '294276-12-31 23:59:59', repeat('x', 300), 'x%y_z', 'x%y_z'),
    (10, NULL, 42, 42, 42, 1e-40, 1e-310, 42.42, '2000-02-28', '2000-02-28 00:00:00', 'back\slash', 'tab	tab', '100%');

-- A small star: 20000 facts over 100 items and 10 shops; some facts lack an item,
-- some items have no facts.
CREATE TABLE shops (shop_id int PRIMARY KEY, city text NOT NULL, opened date);
INSERT INTO shops
SELECT i, 'city ' || i % 4, CASE WHEN i % 3 > 0 THEN date '2010-01-01' + i * 100 END
FROM generate_series(1, 10) i;

CREATE TABLE items (item_id int PRIMARY KEY, name varchar(30) NOT NULL, kind char(4), price numeric(10, 2));
INSERT INTO items
SELECT i, 'item ' || i, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'a' WHEN 2 THEN 'bb' ELSE 'cccc' END,
       (i * 37 % 1000) / 8.0
FROM generate_series(1, 120) i;

CREATE TABLE facts (
    fact_id bigint NOT NULL,
    item_id int,
    shop_id int NOT NULL,
    quantity int NOT NULL,
    amount numeric(15, 2),
    ratio float8,
    sold date NOT NULL,
    at timestamp NOT NULL,
    note text
);
INSERT INTO facts
SELECT i,
       CASE WHEN i % 50 > 0 THEN i * 7 % 100 + 1 END,
       i * 13 % 10 + 1,
       i * 31 % 17 - 3,
       CASE WHEN i % 11 > 0 THEN (i * 101 % 100000) / 100.0 - 300 END,
       CASE WHEN i % 13 > 0 THEN (i % 1000) / 8.0 END,
       date '2020-01-01' + i % 700,
       timestamp '2020-01-01' + i * interval '47 seconds',
       CASE WHEN i % 7 > 0 THEN 'note ' || i * 3 % 40 END
FROM generate_series(1, 20000) i;

CREATE TABLE nothing (a int, b text);

-- VACUUM calls rows visible to all whose commit is on disk (lazy_scan_prune in vacuumlazy.c),
-- which costs of index-only scans follow; without the checkpoint that depends on the time.
CHECKPOINT;
VACUUM ANALYZE kinds, shops, items, facts, nothing;

-- The types that `kinds` does not have, with the same kinds of edges. The longest
-- document is kept out of line.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok';
CREATE DOMAIN cents AS numeric(10, 2) CHECK (VALUE > -1000);
CREATE DOMAIN code AS text;
CREATE TABLE more_kinds (
    id int PRIMARY KEY,
    tz timestamptz,
    tm time,
    iv interval,
    ba bytea,
    u uuid,
    o oid,
    nm name,
    e mood,
    dn cents,
    dt code,
    free numeric,
    j jsonb,
    a int[],
    p point
);
ALTER TABLE more_kinds ALTER COLUMN j SET STORAGE EXTERNAL;
INSERT INTO more_kinds VALUES
    (1, '2000-01-01 00:00:00+00', '00:00', '0', '', '00000000-0000-0000-0000-000000000000', 0, '', 'sad', 0, '', 0, '{}', '{}', '(0,0)'),
    (2, '1999-12-31 23:59:59.999999+00', '24:00', '1 month', '\x00', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 4294967295, 'a', 'meh', 1.50, 'a', 1.5, '{"a": 1}', '{1,NULL}', '(1,-1)'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, 'infinity', '12:34:56.789', '30 days', '\xff', '7f000000-0000-0000-0000-000000000001', 1, 'A', 'ok', 1.5, 'A', 1.50, '[1, 2]', '{{1,2},{3,4}}', '(1e300,-0)'),
    (5, '-infinity', '23:59:59.999999', '720:00:00', '\x00ff', '80000000-0000-0000-0000-000000000000', 1, 'pg_class', 'happy', -999.99, 'été', 'NaN', '"x"', '{1,2}', '(0.1,0.2)'),
    (6, '0001-01-01 00:00:00+00 BC', '00:00:00.000001', '-1 year 2 days', '\x616263', '7f000000-0000-0000-0000-000000000001', 16384, 'été', 'sad', 99999999.99, '日本語', 'Infinity', 'null', '{1,2}', NULL),
    (7, '294276-12-31 23:59:59+00', '01:02:03', '178000000 years', '\x6162', NULL, 42, 'a', 'meh', NULL, 'a ', '-Infinity', NULL, NULL, '(1,-1)'),
    (8, '2024-02-29 12:00:00+05:30', '01:02:03.000', '-00:00:00.000001', repeat('long ', 500)::bytea, '00000000-0000-0000-0000-000000000001', 2, 'zebra', NULL, 0.01, 'a', 1e-20, jsonb_build_object('k', repeat('y', 9000)), '{}', '(2,2)'),
    (9, '2024-02-29 06:30:00+00', '12:34:56.789', '29 days 24:00:00', '\x', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 0, 'b', 'ok', 1.5, 'b', 12345678901234567890123456789012345678901234567890.5, '{"a": 1.0}', '{0}', '(0,0)');
CHECKPOINT;
VACUUM ANALYZE more_kinds;

-- rows_of(query) gives the rows of a query as text, or its error.
CREATE FUNCTION rows_of(query text, fusion bool) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    result text[] := '{}';
    row_of record;
BEGIN
    PERFORM set_config('enable_fusion_customscan', fusion::text, true),
            set_config('pg_fusion.force', fusion::text, true);
    FOR row_of IN EXECUTE query LOOP
        result := result || coalesce(row_of::text, 'NULL');
    END LOOP;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN ARRAY['ERROR ' || sqlstate || ': ' || sqlerrm];
END
$$;

CREATE FUNCTION plan_of(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('enable_fusion_customscan', 'on', true),
            set_config('pg_fusion.force', 'on', true);
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;

-- fusion_of(query) says what the engine does in the forced plan: the operators of
-- its PgFusion nodes from the top down, each once; only 'Leaf' if rows just pass.
CREATE FUNCTION fusion_of(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
    operators text;
BEGIN
    PERFORM set_config('enable_fusion_customscan', 'on', true),
            set_config('pg_fusion.force', 'on', true);
    EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || query INTO plan;
    IF NOT jsonb_path_exists(plan, 'strict $.** ? (@."Custom Plan Provider" == "PgFusion")') THEN
        RETURN 'PostgreSQL';
    END IF;
    SELECT string_agg(name, ', ' ORDER BY first) INTO operators
    FROM (
        SELECT substring(line #>> '{}', '\w+(?: join)?') AS name, min(number) AS first
        FROM jsonb_path_query(plan, 'strict $.**."Fusion Plan"[*]') WITH ORDINALITY AS l (line, number)
        GROUP BY 1
    ) o
    WHERE name NOT IN ('Leaf', 'part');
    RETURN 'PgFusion: ' || coalesce(operators, 'Leaf');
EXCEPTION WHEN OTHERS THEN
    RETURN 'PostgreSQL';
END
$$;

-- The next rows of a cursor.
CREATE FUNCTION fetched(opened refcursor, count int) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('FETCH %s FROM %I', count, opened);
END
$$;

-- rows_by(way, query) gives the rows of a query as text, or its error, with pg_fusion
-- forced, read in one of these ways:
--   at once     to its end, with parallel workers
--   row by row  through a cursor
--   in steps    through a cursor, a hundred rows at a time
--   lazily      by an SQL function in a target list, which stops after each row
--   lateral     three times below a nested loop, with and without the rows: a
--               parameter changes
--   again       twice below a nested loop, without a parameter
CREATE FUNCTION rows_by(way text, query text, fusion bool) RETURNS text[]
LANGUAGE plpgsql
SET min_parallel_table_scan_size = 0
SET parallel_setup_cost = 0
SET parallel_tuple_cost = 0
SET enable_material = off
SET max_parallel_workers_per_gather FROM CURRENT
AS $$
DECLARE
    as_text text := format('SELECT (q_.*)::text AS r_ FROM (%s) q_', query);
    result text[] := '{}';
    portion text[];
    opened refcursor;
    row_of record;
BEGIN
    PERFORM set_config('enable_fusion_customscan', fusion::text, true),
            set_config('pg_fusion.force', fusion::text, true);
    -- Workers are started for each scan, which takes its time.
    IF way IN ('lateral', 'again') OR current_setting('same.serially', true) = 'on' THEN
        SET LOCAL max_parallel_workers_per_gather = 0;
    END IF;
    CASE way
        WHEN 'row by row' THEN
            OPEN opened NO SCROLL FOR EXECUTE query;
            LOOP
                FETCH opened INTO row_of;
                EXIT WHEN NOT FOUND;
                result := result || coalesce(row_of::text, 'NULL');
            END LOOP;
            CLOSE opened;
        WHEN 'in steps' THEN
            OPEN opened NO SCROLL FOR EXECUTE as_text;
            LOOP
                portion := ARRAY(SELECT fetched(opened, 100));
                EXIT WHEN cardinality(portion) = 0;
                result := result || portion;
            END LOOP;
            CLOSE opened;
        WHEN 'at once' THEN
            EXECUTE format('SELECT ARRAY(%s)', as_text) INTO result;
        WHEN 'lazily' THEN
            EXECUTE format('CREATE OR REPLACE FUNCTION pg_temp.lazily() RETURNS SETOF text '
                'LANGUAGE sql AS %L', as_text);
            EXECUTE 'SELECT ARRAY(SELECT pg_temp.lazily())' INTO result;
        WHEN 'lateral' THEN
            EXECUTE format('SELECT ARRAY(SELECT (s_.*)::text FROM (VALUES (1), (0), (1)) o_(x_), '
                'LATERAL (SELECT * FROM (%s) i_ WHERE o_.x_ > 0 OFFSET 0) s_)', query) INTO result;
        WHEN 'again' THEN
            EXECUTE format('SELECT ARRAY(SELECT (s_.*)::text FROM (VALUES (1), (2)) o_(x_) '
                'LEFT JOIN (SELECT * FROM (%s) i_ OFFSET 0) s_ ON random() >= 0)', query)
                INTO result;
            result := array_remove(result, NULL);
    END CASE;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN ARRAY['ERROR ' || sqlstate || ': ' || sqlerrm];
END
$$;

-- Where two results differ.
CREATE FUNCTION difference(expected text[], found text[]) RETURNS text
LANGUAGE sql AS $$
    SELECT format('row %s: %s instead of %s', i, left(found[i], 200), left(expected[i], 200))
    FROM generate_series(1, greatest(cardinality(expected), cardinality(found))) i
    WHERE found[i] IS DISTINCT FROM expected[i]
    LIMIT 1
$$;

CREATE FUNCTION bag(rows text[]) RETURNS text[]
LANGUAGE sql AS $$ SELECT ARRAY(SELECT r FROM unnest(rows) r ORDER BY r COLLATE "C") $$;

-- Whether a query asks for an order of its rows. That of a window is for its functions
-- only: its ties may come in any order.
CREATE FUNCTION says_order(query text) RETURNS bool
LANGUAGE sql AS $$ SELECT regexp_replace(query, 'over\s*\([^()]*\)', '', 'gi') ~* 'order by' $$;

-- same(query) runs a query with PostgreSQL alone and with pg_fusion forced, and
-- compares the results as text: in order if says_order(query), else as a
-- bag. It says how many rows there are and what the engine did, or where the
-- results differ; an error must be the same, too. A query that only reads is then read
-- in all ways of rows_by; those that make it a subquery may change the order.
CREATE FUNCTION same(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    native text[] := rows_of(query, false);
    fused text[] := rows_of(query, true);
    node text := fusion_of(query);
    failed bool := coalesce(native[1] LIKE 'ERROR %', false);
    is_bag bool := NOT says_order(query);
    count int := cardinality(native);
    way text;
    expected text[];
BEGIN
    IF is_bag THEN
        native := bag(native);
        fused := bag(fused);
    END IF;
    IF native IS DISTINCT FROM fused THEN
        RETURN format('DIFFERENT in %s (%s)', difference(native, fused), node);
    END IF;
    IF node LIKE 'PgFusion%' AND query ~* '^\s*(select|with|values)' AND count <= 5000 THEN
        FOREACH way IN ARRAY CASE
            WHEN count <= 100 THEN '{row by row,at once,lazily,lateral,again}'::text[]
            ELSE '{in steps,at once,lazily,lateral,again}' END
        LOOP
            fused := rows_by(way, query, true);
            expected := native;
            IF way IN ('lateral', 'again') AND NOT failed THEN
                expected := native || native;
            END IF;
            IF is_bag OR way <> 'row by row' THEN
                expected := bag(expected);
                fused := bag(fused);
            END IF;
            -- Of a cursor PostgreSQL's own plan may be another one, and meet errors later.
            IF fused IS DISTINCT FROM expected AND failed THEN
                expected := rows_by(way, query, false);
            END IF;
            IF fused IS DISTINCT FROM expected THEN
                RETURN format('DIFFERENT %s in %s (%s)', way, difference(expected, fused), node);
            END IF;
        END LOOP;
    END IF;
    RETURN CASE WHEN failed THEN format('same %s, %s', native[1], node)
                ELSE format('same %s rows, %s', count, node) END;
END
$$;

-- same_serially(query) is same(query) without parallel workers: of results that follow
-- the order of rows, PostgreSQL has none with them.
CREATE FUNCTION same_serially(query text) RETURNS text
LANGUAGE sql VOLATILE SET same.serially = 'on' AS $$ SELECT same(query) $$;

-- pool_is_idle() waits until all pages and sessions are given back: the worker does
-- that a moment after a query has ended.
CREATE FUNCTION pool_is_idle() RETURNS bool
LANGUAGE plpgsql AS $$
BEGIN
    FOR attempt IN 1..100 LOOP
        IF (SELECT pages_free = pages_total AND sessions = 0 FROM pg_fusion_pool()) THEN
            RETURN true;
        END IF;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN false;
END
$$;
