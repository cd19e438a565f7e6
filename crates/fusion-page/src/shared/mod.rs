//! What processes share: the region, and the words in it.
//!
//! A process may die at any instruction, and nothing in here is ever half-changed: a
//! change is one step of one word, or is made by a step that comes last.
//!
//! From the bottom to the top: names and single words ([`identity`], [`state`],
//! [`owner`]), what is built of words ([`ring`], [`outcome`], [`doorbell`],
//! [`waiters`], [`latch_table`]), the records that lie in the region ([`slot`],
//! [`control`]), the [`region`] itself with its [`jumbo`] files, and what is done in
//! it: [`slot_claims`] and [`pool`].

pub(crate) mod control;
pub(crate) mod doorbell;
pub(crate) mod futex;
pub(crate) mod identity;
pub(crate) mod jumbo;
pub(crate) mod latch_table;
pub(crate) mod many;
pub(crate) mod outcome;
pub(crate) mod owner;
pub(crate) mod pool;
pub(crate) mod region;
pub(crate) mod ring;
pub(crate) mod slot;
pub(crate) mod slot_claims;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod waiters;
