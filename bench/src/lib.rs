//! TPC-H for pg_fusion: generates and loads the data, runs the 22 queries with
//! and without pg_fusion, compares their results to the byte and reports times.
//!
//! The binary `fusion-bench` is what `make bench`, `make demo` and `make psql`
//! call; the live-server tests use the same loader and the same queries.

pub mod calibrate;
pub mod chart;
pub mod compare;
pub mod connect;
pub mod demo;
pub mod feed;
pub mod load;
pub mod measure;
pub mod process;
pub mod progress;
pub mod queries;
pub mod report;
pub mod schema;
pub mod stats;
