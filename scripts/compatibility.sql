-- docs/compatibility.md, line by line, from pg_fusion_compatibility(). `make docs` writes
-- the page; a test in tests/docs.rs fails if it is not what this gives.
WITH entries AS (
    SELECT kind, object, oid, computed,
           -- A name without its arguments, and the arguments without the name.
           trim('"' FROM split_part(object, '(', 1)) AS name,
           replace(substring(object FROM '\(.*$'), ',', ', ') AS arguments,
           split_part(object, ' AS ', 1) AS source,
           split_part(object, ' AS ', 2) AS target
    FROM pg_fusion_compatibility()
),
operators AS (
    SELECT o.oprname AS name, e.computed,
           format_type(nullif(o.oprleft, 0), NULL) AS left_type, format_type(o.oprright, NULL) AS right_type
    FROM entries e JOIN pg_operator o USING (oid)
    WHERE e.kind = 'operator'
),
headings (section, text) AS (VALUES
(0, $text$# What the engine computes

This page is generated from the code (`make docs`), by asking the planner for each
function, operator and cast of PostgreSQL 15 whether it would hand it to the engine. In
a database, `SELECT * FROM pg_fusion_compatibility()` gives the same list, one row per
object with its OID.

What is not listed here is computed by PostgreSQL: below the PgFusion node, in a leaf, or
above it ([query support](query-support.md)); `pg_fusion.explain_reasons` says which
and why ([EXPLAIN](explain.md)). Nothing is listed whose result, error or display could
differ from PostgreSQL's ([types](types.md)).

The last column says when it is computed:

- *always*;
- *with a deterministic collation*: all but those created with `deterministic = false`;
- *with a collation that orders by byte, like C*: C, POSIX and their like;
- *with the collations C and POSIX*, or others that know upper and lower case of ASCII
  only;
- *but for* what is left to PostgreSQL, in the words of its reason.$text$),
(1, $text$
## Types

How a value travels from PostgreSQL to the engine.

| Type | In the engine |
|---|---|$text$),
(2, $text$
## Expressions

Of parts that are computed:
$text$),
(3, $text$
## Operators

| Operator | Operands | Computed |
|---|---|---|$text$),
(4, $text$
## Casts

By name (`CAST(x AS type)`, `x::type`), and those that PostgreSQL adds by itself. A cast
of a type to itself is one to a length or precision, such as `varchar(10)`.

| From | To | Computed |
|---|---|---|$text$),
(5, $text$
## Functions

Beside the functions of the operators and casts above, which can also be called by
their own names.

| Function | Arguments | Computed |
|---|---|---|$text$),
(6, $text$
## Aggregates

With and without DISTINCT and FILTER.

| Aggregate | Arguments | Computed |
|---|---|---|$text$)),
-- Within a section, what `part` says comes first: the heading (0), then the lines by
-- their keys.
page (section, part, key, second_key, line) AS (
    SELECT section, 0, to_char(number, '0000'), '', line
    FROM headings, string_to_table(text, E'\n') WITH ORDINALITY AS lines (line, number)
    UNION ALL
    SELECT 1, CASE WHEN oid IS NULL THEN 2 ELSE 1 END, object, '',
           format('| %s | %s |', CASE WHEN oid IS NULL THEN object ELSE format('`%s`', object) END, computed)
    FROM entries WHERE kind = 'type'
    UNION ALL
    SELECT 2, 1, object, '', '- ' || object
    FROM entries WHERE kind = 'expression'
    UNION ALL
    SELECT 3, 1, name, computed,
           replace(format('| `%s` | %s | %s |', name,
                          string_agg(format('`%s`', concat_ws(' ', left_type, name, right_type)), ', '
                                     ORDER BY coalesce(left_type, '') COLLATE "C", right_type COLLATE "C"),
                          computed),
                   name, replace(name, '|', '\|'))
    FROM operators
    GROUP BY name, computed
    UNION ALL
    SELECT 4, 1, source, computed,
           format('| `%s` | %s | %s |', source,
                  string_agg(format('`%s`', target), ', ' ORDER BY target COLLATE "C"), computed)
    FROM entries WHERE kind = 'cast'
    GROUP BY source, computed
    UNION ALL
    SELECT CASE kind WHEN 'function' THEN 5 ELSE 6 END, 1, name, computed,
           format('| `%s` | %s | %s |', name,
                  string_agg(format('`%s`', arguments), ', ' ORDER BY arguments COLLATE "C"), computed)
    FROM entries e
    WHERE kind = 'aggregate'
       OR kind = 'function'
          AND (coalesce(obj_description(oid, 'pg_proc'), '') NOT LIKE 'implementation of %'
               OR name = 'starts_with')
          AND NOT EXISTS (SELECT FROM pg_cast WHERE castfunc = e.oid)
    GROUP BY kind, name, computed
)
SELECT line FROM page ORDER BY section, part, key COLLATE "C", second_key COLLATE "C";
