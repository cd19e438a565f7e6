//! Leaves that several processes feed: PostgreSQL's parallel workers and the leader.
//!
//! ```text
//! team           in the leader: the leaves below a Gather, and who feeds them
//!   gather       starts the workers through the state of PostgreSQL's Gather
//! feeds, state   the node that a worker runs
//! shared_state   what all of them share
//! ```

mod feeds;
mod gather;
mod shared_state;
mod state;
mod team;

pub use feeds::scan_methods;
pub use shared_state::Participants;
pub use team::Team;
