//! Plans as bytes.

use crate::Plan;

/// Version of the byte format. A plan encoded by one version of the library is
/// never decoded by another, because a cached plan lives no longer than its
/// server; the tag turns a mix-up during an upgrade into a clear error.
pub const FORMAT_VERSION: u16 = 1;

const MAGIC: [u8; 2] = *b"pf";

/// Why bytes are not a plan.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes do not start as a plan does.
    #[error("not a fusion plan")]
    NotAPlan,
    /// The plan was made by another version of the library.
    #[error("fusion plan has format version {found}, this library reads {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The body is damaged.
    #[error("damaged fusion plan: {0}")]
    Body(#[from] postcard::Error),
    /// The body decodes, but to a plan whose parts do not fit together.
    #[error("inconsistent fusion plan: {0}")]
    Inconsistent(&'static str),
}

/// Serialises `plan`, tag first.
///
/// # Errors
///
/// Only if memory for the bytes cannot be had.
pub fn encode(plan: &Plan) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    Ok(postcard::to_extend(plan, bytes)?)
}

/// The inverse of [`encode`]. The result is checked: every column, leaf and
/// parameter it names exists, so the engine may index without looking.
///
/// # Errors
///
/// [`CodecError`] says what is wrong with the bytes.
pub fn decode(bytes: &[u8]) -> Result<Plan, CodecError> {
    let [m0, m1, v0, v1, body @ ..] = bytes else {
        return Err(CodecError::NotAPlan);
    };
    if [*m0, *m1] != MAGIC {
        return Err(CodecError::NotAPlan);
    }
    let found = u16::from_le_bytes([*v0, *v1]);
    if found != FORMAT_VERSION {
        return Err(CodecError::Version { found });
    }
    let plan: Plan = postcard::from_bytes(body)?;
    plan.validate().map_err(CodecError::Inconsistent)?;
    Ok(plan)
}
