-- What EXPLAIN shows.
\pset tuples_only on
\pset format unaligned
SELECT plan_of('SELECT count(*) FROM facts');
SELECT plan_of('SELECT b, sum(n) FROM kinds WHERE t LIKE ''%a%'' GROUP BY b HAVING count(*) > 1');
SELECT plan_of('SELECT s.city, count(*), sum(f.amount) * 2 FROM facts f JOIN items i USING (item_id) JOIN shops s USING (shop_id)
                WHERE i.kind = ''a'' AND f.note ~ ''1'' GROUP BY s.city HAVING count(*) > 1 ORDER BY 3 DESC, 1 LIMIT 2');
SELECT plan_of('SELECT a.id FROM kinds a JOIN kinds b ON a.c = b.c AND a.d < b.ts AND a.t ~ b.v');
SELECT plan_of('SELECT f8, count(*) FROM kinds GROUP BY f8');
SELECT plan_of('SELECT shop_id FROM shops ORDER BY opened DESC NULLS LAST, shop_id OFFSET 2');

-- the engine's row counts; threads and memory are the machine's
SET pg_fusion.force = on;
CREATE FUNCTION analysis_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        RETURN NEXT regexp_replace(line, '(Fusion Threads: |Fusion Peak Memory: )\d+', '\1N');
    END LOOP;
END
$$;
SELECT analysis_of('SELECT s.city, count(*) FROM facts f JOIN shops s USING (shop_id) WHERE f.quantity > 3 GROUP BY s.city ORDER BY 1 LIMIT 2');
SELECT analysis_of('SELECT count(*) FROM nothing');
DROP FUNCTION analysis_of;

-- other formats parse
CREATE FUNCTION explain_as(format text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    result text := '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (ANALYZE, VERBOSE, FORMAT %s) %s', format, query) LOOP
        result := result || line || E'\n';
    END LOOP;
    RETURN result;
END
$$;
SELECT jsonb_path_query(explain_as('JSON', 'SELECT shop_id, count(*) FROM facts GROUP BY 1')::jsonb, 'strict $[0].Plan."Fusion Plan"[*] ? (@ starts with "Aggregate")') #>> '{}' ~ '^Aggregate by .*: count\(\*\)  \(rows=10 time=[0-9.]+ ms\)$' AS json;
SELECT count(*) AS xml FROM unnest(xpath('//*[local-name()="Fusion-Plan"]/*', explain_as('XML', 'SELECT shop_id, count(*) FROM facts GROUP BY 1')::xml));
SELECT explain_as('YAML', 'SELECT count(*) FROM facts') ~ 'Fusion Plan:' AS yaml;
-- how often the two sides woke each other: at least the opening and the end of the leaf are news
SELECT explain_as('TEXT', 'SELECT count(*) FROM facts') ~ '\n  Fusion Wake-Ups: worker=\d+ \(news=\d+\) backends=\d+\n' AS text;
SELECT (plan ->> 'Fusion News')::int > 1 AND (plan ->> 'Fusion Worker Wake-Ups')::int >= 0 AND (plan ->> 'Fusion Backend Wake-Ups')::int >= 0 AS json
FROM (SELECT explain_as('JSON', 'SELECT count(*) FROM facts')::jsonb #> '{0,Plan}' AS plan) AS q;
DROP FUNCTION explain_as;
SELECT pool_is_idle();
