//! The memory of one operator, or of one of its partitions: a guarantee, and what it has
//! taken of the shared memory besides.
//!
//! Its consumers cannot take memory from each other that one of them needs to finish:
//!
//! ```text
//!   a sort    takes in rows      what it holds counts double: that much is set aside for
//!             │      ▲           sorting and merging it
//!             ▼      │
//!             writes them        all that was set aside may be used; sorted rows that
//!             │                  wait to be written leave a quarter for merging
//!             ▼
//!             merges             the same
//! ```
//!
//! Merging takes as much as it gets, to read many files at a time, and is content with
//! little. Where a grouping merges, half of its guarantee is left for the groups.

use super::budget::Asker;
use super::session::Session;
use datafusion_common::Result;
use datafusion_execution::TaskContext;
use datafusion_execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an operator needs memory for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Rows that are sorted.
    Sort,
    /// Groups.
    Group,
    /// Tables of joins.
    Join,
    /// Batches of sorted streams.
    Merge,
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It takes in rows.
    Holding,
    /// It was refused more, and writes what it has.
    Writing,
    /// It has all rows.
    Merging,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    /// Of consumers that can go to disk.
    held: usize,
    /// Of those that cannot.
    other: usize,
    /// What was taken of the shared memory.
    taken: usize,
    /// Whether it has ever written what it had.
    written: bool,
}

/// An operator's memory.
#[derive(Clone, Debug)]
pub(crate) struct Account(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    session: Arc<Session>,
    purpose: Use,
    guarantee: usize,
    state: Mutex<State>,
}

impl Account {
    pub(super) fn new(session: &Arc<Session>, purpose: Use, guarantee: usize) -> Self {
        let state = State { phase: Phase::Holding, held: 0, other: 0, taken: 0, written: false };
        let session = Arc::clone(session);
        Self(Arc::new(Inner { session, purpose, guarantee, state: Mutex::new(state) }))
    }

    /// The operator has dealt with the rows it had, and asks for more: what it does not
    /// need any more of the shared memory goes back.
    pub(crate) fn next(&self) {
        let mut state = self.0.state();
        state.phase = Phase::Holding;
        self.0.give_back_surplus(&mut state);
    }

