//! Dates, times, timestamps and intervals as `date.c` and `timestamp.c` compute them.
//!
//! Values are those of [`fusion_plan::DataType`]: a `date` is days and a
//! `timestamp` is microseconds since 2000-01-01, their infinities are the
//! smallest and the largest integer, a `time` is microseconds since midnight.
//! Only what depends on nothing but its arguments is here, no time zones.
//!
//! | module | what it is |
//! |---|---|
//! | [`calendar`] | days and the Gregorian calendar |
//! | [`limits`] | infinities, ranges, their errors |
//! | [`fields`] | a timestamp's calendar and clock fields |
//! | [`date`], [`time`], [`timestamp`] | arithmetic and casts of these types |
//! | [`interval`], [`interval_math`] | the interval, its order; arithmetic |
//! | [`precision`] | `timestamp(p)`, `time(p)` and `interval` with fields |
//! | [`mod@unit`] | names of units |
//! | [`extract`], [`date_part`] | one field as `numeric` or `float8` |
//! | [`truncate`] | `date_trunc` and `date_bin` |
//! | [`make`] | values from their fields |
//! | [`interval_sum`] | `sum` and `avg` of intervals |

mod c_format;
pub mod calendar;
pub mod date;
pub mod date_part;
pub mod extract;
pub mod fields;
pub mod interval;
pub mod interval_math;
pub mod interval_sum;
pub mod limits;
pub mod make;
pub mod precision;
pub mod time;
pub mod timestamp;
pub mod truncate;
pub mod unit;

pub use interval::{Interval, interval_key};
