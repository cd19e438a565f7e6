//! What a string measures: its length, its first character, whether it starts with
//! another.

/// `textlen`: characters.
pub fn length(value: &str) -> i32 {
    value.chars().count() as i32
}

/// `bpcharlen`: characters without the trailing blanks.
pub fn bpchar_length(value: &str) -> i32 {
    length(value.trim_end_matches(' '))
}

/// `textoctetlen`, `bpcharoctetlen`, `byteaoctetlen`: bytes, blanks included.
pub fn octet_length(value: &[u8]) -> i32 {
    value.len() as i32
}

/// `ascii`: the code point of the first character, zero if there is none.
pub fn ascii(value: &str) -> i32 {
    value.chars().next().map_or(0, |first| u32::from(first) as i32)
}

/// `text_starts_with`: by byte, as under every deterministic collation.
pub fn starts_with(value: &str, prefix: &str) -> bool {
    value.as_bytes().starts_with(prefix.as_bytes())
}

/// Where character number `index` of `value`, counted from zero, starts; its end if
/// it has fewer.
pub(super) fn byte_position(value: &str, index: usize) -> usize {
    let bytes = value.as_bytes();
    match bytes.get(..index) {
        None => bytes.len(),
        Some(head) if head.is_ascii() => index,
        Some(_) => value.char_indices().nth(index).map_or(bytes.len(), |(position, _)| position),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_characters_and_bytes() {
        assert_eq!((length(""), length("日本語"), length("a\u{301}")), (0, 3, 2));
        assert_eq!((bpchar_length("été  "), bpchar_length("   ")), (3, 0));
        assert_eq!((octet_length("été  ".as_bytes()), octet_length(b"")), (7, 0));
    }

    #[test]
    fn code_points() {
        assert_eq!(
            (ascii(""), ascii("az"), ascii("é"), ascii("日"), ascii("😀")),
            (0, 97, 233, 26085, 128_512)
        );
    }

    #[test]
    fn prefixes() {
        assert!(starts_with("été", "ét") && starts_with("a", "") && starts_with("", ""));
        assert!(!starts_with("a", "ab") && !starts_with("ab", "b"));
    }

    #[test]
    fn positions_in_bytes() {
        let found: Vec<_> = (0..5).map(|index| byte_position("aéb", index)).collect();
        assert_eq!(found, [0, 1, 3, 4, 4]);
        assert_eq!(byte_position("日本", 1), 3);
    }
}