    /// The operator has all rows.
    pub(crate) fn complete(&self) {
        self.0.state().phase = Phase::Merging;
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back_surplus(&self, state: &mut State) {
        let taken = self.needed(state).saturating_sub(self.guarantee);
        if taken < state.taken {
            self.session.budget.give_back(state.taken - taken);
            state.taken = taken;
        }
    }

    /// Whether what was set aside does for `state`.
    fn has(&self, state: &State) -> bool {
        self.needed(state) <= self.guarantee.saturating_add(state.taken)
    }

    /// What has to be set aside for what the consumers hold.
    fn needed(&self, state: &State) -> usize {
        let twice = self.purpose == Use::Sort && state.phase == Phase::Holding;
        let held = if twice { state.held.saturating_mul(2) } else { state.held };
        held.saturating_add(state.other)
    }

    /// As who the operator asks for more than it has, for a consumer that can go to disk
    /// or not.
    fn asker(&self, state: &State, spills: bool) -> Asker {
        match self.purpose {
            Use::Join => Asker::Joins,
            Use::Merge => Asker::Cannot,
            // What merges in memory cannot do with less; what merges files can.
            Use::Sort if !spills && (state.phase != Phase::Merging || !state.written) => {
                Asker::Cannot
            }
            Use::Sort | Use::Group => Asker::Spills,
        }
    }

    /// What must be left for others of the operator's consumers, when one of them, which
    /// can go to disk or not, is to hold `size` bytes.
    fn left_for_others(&self, state: &State, size: usize, spills: bool) -> usize {
        let half = self.guarantee / 2;
        match (self.purpose, state.phase) {
            (Use::Sort, Phase::Writing | Phase::Merging) if spills => {
                self.guarantee.saturating_add(state.taken) / 4
            }
            (Use::Group, Phase::Merging) if size > half => half,
            _ => 0,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let taken = self.state().taken;
        if taken > 0 {
            self.session.budget.give_back(taken);
        }
    }
}

/// The account of the operator that `context` is for.
pub(crate) fn account_of(context: &TaskContext) -> Option<Account> {
    context.memory_pool().downcast_ref::<OperatorPool>().map(|pool| pool.0.clone())
}

/// Gives an operator's consumers what its account has.
#[derive(Debug)]
pub(super) struct OperatorPool(Account);

impl OperatorPool {
    pub(super) fn new(account: Account) -> Self {
        Self(account)
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0.0.session
    }
}

impl MemoryPool for OperatorPool {
    fn name(&self) -> &str {
        "operator"
    }

    fn register(&self, _consumer: &MemoryConsumer) {}

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let account = &self.0.0;
        let mut state = account.state();
        match reservation.consumer().can_spill() {
            true => state.held += additional,
            false => state.other += additional,
        }
        let beyond = account.needed(&state).saturating_sub(account.guarantee + state.taken);
        account.session.budget.share(beyond);
        state.taken += beyond;
        account.session.record(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let account = &self.0.0;
        let mut state = account.state();
        match reservation.consumer().can_spill() {
            true => state.held = state.held.saturating_sub(shrink),
            false => state.other = state.other.saturating_sub(shrink),
        }
        // Sorts and groupings take what they have given back again, until they ask for rows.
        if matches!(account.purpose, Use::Join | Use::Merge) {
            account.give_back_surplus(&mut state);
        }
        account.session.unrecord(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let account = &self.0.0;
        let spills = reservation.consumer().can_spill();
        let mut state = account.state();
        let (held, other) = if spills { (additional, 0) } else { (0, additional) };
        let after = State {
            held: state.held.saturating_add(held),
            other: state.other.saturating_add(other),
            ..*state
        };
        let size = reservation.size().saturating_add(additional);
        let needed = account.needed(&after);
        let wanted = needed.saturating_add(account.left_for_others(&after, size, spills));
        let beyond = wanted.saturating_sub(account.guarantee.saturating_add(state.taken));
        if beyond > 0 {
            let asker = account.asker(&state, spills);
            let name = || reservation.consumer().name().to_owned();
            if let Err(error) = account.session.budget.try_share(asker, beyond, name) {
                if spills && state.phase == Phase::Holding {
                    state.phase = Phase::Writing;
                    state.written = true;
                    // The only rows that it holds are sorted by themselves.
                    let alone = State { phase: Phase::Writing, ..after };
                    if account.purpose == Use::Sort && state.held == 0 && account.has(&alone) {
                        *state = State { written: true, ..alone };
                        account.session.record(additional);
                        return Ok(());
                    }
                }
                return Err(error);
            }
        }
        *state = State { taken: state.taken + beyond, ..after };
        account.session.record(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        let state = self.0.0.state();
        state.held + state.other
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.0.0.session.budget.limit())
    }
}

impl fmt::Display for OperatorPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator(used: {}, guarantee: {})", self.reserved(), self.0.0.guarantee)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Budget, SessionPool};
    use super::*;
    use datafusion_execution::runtime_env::RuntimeEnv;

    const LIMIT: usize = 16_000;

    /// A session with a guarantee of 1000 per operator, and one that has all the rest.
    fn session() -> (Arc<TaskContext>, SessionPool, MemoryReservation) {
        let budget = Arc::new(Budget::new(LIMIT));
        let session = SessionPool::new(Arc::clone(&budget));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(session.admit(1000, 2));
        let other: Arc<dyn MemoryPool> = Arc::new(SessionPool::new(budget));
        let hog = MemoryConsumer::new("hog").register(&other);
        let memory_pool = Arc::new(session.clone());
        let runtime = RuntimeEnv { memory_pool, ..RuntimeEnv::default() };
        (Arc::new(TaskContext::default().with_runtime(Arc::new(runtime))), session, hog)
    }

    fn consumers(context: &TaskContext) -> (MemoryReservation, MemoryReservation) {
        let rows = MemoryConsumer::new("rows").with_can_spill(true);
        let merge = MemoryConsumer::new("merge");
        (rows.register(context.memory_pool()), merge.register(context.memory_pool()))
    }

    #[test]
    fn a_sort_pays_for_merging_what_it_holds() {
        let (context, session, hog) = session();
        let context = session.operator_context(&context, Use::Sort, 1);
        let account = account_of(&context).unwrap();
        let (rows, merge) = consumers(&context);
        rows.try_grow(2000).unwrap();
        // Others take all that is left, also when the sort gives something back.
        while hog.try_grow(100).is_ok() {}
        assert!(rows.try_grow(1).is_err());
        for _ in 0..2 {
            rows.shrink(1500);
            assert!(hog.try_grow(100).is_err());
            merge.try_grow(3400).unwrap();
            assert!(merge.try_grow(200).is_err());
            merge.free();
            rows.try_grow(1500).unwrap();
        }
        // It is done with these, and others get what it does not need.
        rows.free();
        account.next();
        hog.try_grow(2900).unwrap();
        rows.try_grow(500).unwrap();
        assert!(rows.try_grow(1).is_err());
        // A large batch alone needs no merging.
        rows.free();
        account.next();
        assert!(rows.try_grow(1001).is_err());
        account.next();
        rows.try_grow(1000).unwrap();
        assert!(rows.try_grow(1).is_err());
    }

    #[test]
    fn waiting_rows_leave_room_for_merging() {
        let (context, session, hog) = session();
        let context = session.operator_context(&context, Use::Sort, 1);
        let account = account_of(&context).unwrap();
        let (rows, merge) = consumers(&context);
        while hog.try_grow(100).is_ok() {}
        account.complete();
        assert!(rows.try_grow(751).is_err());
        rows.try_grow(750).unwrap();
        merge.try_grow(250).unwrap();
        assert!(merge.try_grow(1).is_err());
    }

    #[test]
    fn merged_groups_have_half() {
        let (context, session, hog) = session();
        let context = session.operator_context(&context, Use::Group, 1);
        let account = account_of(&context).unwrap();
        let (merge, _) = consumers(&context);
        let groups = merge.new_empty();
        while hog.try_grow(100).is_ok() {}
        merge.try_grow(1000).unwrap();
        merge.free();
        account.complete();
        merge.try_grow(400).unwrap();
        assert!(merge.try_grow(101).is_err());
        groups.try_grow(500).unwrap();
    }

    #[test]
    fn a_join_gives_back_at_once() {
        let (context, session, hog) = session();
        let context = session.operator_context(&context, Use::Join, 2);
        let (table, _) = consumers(&context);
        table.try_grow(10_000).unwrap();
        assert!(hog.try_grow(10_000).is_err());
        table.shrink(9000);
        hog.try_grow(10_000).unwrap();
        while hog.try_grow(100).is_ok() {}
        table.try_grow(1000).unwrap();
        assert!(table.try_grow(1).is_err());
        table.grow(100);
        drop((table, context));
        assert_eq!(session.reserved(), 0);
    }
}
