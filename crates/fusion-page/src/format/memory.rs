//! Memory that holds a page: where a writer or reader finds its bytes.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Alignment of every page's first byte.
pub(crate) const PAGE_ALIGN: usize = 64;

/// An owner of page bytes.
///
/// # Safety
///
/// `memory` returns the same range for as long as the owner lives, wherever the
/// owner itself is moved. Its start is aligned to 64 bytes, all of it may be
/// read, and nobody writes to it, except through [`PageMemoryMut`] of the same
/// owner.
pub unsafe trait PageMemory {
    /// The bytes of the page.
    fn memory(&self) -> NonNull<[u8]>;
}

/// An owner of page bytes that may be written.
///
/// # Safety
///
/// As for [`PageMemory`]; in addition nobody else reads or writes the range
/// while the owner lives.
pub unsafe trait PageMemoryMut: PageMemory {}

/// A page in ordinary memory: for tests, and for engines that run without
/// shared memory.
#[derive(Debug)]
pub struct HeapPage {
    memory: NonNull<[u8]>,
}

// SAFETY: a HeapPage owns its memory exclusively, like a Box.
unsafe impl Send for HeapPage {}
// SAFETY: through a shared reference the memory is only read.
unsafe impl Sync for HeapPage {}

impl HeapPage {
    /// A zeroed page of `size` bytes, at least one.
    pub fn new(size: usize) -> Self {
        let layout = Self::layout(size.max(1));
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Self { memory: NonNull::slice_from_raw_parts(start, layout.size()) }
    }

    fn layout(size: usize) -> Layout {
        match Layout::from_size_align(size, PAGE_ALIGN) {
            Ok(layout) => layout,
            Err(_) => handle_alloc_error(Layout::new::<u8>()),
        }
    }
}

impl Drop for HeapPage {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this same layout.
        unsafe { dealloc(self.memory.as_ptr().cast(), Self::layout(self.memory.len())) }
    }
}

// SAFETY: the allocation is aligned, initialised, owned, and never moves.
unsafe impl PageMemory for HeapPage {
    fn memory(&self) -> NonNull<[u8]> {
        self.memory
    }
}

// SAFETY: the allocation belongs to this owner alone.
unsafe impl PageMemoryMut for HeapPage {}
