//! What depends on the order of rows, and where rows may come in another order than
//! PostgreSQL's.
//!
//! ```text
//! row_order       may these rows come in this order, to this place?
//!   level         what is done with the rows of a query level
//!     follows     which values follow the order: calls, dependence (columns that are
//!                 shown without being grouped by), alike (equal values that look different)
//!   native        PostgreSQL's own plan, and where it shuffles its rows
//!     scans       whether one of its scans is one of ours
//!   facts         what the query tree says
//! known           all that, as plain data
//! read_ahead      errors in rows that nobody asked for
//! ```

mod alike;
mod calls;
pub mod dependence;
mod facts;
mod follows;
pub mod known;
mod level;
mod native;
pub mod read_ahead;
pub mod row_order;
mod scans;
