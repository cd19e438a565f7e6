-- Nodes that run again: with other parameters, in every place that can depend on one,
-- and with the same. The outer rows leave a result and come back to it.
SET client_min_messages = warning;

CREATE TABLE steps (id int PRIMARY KEY, part int NOT NULL, kind text NOT NULL, amount int);
INSERT INTO steps
SELECT g, g % 10, 'kind ' || g % 3, CASE WHEN g % 6 > 0 THEN g % 7 END FROM generate_series(1, 3000) g;
CHECKPOINT;
VACUUM ANALYZE steps;

-- A plan below another, with a parameter in the leaf: by an index, and by a scan.
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT part, sum(amount) AS n FROM steps
    WHERE id = g GROUP BY part) x) FROM (VALUES (1), (2), (6), (1), (NULL), (3)) v (g)$$);
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT part, sum(amount) AS n FROM steps
    WHERE id = g GROUP BY part) x) FROM (VALUES (1), (2), (6), (1), (NULL), (3)) v (g)$$);
RESET enable_indexscan;
RESET enable_bitmapscan;
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT id AS n FROM steps
    WHERE id >= g AND amount >= 0 ORDER BY id LIMIT 5) x) FROM generate_series(1, 4) g$$);

-- Three levels.
SELECT same($$SELECT g, (SELECT max(m) FROM (SELECT part, max(n) AS m FROM
    (SELECT part, kind, sum(amount) AS n FROM steps WHERE id <= g * 50 GROUP BY part, kind) x
    GROUP BY part) y) FROM (VALUES (1), (9), (0), (2), (9)) v (g)$$);
SELECT same($$SELECT g, (SELECT count(*) FROM (SELECT DISTINCT m FROM (SELECT part, max(n) AS m FROM
    (SELECT part, kind, count(*) AS n FROM steps WHERE id > g GROUP BY part, kind) x
    GROUP BY part) y) z) FROM (VALUES (1), (2980), (5000), (1)) v (g)$$);

-- The parameter in what the inner plan computes, in its HAVING, and in the outer plan only.
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT part, sum(amount * g) AS n FROM steps
    GROUP BY part) x) FROM (VALUES (1), (-3), (0), (1)) v (g)$$);
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT part, count(*) AS n FROM steps
    WHERE amount < g GROUP BY part HAVING count(*) > g) x) FROM (VALUES (1), (5), (9), (1)) v (g)$$);
SELECT same($$SELECT g, (SELECT count(*) FROM (SELECT part, sum(amount) AS n FROM steps
    GROUP BY part) x WHERE n > g) FROM (VALUES (0), (800), (900), (5000), (0)) v (g)$$);

-- Init plans and subqueries of the inner plan, with and without the parameter.
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT part, count(*) AS n FROM steps
    WHERE amount > (SELECT min(s.amount) FROM steps s WHERE s.id > g) GROUP BY part) x)
    FROM (VALUES (1), (2999), (4000), (1)) v (g)$$);
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT part, count(*) AS n FROM steps
    WHERE amount > (SELECT avg(s.amount) FROM steps s) AND id < g GROUP BY part) x)
    FROM (VALUES (100), (3), (100)) v (g)$$);
SELECT same($$SELECT g, (SELECT sum(n) FROM (SELECT part, count(*) AS n FROM steps s
    WHERE EXISTS (SELECT FROM steps i WHERE i.part = s.amount AND i.id < g) GROUP BY part) x)
    FROM (VALUES (5), (1), (2000), (5)) v (g)$$);

-- Several leaves, of which some depend on the parameter; joins of inner plans.
SELECT same($$SELECT g, (SELECT sum(a.n * b.n) FROM
    (SELECT part, count(*) AS n FROM steps WHERE id < g GROUP BY part) a
    JOIN (SELECT part, count(*) AS n FROM steps GROUP BY part) b USING (part))
    FROM (VALUES (100), (1), (3), (100)) v (g)$$);
SELECT same($$SELECT g, (SELECT count(*) FROM steps s
    JOIN (SELECT part, max(id) AS last FROM steps WHERE id < g GROUP BY part) x ON x.last = s.id)
    FROM (VALUES (100), (1), (3), (100)) v (g)$$);
SELECT same($$SELECT g, (SELECT sum(n) FROM
    (SELECT count(*) AS n FROM steps WHERE id < g GROUP BY part
     UNION ALL SELECT count(*) FROM steps WHERE id > g GROUP BY kind) x)
    FROM (VALUES (100), (1), (3000), (100)) v (g)$$);

-- A materialised CTE beside it.
SELECT same($$WITH c AS MATERIALIZED (SELECT part, sum(amount) AS n FROM steps GROUP BY part)
    SELECT g, (SELECT sum(x.n) FROM (SELECT c.part, sum(c.n) AS n FROM c JOIN steps s ON s.part = c.part
    WHERE s.id <= g GROUP BY c.part) x) FROM (VALUES (10), (1), (20), (10)) v (g)$$);

-- Correlated from two levels above, and from both.
SELECT same($$SELECT g, (SELECT sum((SELECT sum(n) FROM (SELECT part, count(*) AS n FROM steps
    WHERE id < g AND part = h GROUP BY part) x)) FROM generate_series(1, 3) h)
    FROM (VALUES (100), (1), (50), (100)) v (g)$$);

-- LATERAL, with rows that go on and rows that do not.
SELECT same($$SELECT v.g, x.part, x.n FROM (VALUES (30), (1), (7), (30)) v (g),
    LATERAL (SELECT part, sum(amount) AS n FROM steps WHERE id <= g GROUP BY part) x$$);
SELECT same($$SELECT v.g, x.* FROM (VALUES (30), (1), (7), (30)) v (g) LEFT JOIN
    LATERAL (SELECT part, kind, max(id) AS n FROM steps WHERE id <= g GROUP BY part, kind
    ORDER BY n DESC LIMIT 2) x ON x.n > 5$$);

-- Below a nested loop that has no other way to join.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT same($$SELECT v.g, x.n FROM (VALUES (1), (2), (1)) v (g)
    JOIN (SELECT part, count(*) AS n FROM steps GROUP BY part OFFSET 0) x
    ON x.part = v.g AND random() >= 0$$);
SELECT same($$SELECT v.g FROM (VALUES (1), (20), (3)) v (g) WHERE g IN
    (SELECT part FROM steps WHERE amount > 2 AND random() >= 0 GROUP BY part)$$);

SELECT pool_is_idle();
