//! From one leaf to pages, in one process.
//!
//! ```text
//! node         the Feed node of the plan tree
//! producer     the feeds of a process, served in turn
//!   pages      one leaf's rows into one page after the other
//!     source         pulls rows from the leaf
//!       row_filter   drops rows before they are decoded any further
//!       row_buffer   keeps a few dozen, column by column, for the page
//! ```

mod node;
mod pages;
mod producer;
mod row_buffer;
mod row_filter;
mod source;

pub use node::scan_methods;
pub use pages::Produced;
pub use producer::Producer;
