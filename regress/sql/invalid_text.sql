-- Text that is not valid in its encoding: PostgreSQL looks at characters only where it
-- must, and not at all of them, so what an expression gives depends on the function.
\pset tuples_only on
\pset format unaligned
CREATE CAST (bytea AS text) WITHOUT FUNCTION;

CREATE TABLE bad (k int, w int, t text, v varchar, c bpchar, n name);
INSERT INTO bad SELECT 1, row_number() OVER (), b::text, b::text, b::text::bpchar, b::text::name
FROM unnest(ARRAY[
    '', 'a', '\xc3a9',
    -- bytes that start no character, alone and around others
    '\x80', '\xff', '\x61fe62', '\xa961c3a9', '\x6162ff63ff',
    -- characters that break off at the end and in the middle
    '\xc3', '\x61c3', '\xc361', '\x61c36220', '\xe697', '\x61e69761', '\xe69720', '\xf0', '\x61f09f98', '\xf09f9861', '\x20c320', '\x2020c3',
    -- overlong, surrogates, beyond Unicode
    '\xc0af', '\xe0809f61', '\xeda080', '\xf5808080', '\xf888808080',
    -- longer than a view holds itself, valid at first
    decode(repeat('61', 20), 'hex') || '\xc3', decode(repeat('c3a9', 12), 'hex') || '\xe697', decode(repeat('c3a9', 40), 'hex') || '\xff',
    decode(repeat('78', 62), 'hex') || '\xe697a5', decode(repeat('78', 61), 'hex') || '\xe6e6e6e6',
    -- numbers with something at their end
    -- zero bytes, where some functions stop
    '\x00', '\x616200c363', '\xe6000061', '\x343200', '\x2020006120',
    '\x3432ff', '\x3939393939393939393939c3', '\x74727565c3', '\x2031c2a0'
]::bytea[]) b;
CREATE TABLE bad_args (k int, a int, s text, r text, i int);
INSERT INTO bad_args SELECT 1, row_number() OVER (), s::text, r::text, i
FROM (VALUES
    ('a'::bytea, 'x'::bytea, 1), ('', '\xff', 2), ('\x80', '\xc3a9', 3), ('\xc3', 'y', -1), ('\x61c3', '\xe697', -2), ('\xc3a9', '\x78c3', 5),
    ('\x20', '\x7a007a', 0), ('\x0061', '', 4), ('\xff', '\x80', 100)
) args (s, r, i);
ANALYZE bad, bad_args;

