-- An error of a user's function or data keeps all that PostgreSQL tells of it, wherever
-- it is raised: by the planner, in a leaf, in EXPLAIN.
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;

-- fields_of(query, fusion) gives the fields of the query's error, one a line.
CREATE FUNCTION fields_of(query text, fusion bool) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; context text;
    "schema" text; "table" text; "column" text; datatype text; "constraint" text;
BEGIN
    PERFORM set_config('enable_fusion_customscan', fusion::text, true), set_config('pg_fusion.force', fusion::text, true);
    BEGIN
        EXECUTE query;
        RETURN NEXT 'no error';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
            hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT, "schema" = SCHEMA_NAME, "table" = TABLE_NAME,
            "column" = COLUMN_NAME, datatype = PG_DATATYPE_NAME, "constraint" = CONSTRAINT_NAME;
        RETURN QUERY SELECT field FROM unnest(ARRAY['ERROR ' || state || ': ' || message, 'DETAIL ' || detail, 'HINT ' || hint,
            'CONTEXT ' || split_part(context, E'\n', 1), 'SCHEMA ' || "schema", 'TABLE ' || "table", 'COLUMN ' || "column",
            'DATATYPE ' || datatype, 'CONSTRAINT ' || "constraint"]) AS field WHERE field !~ '^\w+ $';
    END;
END
$$;
-- same_fields(query) gives them if they are the same in both ways, else both.
CREATE FUNCTION same_fields(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    native text[] := ARRAY(SELECT fields_of(query, false));
    fused text[] := ARRAY(SELECT fields_of(query, true));
BEGIN
    RETURN QUERY SELECT unnest(native);
    IF fused IS DISTINCT FROM native THEN
        RETURN QUERY SELECT 'but with pg_fusion ' || unnest(fused);
    END IF;
END
$$;

CREATE FUNCTION divide(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF $1 = 3 THEN RAISE division_by_zero; END IF; RETURN 1; END';
CREATE FUNCTION complain(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF $1 > 5 THEN
        RAISE 'no more than five' USING ERRCODE = '22P77', DETAIL = 'a detail', HINT = 'a hint', SCHEMA = 'a schema',
            TABLE = 'a table', COLUMN = 'a column', DATATYPE = 'a type', CONSTRAINT = 'a constraint';
    END IF;
    RETURN true;
END
$$;
CREATE DOMAIN few AS int CONSTRAINT up_to_three CHECK (VALUE < 4);
CREATE FUNCTION in_sql(int) RETURNS SETOF int LANGUAGE sql VOLATILE AS 'SELECT 1 / ($1 - 3) FROM shops';
CREATE FUNCTION of_wrong_type() RETURNS SETOF record LANGUAGE sql STRICT IMMUTABLE AS 'SELECT 1';

-- in the planner
SELECT same_fields('SELECT divide(3)');
SELECT same_fields('SELECT count(*) FROM facts WHERE quantity = divide(3)');
SELECT same_fields('EXPLAIN SELECT count(*) FROM facts WHERE complain(6)');
-- in a leaf
SELECT same_fields('SELECT count(*) FROM facts WHERE divide(quantity) = 1');
SELECT same_fields('SELECT sum(quantity) FROM facts JOIN shops USING (shop_id) WHERE complain(quantity)');
SELECT same_fields('SELECT complain(shop_id), count(*) FROM facts GROUP BY 1');
SELECT same_fields('SELECT shop_id::few, count(*) FROM shops GROUP BY 1');
SELECT same_fields('SELECT sum(v) FROM in_sql(3) v');
SELECT same_fields('SELECT count(t.a) FROM of_wrong_type() AS t (a point)');
SELECT same_fields('EXPLAIN (ANALYZE) SELECT count(*) FROM facts WHERE complain(quantity)');
-- above the node, and below another
SELECT same_fields('SELECT complain(count(*)::int) FROM facts');
SELECT same_fields('SELECT count(*) FROM shops WHERE shop_id > (SELECT count(*) FROM items WHERE complain(item_id))');
-- in parallel workers
CREATE FUNCTION complain_in_worker(int) RETURNS bool LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF $1 > 2 THEN
        RAISE 'no more than two' USING ERRCODE = '22P77', DETAIL = 'a detail', HINT = 'a hint', SCHEMA = 'a schema',
            TABLE = 'a table', COLUMN = 'a column', DATATYPE = 'a type', CONSTRAINT = 'a constraint';
    END IF;
    RETURN true;
END
$$;
SET parallel_leader_participation = off;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT same_fields('SELECT count(*) FROM facts WHERE complain_in_worker(quantity)');
RESET parallel_leader_participation;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP FUNCTION complain_in_worker;
-- of what stands below EXPLAIN
CREATE TABLE keys (key int CONSTRAINT one_of_each PRIMARY KEY);
SELECT same_fields('EXPLAIN (ANALYZE) INSERT INTO keys SELECT 1 FROM shops');
DECLARE slow CURSOR WITH HOLD FOR SELECT count(*) FROM facts WHERE divide(quantity) = 1;

DROP TABLE keys;
DROP FUNCTION in_sql, of_wrong_type, complain, divide, same_fields, fields_of;
DROP DOMAIN few;
SELECT pool_is_idle();
