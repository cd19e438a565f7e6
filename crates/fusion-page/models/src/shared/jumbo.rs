//! There are no files in a model.

use crate::shared::control::Control;
use crate::shared::identity::SessionKey;
use crate::shared::slot::Slot;
use std::io;

#[derive(Debug)]
pub(crate) struct Jumbo {
    pub(crate) map: Map,
    pub(crate) sequence: u32,
}

#[derive(Debug)]
pub(crate) enum Map {}

impl Map {
    pub(crate) fn as_mut_ptr(&self) -> *mut u8 {
        match *self {}
    }

    pub(crate) fn len(&self) -> usize {
        match *self {}
    }
}

#[derive(Debug)]
pub(crate) struct JumboDir;

impl JumboDir {
    pub(crate) fn create_jumbo(
        &self,
        _key: SessionKey,
        _slot: &Slot,
        _control: &Control,
        _len: usize,
    ) -> io::Result<Jumbo> {
        Err(io::Error::other("no jumbo buffers"))
    }

    pub(crate) fn receive(&self, _key: SessionKey, _sequence: u32) -> io::Result<Jumbo> {
        Err(io::Error::other("no jumbo buffers"))
    }

    pub(crate) fn remove(&self, _key: SessionKey, _sequence: u32) {}

    pub(crate) fn remove_all(&self, _key: Option<SessionKey>) {}
}
