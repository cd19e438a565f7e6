-- Strings and bytes.
\pset tuples_only on
\pset format unaligned
CREATE TABLE words (k int, w int, t text, v varchar(40), c char(6), n name, b bytea);
INSERT INTO words SELECT 1, row_number() OVER (), t, t, left(t, 6), t, convert_to(t, 'UTF8')
FROM unnest(ARRAY[
    NULL, '', 'a', 'abc', '  padded  ', 'été', '日本語 text', 'a-b-c', '-', 'It''s \ here', '100%', 'ABC abc',
    'hello wORLD foo1bar éÀx', '😀a😀', repeat('xy', 18) || 'é', repeat('a-', 16) || 'aa'
]) t;
UPDATE words SET b = b || '\x00ff' WHERE w % 2 = 0;
CREATE TABLE args (k int, a int, s text, r text, i int, j int);
INSERT INTO args VALUES
    (1, 1, 'a', 'xx', 1, 2), (1, 2, '', '', 0, 0), (1, 3, NULL, 'a', 1, 1), (1, 4, 'é', 'e', -1, 3),
    (1, 5, '-', '', 2, 1), (1, 6, 'xy', '日', 3, 10), (1, 7, 'bc', NULL, -3, 0), (1, 8, ' ', '%', 100, 100),
    (1, 9, '本', 'a-', -2147483648, 2147483647), (1, 10, 'a-', '\', 2147483647, 2147483647), (1, 11, 'a', 'b', NULL, 1),
    (1, 12, 'aé', 'b', 4, NULL), (1, 13, '😀', '_', -2147483647, 5);
ANALYZE words, args;

-- computes(keys) groups every combination of a word and an argument by them. Over a
-- join, PostgreSQL itself would aggregate if the engine did not compute the keys: that
-- it says Aggregate is the proof.
CREATE FUNCTION computes(keys text, condition text DEFAULT 'true') RETURNS text LANGUAGE sql AS $$
    SELECT same(format('SELECT %1$s, count(*) FROM words JOIN args USING (k) WHERE %2$s GROUP BY %1$s', keys, condition))
$$;
SELECT computes('regexp_replace(t, s, r)', 'w < 9 AND a < 9');

-- lengths
SELECT computes('w, length(t), char_length(t), character_length(v), octet_length(t), bit_length(t), length(n::text)');
SELECT computes('w, length(c), char_length(c), character_length(c), octet_length(c), octet_length(c::text)');
SELECT computes('w, length(b), octet_length(b), bit_length(b)');
SELECT computes('w, ascii(t), ascii(c), ascii(v)');

-- searching
SELECT computes('position(s IN t), strpos(v, r), w, a');
SELECT computes('starts_with(t, s), t ^@ r, w, a');
SELECT computes('replace(t, s, r), w, a');
SELECT computes('replace(t, ''a'', ''日本''), replace(v, ''-'', ''''), w');
SELECT computes('split_part(t, s, i), w, a', 'i <> 0');
SELECT computes('split_part(t, ''-'', 2), split_part(t, ''-'', -1), split_part(t, '''', -1), split_part(v, ''xy'', 18), w');

-- parts
SELECT computes('substring(t FROM i), substr(v, j), w, a');
SELECT computes('substring(t FROM i FOR j), substr(v, j, j), w, a');
SELECT computes('substring(t, 2), substring(t, -1, 4), substr(t, 3, 0), w');
SELECT computes('left(t, i), right(t, i), w, a');
SELECT computes('left(t, -2), right(t, 3), left(c, 3), right(n::text, -1), w');
SELECT computes('btrim(t), ltrim(t), rtrim(t), trim(v), trim(LEADING FROM v), trim(TRAILING FROM c), w');
SELECT computes('btrim(t, s), ltrim(t, r), rtrim(v, s), w, a');
SELECT computes('trim(BOTH ''xya-'' FROM t), trim(LEADING ''éa'' FROM t), w');

-- new strings
SELECT computes('t || s, r || v, c || s, n || t, w, a');
SELECT computes('t || i, j || v, w, a');
SELECT computes('overlay(t PLACING s FROM j), w, a', 'j > 0 AND j < 100');
SELECT computes('overlay(t PLACING s FROM j FOR i), w, a', 'j > 0 AND j < 100 AND i < 100');
SELECT computes('lpad(t, 5, s), rpad(t, 5, s), lpad(v, 20), rpad(t, 0), rpad(t, -1, s), w, a');
SELECT computes('repeat(t, 3), repeat(v, 0), repeat(t, -1), w');
SELECT computes('reverse(t), reverse(v), w');
SELECT computes('translate(t, s, r), translate(v, ''abé日'', ''x本''), w, a');
SELECT computes('chr(j)', 'j BETWEEN 1 AND 100');
SELECT computes('to_hex(i), to_hex(j::int8), a');
SELECT computes('lower(t COLLATE "C"), upper(v COLLATE "C"), initcap(t COLLATE "POSIX"), w');
SELECT computes('quote_literal(t), quote_nullable(t), w');
SELECT computes('md5(t), md5(b), w');
SELECT computes('concat(t, s), concat(c, i, NULL, n), concat(v, ''x''), concat(NULL, NULL, t), w, a');
SELECT computes('concat_ws(s, t, r, i), concat_ws('', '', r, NULL, j, c), concat_ws(NULL, t), w, a');
SELECT computes('concat(t, i > 0, j::int8, a::int2), concat_ws('''', t), w, a');

-- LIKE
SELECT computes('t LIKE ''%'' || s || ''%'', v NOT LIKE s || ''%'', w, a');
SELECT computes('t LIKE s || ''_%'', t LIKE ''%_'' || s, w, a');
SELECT computes('c LIKE s || ''%'', c NOT LIKE ''%  '', n LIKE ''%'' || s, n NOT LIKE ''a%'', w, a');
SELECT computes('t LIKE s || ''#%%'' ESCAPE ''#'', t LIKE ''%'' || s ESCAPE '''', t NOT LIKE ''x%'' || s ESCAPE ''x'', w, a');
SELECT computes('t LIKE s || r ESCAPE ''b'', w, a', 'r NOT IN (''\'', ''b'')');
SELECT computes('t COLLATE "C" ILIKE ''%'' || s || ''%'', t COLLATE "C" NOT ILIKE ''a%'', c COLLATE "C" ILIKE ''ABC%'', n ILIKE ''%A%'', w, a');
SELECT computes('b LIKE ''%a%'', b LIKE ''_'', b NOT LIKE ''\x25005f'', b LIKE ''\x25c35f'', b LIKE b, b LIKE ''a%''::bytea ESCAPE '''', w');

-- bytes
SELECT computes('b || ''\x00ff'', b || b, w');
SELECT computes('substring(b FROM i), substr(b, j), w, a');
SELECT computes('substring(b FROM i FOR j), substr(b, j, 2), w, a');
SELECT computes('position(''\x61'' IN b), position(''\xffff'' IN b), position('''' IN b), w');
SELECT computes('overlay(b PLACING ''\x0102'' FROM j), overlay(b PLACING ''\x01'' FROM j FOR 0), w, a', 'j BETWEEN 1 AND 100');
SELECT computes('btrim(b, ''\x61ff''), ltrim(b, ''\x61''), rtrim(b, ''\x00ff''), w');
SELECT computes('get_byte(b, 0), get_bit(b, 3), w', 'length(b) > 0');
SELECT computes('b < ''\x61'', b >= ''\x6162'', b = ''\x'', b <> ''\x61'', w');
SELECT same('SELECT b, count(*) FROM words JOIN args USING (k) GROUP BY b ORDER BY b');
SELECT same('SELECT x.w, y.w FROM words x JOIN words y ON x.b = y.b');

-- lengths of types
SELECT computes('t::varchar(4), v::varchar(5), t::char(4), t::char(12), c::char(8), c::char(3), v::bpchar::text, w');
SELECT computes('t::name, c::name, v::name, n::text, n::varchar, n::char(10), (t || t || t || t)::name, w');
SELECT computes('c = t, c = t::char(6), c::text = t, c::varchar = v, n = t, n < t, w');

-- errors
SELECT computes('substring(t FROM 1 FOR i)');
SELECT computes('substring(b FROM 1 FOR i)');
SELECT computes('split_part(t, s, i)');
SELECT computes('overlay(t PLACING s FROM i)', 'i < 0');
SELECT computes('overlay(b PLACING b FROM j FOR 100)', 'j = 2147483647');
SELECT computes('chr(i)', 'i < 0');
SELECT computes('chr(i)', 'i = 0');
SELECT computes('chr(i + 1114100)', 'i = 100');
SELECT computes('chr(i + 55295)', 'i = 1');
SELECT computes('t LIKE r', 'a = 10');
SELECT computes('t COLLATE "C" ILIKE ''%'' || r', 'a = 10');
SELECT computes('t LIKE r ESCAPE s', 's = ''aé''');
SELECT computes('b LIKE ''!'' ESCAPE b');
SELECT computes('get_byte(b, 4)');
SELECT computes('get_bit(b, i)', 'i = 100 AND length(b) BETWEEN 1 AND 12');
-- only in rows that are reached
SELECT computes('CASE WHEN i >= 0 THEN substring(t FROM 1 FOR i) END, w, a', 'i < 100');
SELECT same('SELECT count(*) FROM words JOIN args USING (k) WHERE i <> 0 AND split_part(t, s, i) = t');

-- left to PostgreSQL: other collations, results of unknown size
CREATE COLLATION german (provider = icu, locale = 'de');
CREATE COLLATION unordered (provider = icu, locale = 'und', deterministic = false);
SELECT computes('lower(t COLLATE german), w');
SELECT computes('t COLLATE german ILIKE s, w');
SELECT computes('replace(t COLLATE german, s, r), w, a');
SELECT computes('strpos(t COLLATE unordered, s), w, a');
SELECT computes('repeat(t, a), w, a');
SELECT computes('lpad(t, a), w, a');
SELECT computes('rpad(t, 1001), w');

DROP FUNCTION computes;
DROP TABLE words, args;
DROP COLLATION german, unordered;
SELECT pool_is_idle();
