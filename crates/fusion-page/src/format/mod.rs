//! What a page is: where its columns lie, and how they are written and read.
//!
//! A page is plain memory of one owner at a time. Nothing in this folder knows
//! where the memory comes from, who else waits for it, or how it travels.

pub(crate) mod batch;
pub(crate) mod columns;
pub(crate) mod import;
pub(crate) mod layout;
pub(crate) mod memory;
pub(crate) mod reader;
pub(crate) mod view;
pub(crate) mod writer;
