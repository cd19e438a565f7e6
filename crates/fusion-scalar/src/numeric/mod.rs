//! `numeric` with every digit that PostgreSQL would give.
