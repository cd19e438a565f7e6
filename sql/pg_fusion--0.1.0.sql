-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_fusion" to load this file. \quit

CREATE FUNCTION pg_fusion_pool(
    OUT pages_total bigint,
    OUT pages_free bigint,
    OUT sessions integer
)
RETURNS SETOF record
LANGUAGE c STRICT VOLATILE PARALLEL RESTRICTED
ROWS 1
AS 'MODULE_PATHNAME', 'pg_fusion_pool_wrapper';

COMMENT ON FUNCTION pg_fusion_pool() IS
    'shared pages of pg_fusion: all, free, and the sessions that are open';

CREATE FUNCTION pg_fusion_compatibility(
    OUT kind text,
    OUT object text,
    OUT oid oid,
    OUT computed text
)
RETURNS SETOF record
LANGUAGE c STRICT STABLE PARALLEL RESTRICTED
ROWS 1000
AS 'MODULE_PATHNAME', 'pg_fusion_compatibility_wrapper';

COMMENT ON FUNCTION pg_fusion_compatibility() IS
    'what pg_fusion computes: types, casts, operators, functions, aggregates and other expressions';