-- once(query) is same(query), but reads the rows in one way only: there are many.
CREATE FUNCTION once(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    native text[] := bag(rows_of(query, false));
    fused text[] := bag(rows_of(query, true));
BEGIN
    IF native IS DISTINCT FROM fused THEN
        RETURN 'DIFFERENT in ' || difference(native, fused);
    END IF;
    RETURN format('same %s, %s', CASE WHEN native[1] LIKE 'ERROR %' THEN native[1] ELSE cardinality(native)::text END, fusion_of(query));
END
$$;
-- each(key, condition) compares what the expression gives for pairs of a value and an
-- argument: those for which PostgreSQL has a result in one query, those for which it
-- raises an error one by one. It says how many had a result, how often which error came,
-- and what the engine did. Over a join the engine computes the keys, of which record_send
-- shows every byte.
CREATE FUNCTION each(key text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    query text := format(
        'SELECT record_send(s) FROM (SELECT %s, w, a, count(*) FROM bad JOIN bad_args USING (k)
         WHERE w * 100 + a = ANY (:pairs) GROUP BY 1, 2, 3) s', key);
    pair int;
    good int[] := '{}';
    answer text;
    errors jsonb := '{}';
    state text;
BEGIN
    FOR pair IN EXECUTE 'SELECT w * 100 + a FROM bad, bad_args WHERE ' || condition || ' ORDER BY 1' LOOP
        BEGIN
            SET LOCAL enable_fusion_customscan = off;
            EXECUTE replace(query, ':pairs', format('''{%s}''', pair));
            good := good || pair;
        EXCEPTION WHEN OTHERS THEN
            answer := once(replace(query, ':pairs', format('''{%s}''', pair)));
            state := substring(answer FROM '^same ERROR (\w+)');
            IF state IS NULL OR answer LIKE '%PostgreSQL' THEN
                RETURN format('pair %s: %s', pair, answer);
            END IF;
            errors := errors || jsonb_build_object(state, coalesce((errors->>state)::int, 0) + 1);
        END;
    END LOOP;
    RETURN format('errors %s, %s', errors, once(replace(query, ':pairs', format('%L', good))));
END
$$;
CREATE FUNCTION each_of(key text) RETURNS text LANGUAGE sql AS $$ SELECT each(key, 'a = 1') $$;
CREATE FUNCTION each_pair(key text) RETURNS text LANGUAGE sql AS $$ SELECT each(key, '(w + a) % 3 = 0') $$;

SELECT key, each_of(key) FROM unnest(ARRAY[
    'length(t)', 'length(c)', 'ascii(t)', 'octet_length(t)', 'octet_length(c)', 'reverse(t)', 'quote_literal(t)', 'md5(t)',
    'lower(t COLLATE "C")', 'upper(t COLLATE "C")', 'initcap(t COLLATE "C")',
    'left(t, 2)', 'left(t, -1)', 'left(t, 0)', 'right(t, 2)', 'right(t, -1)', 'right(t, 0)',
    'substr(t, 2)', 'substr(t, 1, 1)', 'substr(t, 2, 3)', 'substr(t, 30, 0)', 'substr(t, -1, 3)', 'substr(t, 2, 1000000000)', 'substr(t, 2, 2147483647)',
    'btrim(t)', 'ltrim(t)', 'rtrim(t)', 'c::text', 'v::varchar(3)', 'v::varchar(30)', 'c::char(3)', 'c::char(30)', 't::char(2)',
    't::name', 'c::name', 'n::text', 'n::bpchar::text', 't || t', 'c || t', 'concat(t, c, n)', 'concat_ws(t, v, c)', 'repeat(t, 3)',
    'lpad(t, 5)', 'rpad(t, 5)', 'lpad(t, 0)', 'overlay(t PLACING ''x'' FROM 2 FOR 1)', 'split_part(t, ''a'', 2)', 'replace(t, ''a'', t)',
    't::int', 't::bigint', 't::float8::text', 't::real::text', 't::numeric::text', 't::bool', 't::oid', 't::uuid'
]) key;

SELECT key, each_pair(key) FROM unnest(ARRAY[
    'position(s IN t)', 'starts_with(t, s)', 'replace(t, s, r)', 'split_part(t, s, 2)', 'left(t, i)', 'right(t, i)', 'substr(t, i, 2)',
    'btrim(t, s)', 'rtrim(t, r)', 'lpad(t, 4, r)', 'rpad(t, 30, s)', 'translate(t, s, r)', 'translate(t, r, s)',
    'overlay(t PLACING r FROM 2)', 't LIKE s', 't LIKE ''%'' || s || ''%''', 't NOT LIKE s || ''_%''', 'c LIKE ''%'' || r', 't ILIKE ''%'' || s COLLATE "C"',
    'like_escape(t, s)', 'concat_ws(s, t, r)'
]) key;

-- comparing, grouping, joining and sorting look at bytes only
SELECT same(query) FROM unnest(ARRAY[
    $$SELECT t, count(*), min(t COLLATE "C"), max(v COLLATE "C") FROM bad GROUP BY t$$,
    $$SELECT min(octet_length(t)), count(*), count(DISTINCT t), count(DISTINCT c) FROM bad GROUP BY c$$,
    $$SELECT min(c COLLATE "C"), min(n) FROM bad$$,
    $$SELECT n, count(*), max(n) FROM bad GROUP BY n$$,
    $$SELECT DISTINCT t, c FROM bad$$,
    $$SELECT a.w, b.w FROM bad a JOIN bad b ON a.t = b.t$$,
    $$SELECT a.w, b.w FROM bad a JOIN bad b ON a.c = b.c AND a.n = b.n$$,
    $$SELECT a.w, b.a FROM bad a LEFT JOIN bad_args b ON a.t = b.s OR a.t = b.r$$,
    $$SELECT t, w FROM bad ORDER BY t COLLATE "C", w$$,
    $$SELECT c, w FROM bad ORDER BY c COLLATE "C" DESC, w LIMIT 7$$,
    $$SELECT a.w FROM bad a JOIN bad b ON a.t COLLATE "C" < b.t AND b.w = 12$$,
    $$SELECT t, row_number() OVER (ORDER BY t COLLATE "C") FROM bad$$,
    $$SELECT CASE WHEN w > 10 THEN t ELSE coalesce(nullif(t, '\xff'::bytea::text), v) END, count(*) FROM bad GROUP BY 1$$,
    $$SELECT greatest(t COLLATE "C", v, '\xc3'::bytea::text), count(*) FROM bad GROUP BY 1$$,
    $$SELECT octet_length(string_agg(t, '' ORDER BY w)) FROM (SELECT t, w FROM bad JOIN bad_args USING (k) WHERE a = 1) s$$
]) query;

-- constants
SELECT same(query) FROM unnest(ARRAY[
    $$SELECT count(*) FROM bad WHERE t = '\x61c3'::bytea::text$$,
    $$SELECT count(*) FROM bad WHERE c = '\xe69720'::bytea::text::bpchar$$,
    $$SELECT count(*), count(*) FILTER (WHERE t IN ('\xff'::bytea::text, '\x80'::bytea::text, 'a')) FROM bad$$,
    $$SELECT t || '\xc3'::bytea::text, count(*) FROM bad GROUP BY 1$$,
    $$SELECT count(*) FROM bad WHERE t LIKE '\x25a925'::bytea::text$$,
    $$SELECT count(*) FROM bad WHERE t LIKE '\x25ff'::bytea::text AND t > ''$$,
    $$SELECT w FROM bad JOIN bad_args USING (k) WHERE a = 1 AND t LIKE '\x5fc325'::bytea::text$$,
    $$SELECT concat_ws('\xff'::bytea::text, t, w), count(*) FROM bad GROUP BY 1$$
]) query;

-- parameters
SET plan_cache_mode = force_generic_plan;
PREPARE by_text(text) AS SELECT t, count(*) FROM bad WHERE t = $1 OR t LIKE '%' || $1 GROUP BY t;
PREPARE by_name(name) AS SELECT count(*), max($1::text || t COLLATE "C") FROM bad WHERE n > $1;
SET enable_fusion_customscan = off;
CREATE TEMPORARY TABLE by_text_native AS EXECUTE by_text('\x61c3'::bytea::text);
CREATE TEMPORARY TABLE by_name_native AS EXECUTE by_name('\xe6'::bytea::text);
DISCARD PLANS;
SET enable_fusion_customscan = on;
SET pg_fusion.force = on;
EXPLAIN (COSTS OFF) EXECUTE by_text('\x61c3'::bytea::text);
EXPLAIN (COSTS OFF) EXECUTE by_name('\xe6'::bytea::text);
CREATE TEMPORARY TABLE by_text_fused AS EXECUTE by_text('\x61c3'::bytea::text);
CREATE TEMPORARY TABLE by_name_fused AS EXECUTE by_name('\xe6'::bytea::text);
RESET pg_fusion.force;
SELECT count(*) AS rows FROM by_text_native
UNION ALL SELECT count(*) FROM (TABLE by_text_native EXCEPT ALL TABLE by_text_fused) d
UNION ALL SELECT count(*) FROM by_name_native
UNION ALL SELECT count(*) FROM (TABLE by_name_native EXCEPT ALL TABLE by_name_fused) d;

-- A setting that came with the connection is not checked; anybody can make one.
\set connection `printf 'options=--a.b=caf\351x'`
\c -reuse-previous=on :connection
\pset tuples_only on
\pset format unaligned
SELECT same(format('SELECT %s FROM (SELECT current_setting(''a.b'') AS t FROM generate_series(1, 10) OFFSET 0) s', expression))
FROM unnest(ARRAY['max(t COLLATE "C")', 'max(reverse(t) COLLATE "C")', 'max(substr(t, 4) COLLATE "C")', 'max(lpad(t, 10) COLLATE "C")',
    'max(left(t, 2) COLLATE "C")', 'max(right(t, 2) COLLATE "C")', 'max(length(t))', 'count(DISTINCT t)']) expression;
\c -reuse-previous=on "options=''"
\pset tuples_only on
\pset format unaligned

-- A broken value among many.
CREATE TABLE mostly AS
SELECT g AS id, CASE WHEN g % 1000 = 0 THEN '\x6161c3'::bytea::text ELSE 'abc' || g END AS s FROM generate_series(1, 20000) g;
ANALYZE mostly;
SELECT same(query) FROM unnest(ARRAY[
    $$SELECT count(*), sum(octet_length(reverse(s))) FROM mostly$$,
    $$SELECT count(*), sum(octet_length(translate(s, 'é', 'x'))) FROM mostly$$,
    $$SELECT count(*), sum(length(s)) FROM mostly$$,
    $$SELECT count(*), sum(length(left(s, 2))) FROM mostly$$,
    $$SELECT count(DISTINCT s), min(s COLLATE "C"), max(s COLLATE "C") FROM mostly$$,
    $$SELECT sum(CASE WHEN octet_length(s) > 3 THEN length(s) END) FROM mostly$$,
    $$SELECT count(*) FROM mostly WHERE octet_length(s) > 3 AND length(s) < 5$$
]) query;

DROP TABLE bad, bad_args, mostly;
DROP FUNCTION once(text), each(text, text), each_of(text), each_pair(text);
DROP CAST (bytea AS text);
SELECT pool_is_idle();
