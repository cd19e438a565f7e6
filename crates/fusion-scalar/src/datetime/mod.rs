//! Dates, times, timestamps and intervals as `date.c` and `timestamp.c` compute them.
