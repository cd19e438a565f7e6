//! The server's processes, as the operating system sees them. Whatever cannot be
//! read, on another machine or of another user's processes, is unknown.

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::connect::Session;

/// A process of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// What `ps` would show.
    pub title: String,
}

/// The children of a postmaster.
pub fn children(postmaster: u32) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| parent(pid) == Some(postmaster))
        .filter_map(|pid| Some(Process { pid, title: title(pid)? }))
        .collect()
}

/// Those among the children of a postmaster that are fusion workers.
pub fn fusion_workers(postmaster: u32) -> Vec<Process> {
    let mut processes = children(postmaster);
    processes.retain(|process| process.title.contains("pg_fusion worker"));
    processes
}

/// The fusion worker of the server behind `session`, if that is on this machine.
/// (It has no database, so `pg_stat_activity` does not list it.)
pub fn fusion_worker_of(session: &mut Session) -> Option<u32> {
    let backend = session.fetch("", "SELECT pg_backend_pid()").ok()?;
    let postmaster = parent(backend.lines().parse().ok()?)?;
    Some(fusion_workers(postmaster).first()?.pid)
}

/// The memory of a process that is not shared with others, in MB.
pub fn private_memory_mb(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// The fields of `/proc/PID/stat` from the third on: the second is a name in
/// parentheses, which may contain anything.
pub fn stat(pid: u32) -> Option<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = line.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

fn title(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    Some(text.trim_end().to_owned())
}

/// Looks at a process's private memory every other millisecond, from its making to
/// [`PeakMemory::end`].
pub struct PeakMemory {
    stop: Sender<()>,
    watcher: JoinHandle<Option<f64>>,
}

impl PeakMemory {
    /// Begins to look.
    pub fn watch(pid: u32) -> Self {
        let (stop, stopped) = mpsc::channel();
        let watcher = thread::spawn(move || {
            let mut peak = private_memory_mb(pid)?;
            while stopped.recv_timeout(Duration::from_millis(2)) == Err(RecvTimeoutError::Timeout) {
                peak = private_memory_mb(pid)?.max(peak);
            }
            Some(peak)
        });
        Self { stop, watcher }
    }

    /// The most that was seen, in MB; unknown if the process has ended.
    pub fn end(self) -> Option<f64> {
        drop(self.stop);
        self.watcher.join().ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_this_process_is_seen() {
        let pid = std::process::id();
        let watch = PeakMemory::watch(pid);
        let before = private_memory_mb(pid).unwrap();
        let memory = std::hint::black_box(vec![1_u8; 64 << 20]);
        thread::sleep(Duration::from_millis(50));
        drop(memory);
        assert!(watch.end().unwrap() > before + 60.0);
    }

    #[test]
    fn what_does_not_exist_is_unknown() {
        assert_eq!(PeakMemory::watch(u32::MAX).end(), None);
        assert!(fusion_workers(u32::MAX).is_empty());
    }
}
