//! Where a session's operators write what does not fit in memory.
//!
//! Each session has a directory of its own, made when its first file is, in one of the
//! places that its host names, and gone with its last file. What a session writes counts
//! against its limit, like PostgreSQL's `temp_file_limit` (`FileWrite` in
//! `src/backend/storage/file/fd.c`).

use crate::session::host::{SessionIo, SpillPlace};
use datafusion_common::{DataFusionError, Result};
use datafusion_execution::SpillFile;
use datafusion_execution::disk_manager::{DiskManager, DiskManagerBuilder, DiskManagerMode};
use datafusion_execution::{SpillWriter, TempFileFactory};
use fusion_plan::{PgError, SqlState};
use futures::Stream;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// How the directories of sessions begin. PostgreSQL removes whatever begins with
/// `pgsql_tmp` from the places of its temporary files when it starts
/// (`RemovePgTempFilesInDir` in fd.c).
const PREFIX: &str = "pgsql_tmp_fusion_session.";

/// How many spill files a sort merges at once: with more, their buffers would
/// take the memory that other operators need.
const MERGE_FAN_IN: usize = 16;

/// The disk manager of a session, over `io`'s place or `fallback`. Makes nothing yet.
pub(crate) fn disk_manager(fallback: &Path, io: Arc<dyn SessionIo>) -> DiskManagerBuilder {
    let SpillPlace { mut directories, limit_kb } = io.spill_place();
    if directories.is_empty() {
        directories.push(fallback.to_owned());
    }
    let usage = Arc::new(Usage { limit_kb, bytes: AtomicU64::new(0), io });
    let factory = Factory { directories, usage, manager: Mutex::new(None) };
    DiskManagerBuilder::default()
        .with_temp_file_factory(Arc::new(factory))
        .with_max_spill_merge_fan_in(MERGE_FAN_IN)
}

/// Removes what sessions of an engine that has ended left in `directory`; nothing is
/// wrong if it does not exist.
///
/// # Errors
///
/// If it cannot be read, or a leftover cannot be removed.
pub fn remove_leftovers(directory: &Path) -> Result<(), PgError> {
    let failed = |error: io::Error| {
        let message = format!(
            "could not clean the pg_fusion spill directory \"{}\": {error}",
            directory.display()
        );
        PgError::new(SqlState::of_file_error(&error), message)
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// What a session has on disk.
#[derive(Debug)]
struct Usage {
    /// The most it may have, in kB.
    limit_kb: Option<u64>,
    bytes: AtomicU64,
    io: Arc<dyn SessionIo>,
}

impl Usage {
    /// Accounts for `bytes` more.
    fn grow(&self, bytes: u64) -> io::Result<()> {
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match self.limit_kb {
            Some(limit) if total > limit.saturating_mul(1024) => {
                self.shrink(bytes);
                let message = format!("temporary file size exceeds temp_file_limit ({limit}kB)");
                let error = PgError::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, message);
                Err(io::Error::other(error))
            }
            _ => {
                self.io.spilled(bytes);
                Ok(())
            }
        }
    }

    fn shrink(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Makes the files of a session.
struct Factory {
    directories: Vec<PathBuf>,
    usage: Arc<Usage>,
    /// Made with the first file.
    manager: Mutex<Option<Manager>>,
}

/// DataFusion's manager of files in a session's directories, and these.
type Manager = (Arc<DiskManager>, Arc<Vec<TempDir>>);

impl Factory {
    fn manager(&self) -> Result<Manager> {
        let mut manager = self.manager.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = manager.as_ref() {
            return Ok(made.clone());
        }
        let mut own = Vec::with_capacity(self.directories.len());
        for directory in &self.directories {
            // Not its parents: they are a tablespace's, which may have been dropped.
            match fs::create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(DataFusionError::IoError(error));
                }
                _ => {}
            }
            let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(directory)?;
            own.push(directory);
        }
        let places = own.iter().map(|directory| directory.path().to_owned()).collect();
        let made = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(places))
            .with_max_temp_directory_size(u64::MAX)
            .build()?;
        Ok(manager.insert((Arc::new(made), Arc::new(own))).clone())
    }
}

impl TempFileFactory for Factory {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        let (manager, directories) = self.manager()?;
        let file = manager.create_tmp_file(description)?;
        self.usage.io.spill_file_made();
        let usage = Arc::clone(&self.usage);
        Ok(Arc::new(Counted { file, usage, _directories: directories }))
    }
}

