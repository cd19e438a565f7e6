//! What users can see of the extension's state, as SQL functions. Their SQL
//! is in `sql/`.

mod compatibility;
mod declared;

use crate::error;
use crate::shared;
use declared::check_declared;
use fusion_plan::{PgError, SqlState};
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern, pg_sys};

/// `pg_fusion_pool()`: shared pages in all and free ones, and the sessions that
/// are open.
#[pg_extern(sql = false)]
fn pg_fusion_pool(
    fcinfo: pg_sys::FunctionCallInfo,
) -> TableIterator<'static, (name!(pages_total, i64), name!(pages_free, i64), name!(sessions, i32))>
{
    // SAFETY: PostgreSQL's own call.
    unsafe { check_declared(fcinfo, &[pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::INT4OID]) };
    let Some(region) = shared::region() else {
        error::raise(
            PgError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "pg_fusion must be loaded via shared_preload_libraries",
            )
            .with_hint("Add pg_fusion to shared_preload_libraries and restart the server."),
        );
    };
    let stats = region.stats();
    TableIterator::once((
        stats.pages_total as i64,
        stats.pages_free as i64,
        stats.sessions_in_use as i32,
    ))
}
