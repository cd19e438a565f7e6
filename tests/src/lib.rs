//! What the live-server tests share: a throw-away server per test program, and
//! the comparison of a query's results with and without pg_fusion.
//!
//! The tests need an installed extension (`make install`) and nothing else: each
//! program starts its own server with `scripts/server`, and the server goes away
//! with the program, even if that is killed.

pub mod big;
pub mod plan;
pub mod portal;
pub mod process;
pub mod query;
pub mod scene;
pub mod server;
pub mod shops;
pub mod victim;