/// A file whose bytes count.
struct Counted {
    file: Arc<dyn SpillFile>,
    usage: Arc<Usage>,
    /// Gone with the last file, at the earliest.
    _directories: Arc<Vec<TempDir>>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.usage.shrink(self.file.size().unwrap_or_default());
    }
}

impl SpillFile for Counted {
    fn path(&self) -> Option<&Path> {
        self.file.path()
    }

    fn size(&self) -> Option<u64> {
        self.file.size()
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<bytes::Bytes>> + Send>>> {
        self.file.read_stream()
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        let writer = self.file.open_writer()?;
        Ok(Box::new(CountingWriter { writer, usage: Arc::clone(&self.usage) }))
    }
}

/// Counts before it writes.
struct CountingWriter {
    writer: Box<dyn SpillWriter>,
    usage: Arc<Usage>,
}

impl Write for CountingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.usage.grow(bytes.len() as u64)?;
        let written = self.writer.write(bytes);
        let missing = bytes.len() - written.as_ref().map_or(0, |written| *written);
        self.usage.shrink(missing as u64);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl SpillWriter for CountingWriter {
    fn finish(&mut self) -> Result<()> {
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::to_pg;
    use arrow::array::RecordBatch;
    use futures::future::BoxFuture;
    use futures::stream::{self, BoxStream};
    use futures::{FutureExt, StreamExt};

    #[derive(Debug)]
    struct Host {
        place: SpillPlace,
        files: AtomicU64,
        bytes: AtomicU64,
    }

    impl SessionIo for Host {
        fn open_leaf(&self, _leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
            stream::empty().boxed()
        }

        fn write(&self, _batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
            async { Ok(()) }.boxed()
        }

        fn spill_place(&self) -> SpillPlace {
            self.place.clone()
        }

        fn spill_file_made(&self) {
            self.files.fetch_add(1, Ordering::Relaxed);
        }

        fn spilled(&self, bytes: u64) {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// A host with the first of two places below a new directory, and the directory.
    fn host(limit_kb: Option<u64>) -> (Arc<Host>, TempDir) {
        let root = tempfile::tempdir().unwrap();
        let place = SpillPlace { directories: vec![root.path().join("first")], limit_kb };
        let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        (Arc::new(Host { place, files, bytes }), root)
    }

    fn count(directory: &Path) -> usize {
        fs::read_dir(directory).map_or(0, |entries| entries.count())
    }

    #[test]
    fn files_are_counted_and_go() {
        let (host, root) = host(None);
        let io = Arc::clone(&host) as Arc<dyn SessionIo>;
        let manager = Arc::new(disk_manager(&root.path().join("second"), io).build().unwrap());
        assert_eq!(count(root.path()), 0, "nothing is made before it is needed");
        let file = manager.create_tmp_file("a test").unwrap();
        let mut writer = file.open_writer().unwrap();
        writer.write_all(&[7; 5000]).unwrap();
        writer.finish().unwrap();
        assert!(file.path().unwrap().starts_with(root.path().join("first")));
        assert_eq!(file.size(), Some(5000));
        let counted = |count: &AtomicU64| count.load(Ordering::Relaxed);
        assert_eq!((counted(&host.files), counted(&host.bytes)), (1, 5000));
        drop(manager);
        assert!(file.path().unwrap().exists(), "a file lives as long as somebody has it");
        drop((writer, file));
        assert_eq!(count(&root.path().join("first")), 0);
        assert!(!root.path().join("second").exists());
    }

    #[test]
    fn what_is_gone_does_not_count_against_the_limit() {
        let (host, root) = host(Some(10));
        let manager = Arc::new(disk_manager(root.path(), host).build().unwrap());
        for _ in 0..3 {
            let file = manager.create_tmp_file("a test").unwrap();
            let mut writer = file.open_writer().unwrap();
            writer.write_all(&[7; 10 * 1024]).unwrap();
            let error = to_pg(&DataFusionError::IoError(writer.write(&[7]).unwrap_err()));
            assert_eq!(error.sqlstate, SqlState::CONFIGURATION_LIMIT_EXCEEDED);
            assert_eq!(error.message, "temporary file size exceeds temp_file_limit (10kB)");
        }
    }

    #[test]
    fn leftovers_are_told_by_their_name() {
        let root = tempfile::tempdir().unwrap();
        let (stale, other) = (root.path().join(format!("{PREFIX}x")), root.path().join("other"));
        fs::create_dir_all(stale.join("datafusion-y")).unwrap();
        fs::create_dir(&other).unwrap();
        remove_leftovers(root.path()).unwrap();
        assert!(!stale.exists() && other.exists());
        remove_leftovers(&root.path().join("nowhere")).unwrap();
    }
}
