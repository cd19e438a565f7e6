//! What a page is, as far as the protocol must know: not what its columns hold.

#[path = "../../src/format/layout.rs"]
pub(crate) mod layout;
#[path = "../../src/format/memory.rs"]
pub(crate) mod memory;
#[path = "../../src/format/view.rs"]
pub(crate) mod view;
