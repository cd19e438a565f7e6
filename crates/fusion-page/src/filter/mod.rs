//! Runtime filters: what the engine knows of the keys that a leaf's rows can match.
//!
//! When a hash join has read its build side, the keys of that side are a set; rows of
//! the other side whose key is not in it find no partner. The worker publishes the
//! set's bounds and a Bloom filter in a page, once, complete, and the feeds of the leaf
//! look at it before they encode a row. A filter is never changed after it was
//! published, and belongs to one leaf of one session. Its page is the session's, not
//! the worker's: a feed may still read it when the worker is done, or dead, so it is
//! given back when the session is settled.

pub(crate) mod bloom;
pub(crate) mod key_filter;
