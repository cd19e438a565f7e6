-- pg_fusion_compatibility(): what it lists is what the planner does.
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;

CREATE TYPE compass AS ENUM ('north', 'south');

SELECT kind, count(*) > 15 FROM pg_fusion_compatibility() GROUP BY 1 ORDER BY 1;
SELECT kind, object, CASE WHEN oid < 10000 THEN oid END AS oid, computed FROM pg_fusion_compatibility()
WHERE object IN ('integer', 'text', '=(text,text)', '<(text,text)', 'lower(text)', '"extract"(text,date)', 'sum(numeric)',
                 'integer AS text', 'integer AS bigint', 'jsonb', 'CASE', 'jsonb AS text', '~(text,text)')
ORDER BY kind, object COLLATE "C";

-- each thing once, and nothing that is not there, or not the same for the same arguments
SELECT kind, object FROM pg_fusion_compatibility() GROUP BY 1, 2 HAVING count(*) > 1;
SELECT kind, object FROM pg_fusion_compatibility() WHERE oid IS NULL AND kind NOT IN ('cast', 'expression', 'type');
SELECT object, provolatile FROM pg_fusion_compatibility() c JOIN pg_proc p ON p.oid = c.oid
WHERE kind = 'function' AND (provolatile = 'v' OR provolatile = 's' AND proname NOT IN ('concat', 'concat_ws', 'age'));
SELECT object, p.oid::regprocedure FROM pg_fusion_compatibility() c
JOIN pg_operator o ON o.oid = c.oid JOIN pg_proc p ON p.oid = o.oprcode
WHERE kind = 'operator' AND provolatile <> 'i';

-- A table with a column of each type that occurs, all of the collation C.
CREATE FUNCTION column_type(type oid) RETURNS regtype LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE type WHEN 'anyenum'::regtype THEN 'compass'::regtype WHEN '"any"'::regtype THEN 'int'::regtype ELSE type::regtype END
$$;
DO $$
BEGIN
    EXECUTE (SELECT format('CREATE TABLE each_type (%s)', string_agg(format('c%s %s', oid, format_type(oid, NULL)), ', ' ORDER BY oid))
             FROM pg_type WHERE typtype = 'b' AND typnamespace = 'pg_catalog'::regnamespace AND typcategory <> 'A'
                            OR oid = 'compass'::regtype);
END
$$;
CREATE FUNCTION column_of(type oid) RETURNS text LANGUAGE sql AS $$
    SELECT 'c' || column_type(type)::oid || CASE WHEN typcollation <> 0 THEN ' COLLATE "C"' ELSE '' END
    FROM pg_type WHERE oid = column_type(type)
$$;

-- An expression over it for each cast, operator, function and aggregate.
CREATE FUNCTION name_in_schema(name name, namespace oid) RETURNS text LANGUAGE sql AS
    'SELECT format(''%s.%I'', namespace::regnamespace, name)';
CREATE TABLE cases AS
SELECT kind, object, computed, format('count(CAST(%s AS %s))', column_of(to_regtype(split_part(object, ' AS ', 1))), format_type(to_regtype(split_part(object, ' AS ', 2)), -1)) AS expression
FROM pg_fusion_compatibility() WHERE kind = 'cast'
UNION ALL
SELECT kind, object, computed,
       format('count(%s OPERATOR(%s.%s) %s)', CASE WHEN oprleft <> 0 THEN column_of(oprleft) END, oprnamespace::regnamespace, oprname, column_of(oprright))
FROM pg_fusion_compatibility() c JOIN pg_operator o ON o.oid = c.oid WHERE kind = 'operator'
UNION ALL
SELECT kind, object, computed,
       format(CASE kind WHEN 'function' THEN 'count(%s(%s))' ELSE '%s(%s)' END, name_in_schema(proname, pronamespace),
              CASE WHEN object = 'count()' THEN '*' ELSE
              (SELECT string_agg(column_of(type), ', ' ORDER BY number) FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS a (type, number)) END)
FROM pg_fusion_compatibility() c JOIN pg_proc p ON p.oid = c.oid WHERE kind IN ('function', 'aggregate');

-- Those for which the planner has another answer: it says for which it asks PostgreSQL.
CREATE FUNCTION left_to_postgresql(expression text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    SET LOCAL pg_fusion.explain_reasons = on;
    SET LOCAL pg_fusion.force = on;
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT %s FROM each_type', expression) INTO plan;
    RETURN plan #> '{0,Fusion Reasons}';
END
$$;
SELECT object, expression, reasons FROM cases, left_to_postgresql(expression) reasons
WHERE computed NOT LIKE 'but for %' AND reasons <> '[]'
ORDER BY kind, object COLLATE "C";
SELECT count(*) FROM cases, left_to_postgresql(expression) reasons WHERE computed LIKE 'but for %' AND reasons = '[]';

-- And the other way round: operators, casts and functions of single values that are not
-- listed, and that the engine computes nevertheless.
CREATE VIEW values_of AS SELECT oid FROM pg_type WHERE typtype = 'b' AND typcategory <> 'A' AND typnamespace = 'pg_catalog'::regnamespace;
CREATE TABLE others AS
SELECT format('count(%s OPERATOR(pg_catalog.%s) %s)', CASE WHEN oprleft <> 0 THEN column_of(oprleft) END, oprname, column_of(oprright)) AS expression
FROM pg_operator
WHERE oid NOT IN (SELECT oid FROM pg_fusion_compatibility() WHERE kind = 'operator') AND oprcode <> 0
  AND (oprleft = 0 OR oprleft IN (SELECT oid FROM values_of)) AND oprright IN (SELECT oid FROM values_of)
UNION ALL
SELECT format('count(CAST(%s AS %s))', column_of(castsource), format_type(casttarget, -1))
FROM pg_cast
WHERE castsource::regtype || ' AS ' || casttarget::regtype NOT IN (SELECT object FROM pg_fusion_compatibility() WHERE kind = 'cast')
  AND castsource <> casttarget AND castsource IN (SELECT oid FROM values_of)
UNION ALL
SELECT format('count(pg_catalog.%I(%s))', proname, (SELECT string_agg(column_of(type), ', ' ORDER BY number) FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS a (type, number)))
FROM pg_proc
WHERE oid NOT IN (SELECT oid FROM pg_fusion_compatibility() WHERE kind = 'function') AND pronamespace = 'pg_catalog'::regnamespace
  AND prokind = 'f' AND NOT proretset AND provolatile <> 'v' AND pronargs > 0 AND provariadic = 0
  AND proargtypes::oid[] <@ ARRAY(SELECT oid FROM values_of) AND prorettype IN (SELECT oid FROM values_of);
SELECT count(*) > 1000 FROM others;
SELECT expression FROM others, left_to_postgresql(expression) reasons WHERE reasons = '[]' ORDER BY 1;

DROP VIEW values_of;
DROP TABLE each_type, cases, others;
DROP FUNCTION column_of, column_type, name_in_schema, left_to_postgresql;
DROP TYPE compass;
