//! `uuid` from and to text. Comparison is by byte, as for arrays.

use super::build::write;
use super::invalid_input;
use fusion_plan::PgError;

/// `uuid_in`: 32 hexadecimal digits in any case, with at most one hyphen after each
/// group of four but the last, and braces around all of it or not.
///
/// # Errors
///
/// `invalid input syntax for type uuid`.
pub fn parse(input: &[u8]) -> Result<[u8; 16], PgError> {
    let inner = match input {
        [b'{', inner @ .., b'}'] => Some(inner),
        [b'{', ..] => None,
        bytes => Some(bytes),
    };
    inner.and_then(digits).ok_or_else(|| invalid_input("uuid", input))
}

fn digits(mut text: &[u8]) -> Option<[u8; 16]> {
    let mut uuid = [0; 16];
    let last = uuid.len() - 1;
    for (index, byte) in uuid.iter_mut().enumerate() {
        let [high, low, rest @ ..] = text else {
            return None;
        };
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        text = match rest {
            [b'-', rest @ ..] if index % 2 == 1 && index < last => rest,
            rest => rest,
        };
    }
    text.is_empty().then_some(uuid)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// `uuid_out`: lower case, in groups of 8, 4, 4, 4 and 12 digits.
pub fn format(uuid: &[u8], out: &mut String) {
    for (index, byte) in uuid.iter().enumerate() {
        let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
        write(out, format_args!("{hyphen}{byte:02x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANONICAL: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

    #[test]
    fn every_form_is_read_and_one_is_written() {
        for input in [
            CANONICAL,
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ] {
            let mut out = String::new();
            format(&parse(input.as_bytes()).unwrap(), &mut out);
            assert_eq!(out, CANONICAL);
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for input in [
            "",
            "{",
            "{}",
            " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 ",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
            "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
            "a0-eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
            "g0eebc999c0b4ef8bb6d6bb9bd380a11",
        ] {
            let error = parse(input.as_bytes()).unwrap_err();
            assert_eq!(error.message, format!("invalid input syntax for type uuid: \"{input}\""));
        }
    }
}
