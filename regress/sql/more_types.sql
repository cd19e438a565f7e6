-- The types beside numbers, dates and strings: they travel, compare, group, sort
-- and aggregate; what the engine does not know passes through.
\pset tuples_only on
\pset format unaligned
SELECT same('SELECT * FROM more_kinds');
SELECT same('SELECT a.*, b.* FROM more_kinds a JOIN more_kinds b USING (id)');
SELECT same('SELECT * FROM more_kinds ORDER BY id DESC');

-- as group keys: of equal values the first one shows
SELECT same('SELECT tz, count(*) FROM more_kinds GROUP BY tz');
SELECT same('SELECT tm, count(*) FROM more_kinds GROUP BY tm');
SELECT same('SELECT iv, count(*) FROM more_kinds GROUP BY iv');
SELECT same('SELECT ba, count(*) FROM more_kinds GROUP BY ba');
SELECT same('SELECT u, count(*) FROM more_kinds GROUP BY u');
SELECT same('SELECT o, count(*) FROM more_kinds GROUP BY o');
SELECT same('SELECT nm, count(*) FROM more_kinds GROUP BY nm');
SELECT same('SELECT e, count(*) FROM more_kinds GROUP BY e');
SELECT same('SELECT dn, count(*) FROM more_kinds GROUP BY dn');
SELECT same('SELECT dt, count(*) FROM more_kinds GROUP BY dt');
SELECT same_serially('SELECT free, count(*) FROM more_kinds GROUP BY free');
SELECT same('SELECT j, count(*) FROM more_kinds GROUP BY j');
SELECT same('SELECT f4, f8, count(*) FROM kinds GROUP BY f4, f8');
SELECT same('SELECT count(DISTINCT c::bpchar), count(*) FROM kinds');
SELECT same('SELECT c::bpchar, count(*) FROM kinds GROUP BY 1');
SELECT same('SELECT DISTINCT e, o FROM more_kinds');
SELECT same_serially('SELECT DISTINCT iv, free FROM more_kinds');

-- as sort keys
SELECT same('SELECT id, tz FROM more_kinds ORDER BY tz, id');
SELECT same('SELECT id, tm FROM more_kinds ORDER BY tm DESC NULLS LAST, id');
SELECT same('SELECT id, iv FROM more_kinds ORDER BY iv, id');
SELECT same('SELECT id, ba FROM more_kinds ORDER BY ba NULLS FIRST, id');
SELECT same('SELECT id, u FROM more_kinds ORDER BY u, id');
SELECT same('SELECT id, o FROM more_kinds ORDER BY o DESC, id');
SELECT same('SELECT id, nm FROM more_kinds ORDER BY nm, id');
SELECT same('SELECT id, e FROM more_kinds ORDER BY e, id');
SELECT same('SELECT id, e FROM more_kinds ORDER BY e DESC, id LIMIT 3');
SELECT same('SELECT id, dn FROM more_kinds ORDER BY dn, id');
SELECT same('SELECT id, dt FROM more_kinds ORDER BY dt COLLATE "C", id');
SELECT same('SELECT id, free FROM more_kinds ORDER BY free, id');
SELECT same('SELECT id, free FROM more_kinds ORDER BY free DESC NULLS LAST, id LIMIT 4');
SELECT same('SELECT id, a FROM more_kinds ORDER BY a, id');
SELECT same('SELECT id, c::bpchar FROM kinds ORDER BY c::bpchar COLLATE "C", id');

-- compared
SELECT same('SELECT a.id, b.id FROM more_kinds a JOIN more_kinds b ON a.tz < b.tz AND a.tm <> b.tm');
SELECT same('SELECT a.id, b.id FROM more_kinds a JOIN more_kinds b ON a.iv >= b.iv AND a.ba > b.ba');
SELECT same('SELECT a.id, b.id FROM more_kinds a JOIN more_kinds b ON a.u <= b.u AND a.o >= b.o');
SELECT same('SELECT a.id, b.id FROM more_kinds a JOIN more_kinds b ON a.nm <> b.nm AND a.e < b.e');
SELECT same('SELECT a.id, b.id FROM more_kinds a JOIN more_kinds b ON a.free < b.free AND a.dn >= b.dn');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b USING (id) WHERE a.e > ''meh'' OR b.e = ''sad''');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b USING (id) WHERE a.e IN (''meh'', ''happy'') OR b.e IS NULL');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b USING (id) WHERE a.iv = interval ''1 month'' OR b.u IN (''7f000000-0000-0000-0000-000000000001'', ''ffffffff-ffff-ffff-ffff-ffffffffffff'')');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b USING (id) WHERE a.ba = ''\xff'' OR b.nm = ''pg_class'' OR a.o = 16384');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b USING (id) WHERE a.tz > now() OR b.tz < current_timestamp - interval ''1 year''');
SELECT same('SELECT a.id FROM kinds a JOIN kinds b USING (id) WHERE a.d < current_date OR b.d > current_date');

-- in aggregates
SELECT same('SELECT min(tz), max(tz), min(tm), max(tm), min(iv), max(iv) FROM more_kinds');
SELECT same('SELECT min(o), max(o), min(e), max(e), min(dn), max(dn), min(free), max(free) FROM more_kinds');
SELECT same('SELECT e, max(tm), min(dn), count(DISTINCT free), count(DISTINCT iv) FROM more_kinds GROUP BY e');
SELECT same('SELECT min(dt COLLATE "C"), max(dt COLLATE "C"), count(j), count(a), count(p) FROM more_kinds');
SELECT same('SELECT count(DISTINCT u), count(DISTINCT ba), count(DISTINCT e), count(DISTINCT nm), count(DISTINCT tz) FROM more_kinds');
SELECT same('SELECT e, sum(dn), avg(dn), sum(free), avg(free) FROM more_kinds WHERE id <> 5 GROUP BY e');
SELECT same('SELECT coalesce(e, ''sad''), sum(dn) FROM more_kinds GROUP BY 1');
SELECT same('SELECT CASE WHEN id > 4 THEN u END, count(*) FROM more_kinds GROUP BY 1');

-- opaque values, TOAST pointers among them
SELECT same('SELECT a.id, a.j, b.j, a.a, b.p FROM more_kinds a LEFT JOIN more_kinds b ON a.id = b.id + 1');
SELECT same('SELECT a.id, length(b.j::text) FROM more_kinds a FULL JOIN more_kinds b ON a.o = b.o WHERE b.j IS NOT NULL');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b ON a.id = b.id AND a.j @> ''{"a": 1}''');
SELECT same('SELECT a.id FROM more_kinds a JOIN more_kinds b ON a.id = b.id AND a.j @> b.j');
SELECT same('SELECT j ->> ''a'', count(*) FROM more_kinds GROUP BY 1');
SELECT same('SELECT a.id, a FROM more_kinds a ORDER BY a.id');
SELECT same('SELECT c.oid, c.relname, c.relkind, n.nspname, c.reloptions FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname IN (''pg_class'', ''pg_type'', ''pg_proc_oid_index'')');
SELECT pool_is_idle();
