//! `pg_fusion_compatibility()`: everything that the engine computes.

use super::declared::check_declared;
use crate::error;
use crate::planner::{compatibility as engine, type_name};
use fusion_plan::{DataType, PgError};
use pgrx::iter::TableIterator;
use pgrx::pg_sys::{self, Oid};
use pgrx::spi::{self, Spi};
use pgrx::{name, pg_extern};

/// `pg_fusion_compatibility()`: types, casts, operators, functions, aggregates and
/// other expressions, and when they are computed. Needs no shared memory, so it
/// works without the library being preloaded.
#[pg_extern(sql = false)]
fn pg_fusion_compatibility(
    fcinfo: pg_sys::FunctionCallInfo,
) -> TableIterator<
    'static,
    (
        name!(kind, &'static str),
        name!(object, String),
        name!(oid, Option<Oid>),
        name!(computed, String),
    ),
> {
    let columns = [pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::OIDOID, pg_sys::TEXTOID];
    // SAFETY: PostgreSQL's own call.
    unsafe { check_declared(fcinfo, &columns) };
    match entries() {
        Ok(entries) => TableIterator::new(
            entries.into_iter().map(|entry| (entry.kind, entry.object, entry.oid, entry.computed)),
        ),
        Err(reason) => error::raise(PgError::internal(reason.to_string())),
    }
}

struct Entry {
    kind: &'static str,
    object: String,
    oid: Option<Oid>,
    computed: String,
}

fn entries() -> Result<Vec<Entry>, spi::Error> {
    let mut entries = types()?;
    entries.extend(expressions());
    entries.extend(casts()?);
    entries.extend(operators()?);
    let in_sql = catalog::<1>(
        "SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
         WHERE l.lanname = 'sql' AND p.prokind = 'f' AND NOT p.proretset \
         AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace",
    )?;
    let in_sql = in_sql.into_iter().map(|[oid]| oid);
    // SAFETY: in a backend's main thread.
    let functions = engine::functions().chain(in_sql).filter_map(|oid| unsafe {
        let computed = engine::function(oid)?;
        let object = engine::procedure_name(oid);
        Some(Entry { kind: "function", object, oid: Some(oid), computed })
    });
    entries.extend(functions);
    // SAFETY: in a backend's main thread.
    let aggregates = engine::aggregates().filter_map(|oid| unsafe {
        let computed = engine::aggregate(oid)?;
        let object = engine::procedure_name(oid);
        Some(Entry { kind: "aggregate", object, oid: Some(oid), computed })
    });
    entries.extend(aggregates);
    Ok(entries)
}

/// The types that the engine knows by name, and what it makes of others.
fn types() -> Result<Vec<Entry>, spi::Error> {
    let known = catalog::<1>(
        "SELECT t.oid FROM pg_catalog.pg_type t \
         WHERE t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND t.typtype = 'b'",
    )?;
    let entry = |object: &str, oid, computed: &str| Entry {
        kind: "type",
        object: object.to_owned(),
        oid,
        computed: computed.to_owned(),
    };
    let mut entries: Vec<Entry> = known
        .into_iter()
        .filter_map(|[oid]| {
            // SAFETY: in a backend's main thread.
            let form = unsafe { engine::carried(oid) }?;
            Some(entry(&type_name(oid), Some(oid), form))
        })
        .collect();
    entries.push(entry("any enum", None, engine::form(DataType::Enum)));
    entries.push(entry("any domain", None, "as the type that it is over"));
    entries.push(entry("any other type", None, engine::form(DataType::Opaque)));
    Ok(entries)
}

fn expressions() -> impl Iterator<Item = Entry> {
    engine::expressions().map(|sql| Entry {
        kind: "expression",
        object: sql.to_owned(),
        oid: None,
        computed: engine::ALWAYS.to_owned(),
    })
}

/// Casts by function, between types of the same form, and through text.
fn casts() -> Result<Vec<Entry>, spi::Error> {
    let entry = |from, to, oid, computed| Entry {
        kind: "cast",
        object: format!("{} AS {}", type_name(from), type_name(to)),
        oid,
        computed,
    };
    let by_function = catalog::<4>(
        "SELECT c.oid, c.castsource, c.casttarget, c.castfunc FROM pg_catalog.pg_cast c \
         WHERE c.castmethod = 'f'",
    )?;
    let mut entries = Vec::new();
    for [oid, from, to, function] in by_function {
        // SAFETY: in a backend's main thread.
        let computed = unsafe { engine::cast_by_function(function) };
        entries.extend(computed.map(|computed| entry(from, to, Some(oid), computed)));
    }
    let same_form = catalog::<3>(
        "SELECT c.oid, c.castsource, c.casttarget FROM pg_catalog.pg_cast c \
         WHERE c.castmethod = 'b'",
    )?;
    for [oid, from, to] in same_form {
        // SAFETY: in a backend's main thread.
        let computed = unsafe { engine::cast_by_relabelling(from, to) };
        entries.extend(computed.map(|computed| entry(from, to, Some(oid), computed)));
    }
    // The pairs for which the parser makes such a cast.
    let through_text = catalog::<2>(
        "SELECT s.oid, t.oid FROM pg_catalog.pg_type s, pg_catalog.pg_type t \
         WHERE (s.typcategory = 'S') <> (t.typcategory = 'S') \
         AND s.typtype = 'b' AND t.typtype = 'b' \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_cast c \
             WHERE c.castsource = s.oid AND c.casttarget = t.oid AND c.castmethod <> 'i')",
    )?;
    for [from, to] in through_text {
        // SAFETY: in a backend's main thread.
        let computed = unsafe { engine::cast_through_text(from, to) };
        entries.extend(computed.map(|computed| entry(from, to, None, computed)));
    }
    Ok(entries)
}

fn operators() -> Result<Vec<Entry>, spi::Error> {
    let operators = catalog::<2>("SELECT o.oid, o.oprcode::oid FROM pg_catalog.pg_operator o")?;
    let entries = operators.into_iter().filter_map(|[oid, function]| {
        // SAFETY: in a backend's main thread.
        let computed = unsafe { engine::function(function) }?;
        let object = engine::operator_name(oid);
        Some(Entry { kind: "operator", object, oid: Some(oid), computed })
    });
    Ok(entries.collect())
}

/// The rows of a query over the catalogs, which selects `N` OIDs.
fn catalog<const N: usize>(query: &str) -> Result<Vec<[Oid; N]>, spi::Error> {
    Spi::connect(|client| {
        let rows = client.select(query, None, &[])?;
        rows.map(|row| {
            let mut oids = [Oid::INVALID; N];
            for (number, oid) in (1..).zip(&mut oids) {
                *oid = row.get(number)?.unwrap_or(Oid::INVALID);
            }
            Ok(oids)
        })
        .collect()
    })
}
