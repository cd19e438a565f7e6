//! Dates, times, timestamps and intervals as `date.c` and `timestamp.c` compute them.

mod interval;

pub use interval::{Interval, interval_key};
