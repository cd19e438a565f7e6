//! LIKE patterns, prepared for matching many strings.

use fusion_plan::{PgError, SqlState};
use memchr::memmem::Finder;

/// How deep `%` may nest in a general match, well within a thread's stack.
const MAX_DEPTH: usize = 4000;

/// A pattern in the form that is quickest to match.
#[derive(Debug)]
pub(crate) enum Pattern<'p> {
    /// No wildcard: the string itself.
    Exact(Vec<u8>),
    /// `prefix%middle%...%suffix`: literal parts in order, at least one `%`.
    Parts {
        /// What the string starts with.
        prefix: Vec<u8>,
        /// What occurs in between, in this order, without overlap.
        middle: Vec<Finder<'static>>,
        /// What the string ends with.
        suffix: Vec<u8>,
    },
    /// Anything else, matched as PostgreSQL does it.
    General(&'p [u8]),
}

impl<'p> Pattern<'p> {
    /// Prepares `pattern`; never fails, because an incomplete escape is an
    /// error only if matching reaches it.
    pub(crate) fn new(pattern: &'p str) -> Self {
        Self::literal_parts(pattern.as_bytes()).unwrap_or(Self::General(pattern.as_bytes()))
    }

    /// The pattern's literal parts, if `%` is its only wildcard.
    fn literal_parts(pattern: &[u8]) -> Option<Self> {
        let mut parts = vec![Vec::new()];
        let mut bytes = pattern.iter();
        while let Some(byte) = bytes.next() {
            let literal = match byte {
                b'_' => return None,
                b'%' => {
                    parts.push(Vec::new());
                    continue;
                }
                b'\\' => bytes.next()?,
                byte => byte,
            };
            parts.last_mut()?.push(*literal);
        }
        let suffix = parts.pop()?;
        if parts.is_empty() {
            return Some(Self::Exact(suffix));
        }
        let prefix = parts.remove(0);
        let middle = parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(|part| Finder::new(&part).into_owned())
            .collect();
        Some(Self::Parts { prefix, middle, suffix })
    }

    /// Whether `text` matches.
    ///
    /// # Errors
    ///
    /// If matching reaches an escape character that ends the pattern.
    pub(crate) fn matches(&self, text: &[u8]) -> Result<bool, PgError> {
        Ok(match self {
            Self::Exact(literal) => text == literal,
            Self::Parts { prefix, middle, suffix } => match_parts(text, prefix, middle, suffix),
            Self::General(pattern) => match_text(text, pattern, 0)? == Match::True,
        })
    }
}

