//! Who talks: the two ends of a session, and the pages that pass between them.
//!
//! On the client's side a [`client`] opens the session (or is a [`waiter`]
//! first), and each of its processes has a [`feeder`]; on the other side a
//! [`worker`] [accepts](accept) sessions and has a [`worker_session`] for each.
//! What either side has in hand is a page handle ([`page_handle`]), and whoever sleeps
//! is woken as [`wake`] says.

pub(crate) mod accept;
pub(crate) mod client;
pub(crate) mod endpoint;
pub(crate) mod feeder;
pub(crate) mod futex_latch;
pub(crate) mod page_handle;
pub(crate) mod waiter;
pub(crate) mod wake;
pub(crate) mod worker;
pub(crate) mod worker_session;
