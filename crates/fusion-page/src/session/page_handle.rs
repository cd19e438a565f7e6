//! Page handles: a page or jumbo buffer in the hand of one side of a session.

use crate::error::PageError;
use crate::format::view;
use crate::limits::{MAX_JUMBOS, MAX_PAGES};
use crate::shared::identity::SessionKey;
use crate::shared::jumbo::Jumbo;
use crate::shared::owner::Side;
use crate::shared::region::Region;
use crate::shared::ring::Ring;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// The bit of a message that is about a jumbo buffer.
const JUMBO: u32 = 1 << 30;

const _: () = assert!(MAX_PAGES <= JUMBO as usize && MAX_JUMBOS <= JUMBO);

#[derive(Debug)]
enum Medium {
    Page(u32),
    Jumbo(Jumbo),
}

/// Exclusive use of a page or jumbo buffer, until dropped or sent.
///
/// It does not keep its session open: its wrappers do.
#[derive(Debug)]
pub(crate) struct PageHandle {
    region: Region,
    key: SessionKey,
    side: Side,
    medium: Medium,
    /// A jumbo buffer whose file still has its name.
    named: bool,
}

// SAFETY: a page handle owns its page or mapping exclusively, by the pool's word or
// the file's name.
unsafe impl Send for PageHandle {}
// SAFETY: through a shared reference the memory is only read.
unsafe impl Sync for PageHandle {}

impl PageHandle {
    /// Claims a page, if one is free.
    pub(crate) fn claim(region: &Region, key: SessionKey, side: Side) -> Option<Self> {
        let page = region.claim_page(key, side)?;
        let medium = Medium::Page(page);
        Some(Self { region: region.clone(), key, side, medium, named: false })
    }

    /// Creates a jumbo buffer.
    pub(crate) fn jumbo(
        region: &Region,
        key: SessionKey,
        side: Side,
        len: usize,
    ) -> Result<Self, PageError> {
        let medium = Medium::Jumbo(region.jumbo_dir().create_jumbo(
            key,
            region.slot(key.slot),
            region.control(),
            len,
        )?);
        Ok(Self { region: region.clone(), key, side, medium, named: true })
    }

    /// A blob in a page, or in a jumbo buffer if no page is free or large enough.
    pub(crate) fn blob(
        region: &Region,
        key: SessionKey,
        side: Side,
        blob: &[u8],
    ) -> Result<Self, PageError> {
        let size = view::blob_size(blob);
        let page = if size <= region.page_size() { Self::claim(region, key, side) } else { None };
        let handle = match page {
            Some(handle) => handle,
            None => Self::jumbo(region, key, side, size)?,
        };
        // SAFETY: `handle` was just acquired, is exclusive, and large enough.
        unsafe { view::write_blob(handle.memory(), blob) };
        Ok(handle)
    }

    /// Takes over what a message announces.
    pub(crate) fn receive(
        region: &Region,
        key: SessionKey,
        side: Side,
        message: u32,
    ) -> Result<Self, PageError> {
        let medium = if message & JUMBO != 0 {
            Medium::Jumbo(region.jumbo_dir().receive(key, message & !JUMBO)?)
        } else if region.owns_page(message, key, side) {
            Medium::Page(message)
        } else {
            return Err(PageError::Corrupt("message about a page of others"));
        };
        Ok(Self { region: region.clone(), key, side, medium, named: false })
    }

    /// Makes the other side the owner and returns the message that says so. If
    /// it gets lost, the other side's pages are reclaimed with the session.
    pub(crate) fn hand_over(self) -> Result<u32, PageError> {
        let message = match &self.medium {
            Medium::Page(page) => {
                if !self.region.hand_over_page(*page, self.key, self.side) {
                    return Err(PageError::Closed);
                }
                *page
            }
            Medium::Jumbo(jumbo) => jumbo.sequence | JUMBO,
        };
        // What is sent must be neither released nor removed here; but the
        // mapping and the region are given up.
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so each field is dropped once, here.
        unsafe {
            std::ptr::drop_in_place(&raw mut this.region);
            std::ptr::drop_in_place(&raw mut this.medium);
        }
        Ok(message)
    }

    /// Sends this through `ring`.
    pub(crate) fn send<const N: usize>(self, ring: &Ring<N>) -> Result<(), PageError> {
        let message = self.hand_over()?;
        if ring.push(message) { Ok(()) } else { Err(PageError::QueueFull) }
    }

    /// The bytes.
    pub(crate) fn memory(&self) -> NonNull<[u8]> {
        match &self.medium {
            Medium::Page(page) => self.region.page_memory(*page),
            Medium::Jumbo(jumbo) => {
                let start = NonNull::new(jumbo.map.as_mut_ptr()).unwrap_or(NonNull::dangling());
                NonNull::slice_from_raw_parts(start, jumbo.map.len())
            }
        }
    }
}

impl Drop for PageHandle {
    fn drop(&mut self) {
        match &self.medium {
            Medium::Page(page) => self.region.release_page(*page, self.key, self.side),
            Medium::Jumbo(jumbo) if self.named => {
                self.region.jumbo_dir().remove(self.key, jumbo.sequence);
            }
            Medium::Jumbo(_) => {}
        }
    }
}