fn match_parts(text: &[u8], prefix: &[u8], middle: &[Finder<'_>], suffix: &[u8]) -> bool {
    // Most patterns have no prefix or suffix, and even a comparison of nothing
    // costs a call.
    let mut rest = text;
    if !prefix.is_empty() {
        match rest.strip_prefix(prefix) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    if !suffix.is_empty() {
        match rest.strip_suffix(suffix) {
            Some(before) => rest = before,
            None => return false,
        }
    }
    for part in middle {
        match part.find(rest) {
            Some(at) => rest = &rest[at + part.needle().len()..],
            None => return false,
        }
    }
    true
}

/// What `MatchText` returns: no match here, or no match wherever `%` starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    True,
    False,
    Abort,
}

/// `UTF8_MatchText` of `like_match.c`, step by step, so that it raises its error
/// for exactly the same strings.
fn match_text(mut text: &[u8], mut pattern: &[u8], depth: usize) -> Result<Match, PgError> {
    if pattern == b"%" {
        return Ok(Match::True);
    }
    if depth > MAX_DEPTH {
        return Err(PgError::new(SqlState(*b"54001"), "stack depth limit exceeded"));
    }
    while let (Some(byte), Some(wanted)) = (text.first(), pattern.first()) {
        match wanted {
            b'\\' => {
                pattern = &pattern[1..];
                let Some(literal) = pattern.first() else {
                    return Err(incomplete_escape());
                };
                if literal != byte {
                    return Ok(Match::False);
                }
            }
            b'%' => return match_rest(text, &pattern[1..], depth),
            b'_' => {
                text = next_char(text);
                pattern = &pattern[1..];
                continue;
            }
            _ if wanted != byte => return Ok(Match::False),
            _ => {}
        }
        text = &text[1..];
        pattern = &pattern[1..];
    }
    if !text.is_empty() {
        return Ok(Match::False);
    }
    match pattern.iter().all(|byte| *byte == b'%') {
        true => Ok(Match::True),
        false => Ok(Match::Abort),
    }
}

/// Matches what follows a `%` at each place of the text.
fn match_rest(mut text: &[u8], mut pattern: &[u8], depth: usize) -> Result<Match, PgError> {
    while let Some(wildcard @ (b'%' | b'_')) = pattern.first() {
        if *wildcard == b'_' {
            if text.is_empty() {
                return Ok(Match::Abort);
            }
            text = next_char(text);
        }
        pattern = &pattern[1..];
    }
    let first = match pattern {
        [] => return Ok(Match::True),
        [b'\\'] => return Err(incomplete_escape()),
        [b'\\', literal, ..] | [literal, ..] => *literal,
    };
    while let Some(byte) = text.first() {
        if *byte == first {
            let matched = match_text(text, pattern, depth + 1)?;
            if matched != Match::False {
                return Ok(matched);
            }
        }
        text = next_char(text);
    }
    Ok(Match::Abort)
}

/// The text after its first UTF-8 character.
fn next_char(text: &[u8]) -> &[u8] {
    let rest = text.get(1..).unwrap_or_default();
    let continuation = rest.iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    &rest[continuation..]
}

fn incomplete_escape() -> PgError {
    PgError::new(
        SqlState::INVALID_ESCAPE_SEQUENCE,
        "LIKE pattern must not end with escape character",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn like(text: &str, pattern: &str) -> Result<bool, PgError> {
        Pattern::new(pattern).matches(text.as_bytes())
    }

    #[test]
    fn patterns_take_their_quickest_form() {
        assert!(matches!(Pattern::new("abc"), Pattern::Exact(_)));
        assert!(matches!(Pattern::new("a\\%c"), Pattern::Exact(literal) if literal == b"a%c"));
        assert!(
            matches!(Pattern::new("%a%%b"), Pattern::Parts { middle, .. } if middle.len() == 1)
        );
        assert!(matches!(Pattern::new("a_c"), Pattern::General(_)));
        assert!(matches!(Pattern::new("a%\\"), Pattern::General(_)));
    }

    #[test]
    fn wildcards() {
        for (text, pattern, expected) in [
            ("special requests", "%special%requests%", true),
            ("requests special", "%special%requests%", false),
            ("aa", "a%a", true),
            ("a", "a%a", false),
            ("héllo", "h_llo", true),
            ("日本語", "__語", true),
            ("日本語", "_語", false),
            ("", "%", true),
            ("", "", true),
            ("", "_", false),
            ("abc", "%_", true),
            ("ab", "%___%", false),
            ("100%", "100\\%", true),
            ("1000", "100\\%", false),
            ("a_c", "a\\_c", true),
            ("a\\c", "a\\\\c", true),
            ("aab", "%ab", true),
        ] {
            assert_eq!(like(text, pattern), Ok(expected), "{text} LIKE {pattern}");
        }
    }

    #[test]
    fn an_incomplete_escape_matters_only_when_reached() {
        assert_eq!(like("b", "a\\"), Ok(false));
        assert_eq!(like("", "\\"), Ok(false));
        assert_eq!(like("a", "a\\"), Ok(false));
        assert_eq!(like("ab", "a\\").unwrap_err().sqlstate.as_str(), "22025");
        assert!(like("x", "%\\").is_err());
    }

    proptest! {
        #[test]
        fn quick_forms_agree_with_the_general_matcher(
            text in "[ab%_\\\\é]{0,8}",
            pattern in "[ab%\\\\é]{0,6}",
        ) {
            let general = match_text(text.as_bytes(), pattern.as_bytes(), 0).map(|m| m == Match::True);
            prop_assert_eq!(like(&text, &pattern), general);
        }
    }
}
