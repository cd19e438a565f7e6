//! How PostgreSQL stores the values of a column: what its fusion type alone does
//! not say.

use super::memory::allocate;
use crate::version;
use pgrx::pg_sys;

/// Length that means: a varlena.
const VARLENA: i16 = -1;

/// The storage of a PostgreSQL type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The type; for a domain, what it is over.
    pub type_id: pg_sys::Oid,
    /// Bytes of a value, or −1 for a varlena (`typlen`).
    pub length: i16,
    /// Whether the datum is the value itself (`typbyval`).
    pub by_value: bool,
}

impl Storage {
    /// The storages of the first `count` columns of the rows that `descriptor`
    /// describes; `None` if there are fewer.
    ///
    /// # Safety
    ///
    /// The descriptor is valid; runs in a backend's main thread.
    pub unsafe fn of_columns(descriptor: pg_sys::TupleDesc, count: usize) -> Option<Vec<Self>> {
        // SAFETY: the caller's promise; the columns exist.
        unsafe {
            if usize::try_from((*descriptor).natts).unwrap_or_default() < count {
                return None;
            }
            let storage = |index| {
                let attribute = version::attribute(descriptor, index);
                Self {
                    type_id: pg_sys::getBaseType((*attribute).atttypid),
                    length: (*attribute).attlen,
                    by_value: (*attribute).attbyval,
                }
            };
            Some((0..count).map(storage).collect())
        }
    }

    /// Whether values are `name`s: 64 bytes, of which those after the first
    /// zero do not count.
    pub fn is_name(self) -> bool {
        self.type_id == pg_sys::NAMEOID
    }

    /// The bytes of `datum` as they lie in memory, a varlena's length word
    /// included. A TOAST pointer stays a pointer; an expanded object is
    /// flattened. A `by_value` value lies in the datum itself.
    ///
    /// # Safety
    ///
    /// `datum` is a value of this storage; runs in a backend's main thread. The
    /// bytes live as long as the value and the current memory context.
    pub unsafe fn bytes(self, datum: &pg_sys::Datum) -> &[u8] {
        const { assert!(cfg!(target_endian = "little"), "the low bytes of a datum come first") };
        let pointer = datum.cast_mut_ptr::<u8>();
        // SAFETY: the caller's promise: a by-reference value points to as many
        // bytes as its type or its header says.
        unsafe {
            let (pointer, length) = match self.length {
                length if self.by_value => {
                    let length = usize::try_from(length).unwrap_or_default();
                    (
                        std::ptr::from_ref(datum).cast_mut().cast(),
                        length.min(size_of::<pg_sys::Datum>()),
                    )
                }
                VARLENA => inert_varlena(pointer.cast()),
                length => (pointer, usize::try_from(length).unwrap_or_default()),
            };
            std::slice::from_raw_parts(pointer, length)
        }
    }

    /// The datum whose bytes [`Storage::bytes`] gave, in the current memory
    /// context.
    ///
    /// # Safety
    ///
    /// As for [`Storage::bytes`].
    pub unsafe fn datum(self, bytes: &[u8]) -> pg_sys::Datum {
        if self.by_value {
            let mut word = [0; 8];
            let length = bytes.len().min(word.len());
            word[..length].copy_from_slice(&bytes[..length]);
            return sign_extended(word, length);
        }
        // SAFETY: `allocate` returns as many writable bytes as asked for.
        unsafe {
            let copy = allocate(bytes.len().max(1));
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
            pg_sys::Datum::from(copy)
        }
    }
}

/// As `Int16GetDatum` and `Int32GetDatum` extend a value to a datum, so that
/// datums of equal values are equal words.
fn sign_extended(word: [u8; 8], length: usize) -> pg_sys::Datum {
    let value = i64::from_ne_bytes(word);
    pg_sys::Datum::from(match length {
        1 => i64::from(value as i8),
        2 => i64::from(value as i16),
        4 => i64::from(value as i32),
        _ => value,
    })
}

/// A varlena and its length in a form that can be copied byte by byte: pointers
/// to other memory of the backend (expanded objects, indirect pointers) are
/// followed, pointers to a TOAST table are not.
#[inline(always)]
unsafe fn inert_varlena(varlena: *mut pg_sys::varlena) -> (*mut u8, usize) {
    let start: *mut u8 = varlena.cast();
    // SAFETY: the caller's promise. A header of one byte is odd and has the length in its
    // upper seven bits; one of four, compressed or not, in its upper thirty.
    unsafe {
        match *start {
            0x01 => external(varlena),
            first if first & 1 == 1 => (start, usize::from(first >> 1)),
            _ => (start, (start.cast::<u32>().read_unaligned() >> 2) as usize),
        }
    }
}

/// [`inert_varlena`] of a pointer.
#[cold]
unsafe fn external(varlena: *mut pg_sys::varlena) -> (*mut u8, usize) {
    // SAFETY: the caller's promise. An external varlena is a byte of one followed by its
    // kind.
    unsafe {
        let on_disk = pg_sys::vartag_external::VARTAG_ONDISK as u8;
        let flat = match *varlena.cast::<u8>().add(1) {
            kind if kind == on_disk => varlena,
            _ => pg_sys::pg_detoast_datum(varlena),
        };
        (flat.cast(), pgrx::varsize_any(flat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_extended_as_postgresql_extends_them() {
        let storage = Storage { type_id: pg_sys::CHAROID, length: 1, by_value: true };
        let datum = pg_sys::Datum::from(-2_i64);
        // SAFETY: by-value datums touch no memory of PostgreSQL's.
        unsafe {
            let bytes = storage.bytes(&datum);
            assert_eq!(bytes, [0xfe]);
            assert_eq!(storage.datum(&[0xfe]).value(), datum.value());
        }
    }
}
