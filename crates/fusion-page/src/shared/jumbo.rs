//! Jumbo buffers: pages of any size, for rows that are larger than a page.
//!
//! A jumbo buffer is a file that the sender creates, maps and fills, and the
//! receiver maps and removes at once. Its blocks are allocated when it is
//! created, so a full disk is an error then, and never a signal later. A file
//! whose sender or receiver died is removed with its session.

use crate::limits::MAX_JUMBOS;
use crate::shared::control::Control;
use crate::shared::identity::SessionKey;
use crate::shared::slot::Slot;
use memmap2::{MmapOptions, MmapRaw};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

const PREFIX: &str = "pg_fusion.";
const SUFFIX: &str = ".jumbo";

/// A mapped jumbo buffer.
#[derive(Debug)]
pub(crate) struct Jumbo {
    pub(crate) map: MmapRaw,
    pub(crate) sequence: u32,
}

/// The directory of all jumbo buffers of a region.
#[derive(Debug)]
pub(crate) struct JumboDir(PathBuf);

impl JumboDir {
    /// Makes sure that the directory exists, and that none but this user sees into it
    /// if it was not there.
    pub(crate) fn create(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Creates a buffer of `len` bytes, zeroed, for a session, which has `slot`.
    pub(crate) fn create_jumbo(
        &self,
        key: SessionKey,
        slot: &Slot,
        control: &Control,
        len: usize,
    ) -> io::Result<Jumbo> {
        // Counted first, so that a session with files has a count.
        let sequence = slot.jumbos.fetch_add(1, SeqCst);
        if sequence >= MAX_JUMBOS {
            return Err(io::Error::other("too many jumbo buffers in one session"));
        }
        control.jumbos.fetch_add(1, Relaxed);
        let path = self.path(key, sequence);
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let map = allocate(&file, len).and_then(|()| MmapOptions::new().len(len).map_raw(&file));
        match map {
            Ok(map) => Ok(Jumbo { map, sequence }),
            Err(error) => {
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Maps a buffer that the other side has sent, and removes its file.
    pub(crate) fn receive(&self, key: SessionKey, sequence: u32) -> io::Result<Jumbo> {
        let path = self.path(key, sequence);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        // If it cannot be removed now, it will be with the session.
        let _ = fs::remove_file(path);
        Ok(Jumbo { map: MmapOptions::new().map_raw(&file)?, sequence })
    }

    /// Removes a buffer's file that was not sent.
    pub(crate) fn remove(&self, key: SessionKey, sequence: u32) {
        let _ = fs::remove_file(self.path(key, sequence));
    }

    /// Removes the files of one session, or of all; what cannot be removed is
    /// left for the next time.
    pub(crate) fn remove_all(&self, key: Option<SessionKey>) {
        let prefix = key.map_or_else(|| PREFIX.to_owned(), session_prefix);
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let ours = name.to_str().is_some_and(|n| n.starts_with(&prefix) && n.ends_with(SUFFIX));
            if ours {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, key: SessionKey, sequence: u32) -> PathBuf {
        self.0.join(format!("{}{sequence}{SUFFIX}", session_prefix(key)))
    }
}

/// The beginning of the names of a session's files.
fn session_prefix(key: SessionKey) -> String {
    format!("{PREFIX}{}.{}.", key.slot, key.generation)
}

/// Allocates the file's blocks.
fn allocate(file: &File, len: usize) -> io::Result<()> {
    let len = libc::off_t::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
    loop {
        // SAFETY: takes a descriptor, which is open, and numbers.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len) } {
            0 => return Ok(()),
            libc::EINTR => continue,
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}
