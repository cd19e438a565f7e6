//! Processes that end: the fusion worker, backends, the postmaster; restarts.

mod backend;
mod restart;
mod worker;
