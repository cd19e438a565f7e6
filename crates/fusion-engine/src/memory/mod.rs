//! One memory limit for the process, and what each session is sure to get of it.
//!
//! DataFusion's pools say yes or no at once, and a no in the wrong moment is the end of
//! a query: a sort that gives memory back and asks for it again, or that merges what it
//! has written, cannot go on without. So every operator that can go to disk has a
//! *guarantee*: with that much it can take in a batch, write it, read what it has written
//! and merge it, whatever others do. What goes beyond, from what the sessions share, only
//! makes it faster.
//!
//! ```text
//!   limit ┌──────────────────────────────────────┬──────────┬──────────────────────┐
//!         │ shared: first come, first served     │ small    │ guarantees           │
//!         │ sorts, groups   joins   what cannot  │ shares   │ of running sessions, │
//!         │ up to 1/2       5/8     go to disk   │ 1/16     │ at least 1/8 is kept │
//!         └──────────────────────────────────────┴──────────┴──────────────────────┘
//! ```
//!
//! - The guarantee of a session is the sum of its operators' ([`guarantee`]). It is set
//!   aside before the session begins ([`Budget::admit`]); if there is not as much left,
//!   the session waits, first come, first served. A session without such operators does
//!   not wait.
//! - An operator's consumers share an [account](operator). While a sort holds rows, it
//!   pays in advance for merging them: for each byte that it holds, another is set aside.
//! - Small shares are for those that hold next to nothing, and can give away what they
//!   hold: the first stage of a grouping, rows on their way between threads.
//!
//! # Nobody waits forever
//!
//! A session waits at one point only, before it has begun: it holds no memory then, and
//! nobody waits for it. A running session never waits for memory. So each running session
//! comes to its end, or stands still because its client does not go on. One that stands
//! still for a second no longer counts among the running ones: its guarantee may be given
//! to others until it goes on, and then it has it again at once, without waiting, even if
//! that takes the sum above the limit for as long as both run: by no more than an eighth of
//! the limit for each session that stood still. When no running session is
//! left, the first in the queue is admitted, however much is in use. Therefore the first
//! in the queue is admitted after a finite time; so is, by induction, each one behind it.
//! While somebody waits, running sessions get no more of the shared memory for what can go
//! to disk: nobody is overtaken by the hunger of others.
//!
//! What a session that stands still holds beyond its guarantee, it keeps: a table of a
//! join may be read again. Others then have less to share, but always the guarantees.
//!
//! A wait ends when its future is dropped, and leaves nothing behind.

mod budget;
mod context;
mod operator;
mod prepaid;
mod session;
mod session_pool;
mod spill;

pub(crate) use budget::Budget;
pub(crate) use context::with_pool;
pub(crate) use operator::{Account, Use, account_of};
pub(crate) use prepaid::{PrepaidPool, limit_of};
pub(crate) use session_pool::SessionPool;
pub(crate) use spill::disk_manager;
pub use spill::remove_leftovers;

/// Batches for which an operator's guarantee has room: one that is taken in, for which
/// DataFusion reserves twice its size, with the memory to sort it; and two runs, of which
/// each is read by batches for which twice their size is reserved.
const BATCHES: usize = 8;
/// The least guarantee of an operator.
const LEAST: usize = 256 * 1024;
/// The largest.
const MOST: usize = 16 * 1024 * 1024;

/// The guarantee of each of a session's `operators` under `limit`, whose batches have some
/// `batch_bytes`: as much as they need, and together no more than is kept for guarantees.
pub(crate) fn guarantee(limit: usize, operators: usize, batch_bytes: usize) -> usize {
    let wanted = batch_bytes.saturating_mul(BATCHES).clamp(LEAST, MOST);
    wanted.min(limit / 8 / operators.max(1))
}

/// What a sort under a guarantee sets aside for merging from its first row on.
pub(crate) fn merge_reservation(guarantee: usize) -> usize {
    guarantee / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarantees_fit() {
        const MB: usize = 1024 * 1024;
        assert_eq!(guarantee(1024 * MB, 8, MB), 8 * MB);
        assert_eq!(guarantee(1024 * MB, 32, MB), 4 * MB);
        assert_eq!(guarantee(1024 * MB, 1, 100 * MB), MOST);
        assert_eq!(guarantee(64 * MB, 1, 0), LEAST);
        assert_eq!(guarantee(64 * MB, 2, MB / 4), 2 * MB);
        for operators in [1, 7, 1000, 1_000_000] {
            assert!(guarantee(MB, operators, MB) * operators <= MB / 8);
        }
    }
}
