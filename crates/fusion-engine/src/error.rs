//! How errors travel: a [`PgError`] rides inside DataFusion's error type and
//! comes out whole at the end, whatever DataFusion and Arrow wrapped around it.

use arrow::error::ArrowError;
use datafusion_common::DataFusionError;
use fusion_plan::{PgError, SqlState};
use std::any::Any;
use std::error::Error;
use std::io;

/// Wraps an error for the way up through DataFusion's operators.
pub(crate) fn to_datafusion(error: PgError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// What a DataFusion error means to the user.
///
/// A [`PgError`] anywhere in the chain is that error; exhausted memory becomes
/// `53200`, a full disk `53100`, and everything else is a defect, `XX000`.
pub(crate) fn to_pg(error: &DataFusionError) -> PgError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut wrapper = None;
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<PgError>() {
            return found.clone();
        }
        if let Some(DataFusionError::ResourcesExhausted(detail)) = current.downcast_ref() {
            return out_of_memory(detail);
        }
        if let Some(error) = current.downcast_ref::<io::Error>() {
            // One of the operating system's, or a wrapper of any other, which may hide it
            // but for its kind.
            let Some(inner) = error.get_ref() else { return spill_failed(error) };
            wrapper = Some(error);
            cause = Some(inner);
            continue;
        }
        cause = match current.downcast_ref::<ArrowError>() {
            Some(ArrowError::ExternalError(inner)) => Some(inner.as_ref()),
            _ => current.source(),
        };
    }
    match wrapper {
        Some(error) => spill_failed(error),
        None => PgError::internal(format!("pg_fusion engine: {}", error.strip_backtrace())),
    }
}

/// The memory limit is reached and nothing more can be spilled.
pub(crate) fn out_of_memory(detail: &str) -> PgError {
    PgError::new(SqlState::OUT_OF_MEMORY, "out of memory")
        .with_detail(detail.lines().next().unwrap_or_default())
        .with_hint("Consider raising the configuration parameter \"pg_fusion.memory_limit\".")
}

/// The error for a panic caught at the session's boundary.
pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> PgError {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown panic");
    PgError::internal(format!("pg_fusion engine: {message}"))
}

fn spill_failed(error: &io::Error) -> PgError {
    let sqlstate = SqlState::of_file_error(error);
    PgError::new(sqlstate, format!("could not use a pg_fusion spill file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_postgresql_error_survives_every_wrapping() {
        let error = PgError::division_by_zero().with_hint("h");
        let arrow = ArrowError::ExternalError(Box::new(error.clone()));
        let wrapped = DataFusionError::Context("c".into(), Box::new(DataFusionError::from(arrow)));
        let shared = DataFusionError::Shared(Arc::new(wrapped));
        let external = DataFusionError::External(Box::new(Arc::new(shared)));
        assert_eq!(to_pg(&external), error);
        assert_eq!(to_pg(&to_datafusion(error.clone())), error);
    }

    #[test]
    fn exhausted_memory_names_the_setting() {
        let error = to_pg(&DataFusionError::ResourcesExhausted("too much".into()));
        assert_eq!(error.sqlstate, SqlState::OUT_OF_MEMORY);
        assert!(error.hint.is_some_and(|hint| hint.contains("pg_fusion.memory_limit")));
    }

    #[test]
    fn a_full_disk_is_told_apart_from_a_defect() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(to_pg(&DataFusionError::IoError(full)).sqlstate, SqlState::DISK_FULL);
        // As DataFusion's writers wrap it.
        let inner = DataFusionError::IoError(io::Error::from_raw_os_error(28));
        let wrapped = to_pg(&DataFusionError::IoError(io::Error::other(inner)));
        assert_eq!(wrapped.sqlstate, SqlState::DISK_FULL, "{wrapped}");
        assert!(wrapped.message.contains("No space left on device"), "{wrapped}");
        // As the makers of temporary files wrap it: an error that hides its source.
        let hidden = io::Error::new(io::ErrorKind::NotFound, "no such directory");
        let hidden = to_pg(&DataFusionError::IoError(hidden));
        assert_eq!(hidden.sqlstate.as_str(), "58P01", "{hidden}");
        let files = DataFusionError::IoError(io::Error::from_raw_os_error(24));
        assert_eq!(to_pg(&files).sqlstate.as_str(), "53000");
        let defect = to_pg(&DataFusionError::Internal("x".into()));
        assert_eq!(defect.sqlstate, SqlState::INTERNAL_ERROR);
    }
}
