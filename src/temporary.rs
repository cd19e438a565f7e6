//! Temporary files: where they are, how large they may be, and who hears of them.
//!
//! Spill files are where PostgreSQL would put a query's own temporary files, below
//! `temp_tablespaces`, and under names that PostgreSQL removes when it starts (see
//! `RemovePgTempFiles` in `src/backend/storage/file/fd.c`). `pg_fusion.spill_directory`
//! puts them all in one other place.

use crate::guc;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};

/// Temporary files of a database's default tablespace.
const DEFAULT: &str = "base/pgsql_tmp";
/// Where tablespaces are.
const TABLESPACES: &str = "pg_tblspc";
/// The folder for temporary files in a tablespace (`PG_TEMP_FILES_DIR`).
const FOLDER: &str = "pgsql_tmp";
/// The most tablespaces that one query uses.
const MAX_TABLESPACES: usize = 16;

/// `pg_fusion.spill_directory`, if it is set.
fn setting() -> Option<PathBuf> {
    let setting = guc::SPILL_DIRECTORY.get()?;
    let setting = setting.to_str().ok().filter(|setting| !setting.is_empty())?;
    Some(data_directory().join(setting))
}

fn data_directory() -> PathBuf {
    // SAFETY: `DataDir` is set before libraries are loaded.
    let path = unsafe { CStr::from_ptr(pg_sys::DataDir) };
    PathBuf::from(path.to_string_lossy().into_owned())
}

/// Where rows larger than a page travel.
pub fn jumbo_directory() -> PathBuf {
    let own = || data_directory().join(DEFAULT).join("pgsql_tmp_fusion");
    setting().unwrap_or_else(own).join("jumbo")
}

/// Where the engine spills when a query names no place of its own.
pub fn spill_directory() -> PathBuf {
    setting().map_or_else(|| data_directory().join(DEFAULT), |setting| setting.join("spill"))
}

/// Every place besides [`spill_directory`] in which a worker that has ended may have left
/// spill files; some may not exist.
pub fn other_spill_directories() -> Vec<PathBuf> {
    let mut all = Vec::new();
    if setting().is_some() {
        all.push(data_directory().join(DEFAULT));
    }
    for tablespace in entries(&data_directory().join(TABLESPACES)) {
        all.extend(entries(&tablespace).map(|version| version.join(FOLDER)));
    }
    all
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Where the query at hand spills: in its `temp_tablespaces`, as PostgreSQL's own files
/// would be (`OpenTemporaryFile` in `src/backend/storage/file/fd.c`). Nothing means
/// [`spill_directory`].
///
/// # Safety
///
/// Runs in a transaction, in a backend's main thread.
pub unsafe fn places_of_query() -> Vec<String> {
    if setting().is_some() {
        return Vec::new();
    }
    let mut tablespaces = [pg_sys::InvalidOid; MAX_TABLESPACES];
    // SAFETY: the caller's promise; the array is as long as said.
    let count = unsafe {
        pg_sys::PrepareTempTablespaces();
        match pg_sys::TempTablespacesAreSet() {
            true => pg_sys::GetTempTablespaces(tablespaces.as_mut_ptr(), MAX_TABLESPACES as i32),
            false => 0,
        }
    };
    let chosen = &tablespaces[..(count.max(0) as usize).max(1)];
    chosen
        .iter()
        .map(|tablespace| {
            // The invalid one stands for the database's.
            let oid = match *tablespace == pg_sys::InvalidOid {
                // SAFETY: set when the backend started.
                true => unsafe { pg_sys::MyDatabaseTableSpace },
                false => *tablespace,
            };
            let mut path = [0 as c_char; pg_sys::MAXPGPATH as usize];
            // SAFETY: the buffer has the size that PostgreSQL assumes, and is
            // terminated.
            let path = unsafe {
                pg_sys::TempTablespacePath(path.as_mut_ptr(), oid);
                CStr::from_ptr(path.as_ptr())
            };
            path.to_string_lossy().into_owned()
        })
        .collect()
}

/// The most that the query at hand may have in temporary files, in kB.
pub fn limit_kb() -> Option<u64> {
    // SAFETY: a setting, read in a backend's main thread.
    u64::try_from(unsafe { pg_sys::temp_file_limit }).ok()
}

/// Counts temporary files of the worker among this backend's, as
/// `ReportTemporaryFileUsage` in `src/backend/storage/file/fd.c` does.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn report(files: u64, bytes: u64) {
    let Some(average) = bytes.checked_div(files) else { return };
    for file in 0..files {
        let rest = if file == 0 { bytes % files } else { 0 };
        // SAFETY: the caller's promise.
        unsafe { pg_sys::pgstat_report_tempfile((average + rest) as usize) };
    }
    // SAFETY: a setting.
    let log_from = unsafe { pg_sys::log_temp_files };
    if u64::try_from(log_from).is_ok_and(|from| bytes / 1024 >= from) {
        pgrx::log!("temporary files of pg_fusion: {files} files, size {bytes}");
    }
}
