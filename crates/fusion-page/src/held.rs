//! A page or jumbo buffer that one side of a session holds.

use crate::error::PageError;
use crate::jumbo::Jumbo;
use crate::pool::Side;
use crate::region::Region;
use crate::ring::Ring;
use crate::slot::SessionKey;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Jumbo buffers that one session may create: their messages are told from
/// those of pages by the highest bit but one.
pub(crate) const MAX_JUMBOS: u32 = JUMBO;
/// Pages that a region may have, for the same reason.
pub(crate) const MAX_PAGES: usize = JUMBO as usize;
const JUMBO: u32 = 1 << 30;

#[derive(Debug)]
enum Medium {
    Page(u32),
    Jumbo(Jumbo),
}

/// Exclusive use of a page or jumbo buffer, until dropped or sent.
///
/// It does not keep its session open: its wrappers do.
#[derive(Debug)]
pub(crate) struct Held {
    region: Region,
    key: SessionKey,
    side: Side,
    medium: Medium,
    /// A jumbo buffer whose file still has its name.
    named: bool,
}

// SAFETY: a Held owns its page or mapping exclusively, by the pool's word or
// the file's name.
unsafe impl Send for Held {}
// SAFETY: through a shared reference the memory is only read.
unsafe impl Sync for Held {}

impl Held {
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
        let medium = Medium::Jumbo(region.create_jumbo(key, len)?);
        Ok(Self { region: region.clone(), key, side, medium, named: true })
    }

    /// Takes over what a message announces.
    pub(crate) fn receive(
        region: &Region,
        key: SessionKey,
        side: Side,
        message: u32,
    ) -> Result<Self, PageError> {
        let medium = if message & JUMBO != 0 {
            Medium::Jumbo(region.receive_jumbo(key, message & !JUMBO)?)
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

impl Drop for Held {
    fn drop(&mut self) {
        match &self.medium {
            Medium::Page(page) => self.region.release_page(*page, self.key, self.side),
            Medium::Jumbo(jumbo) if self.named => {
                self.region.remove_jumbo(self.key, jumbo.sequence);
            }
            Medium::Jumbo(_) => {}
        }
    }
}
