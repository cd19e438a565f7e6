//! What can go wrong with a page: everything here is returned, never panicked.

use std::io;

/// Why a page could not be sent, received or read.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A page or message holds something that no writer of this crate writes.
    #[error("corrupt page: {0}")]
    Corrupt(&'static str),
    /// The columns of a batch or page are not those of the schema.
    #[error("column {column} has type {found}, expected {expected}")]
    TypeMismatch {
        /// Number of the column, from 0.
        column: usize,
        /// The type that the schema asks for.
        expected: String,
        /// The type that was found.
        found: String,
    },
    /// A batch or page has another number of columns than the schema.
    #[error("page has {found} columns, expected {expected}")]
    ColumnCount {
        /// The number that the schema asks for.
        expected: usize,
        /// The number that was found.
        found: usize,
    },
    /// A single value is longer than [`MAX_VALUE_LEN`](crate::MAX_VALUE_LEN)
    /// bytes, which PostgreSQL itself cannot store.
    #[error("a value of {0} bytes is too long for a page")]
    ValueTooLong(usize),
    /// The session is closed, so nothing can be sent or received in it.
    #[error("the session is closed")]
    Closed,
    /// A queue is full although its window had room: the peer broke the
    /// protocol.
    #[error("a page queue is full")]
    QueueFull,
    /// A jumbo buffer could not be created, grown, mapped or opened.
    #[error("jumbo buffer: {0}")]
    Jumbo(#[from] io::Error),
}
