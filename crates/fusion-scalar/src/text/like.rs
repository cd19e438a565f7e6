//! LIKE patterns, prepared for matching many strings. The escape character is `\`;
//! [`escape`] brings patterns with another one to that form. ILIKE under the
//! collations C and POSIX is LIKE on text and pattern in lower case
//! ([`lower_c`](super::build::lower_c)).
//!
//! Neither text nor pattern need be valid. Matching (`UTF8_MatchText` in like.c) takes a
//! byte and all bytes after it that continue a character for one; it never fails for that.

use super::{character, limit};
use fusion_plan::{PgError, SqlState};
use memchr::memchr;
use memchr::memmem::Finder;

/// What `_` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A character of UTF-8, for text.
    Character,
    /// A byte, for `bytea`.
    Byte,
}

impl Unit {
    /// The length of the unit that `text`, which is not empty, starts with.
    fn length(self, text: &[u8]) -> usize {
        let rest = text.get(1..).unwrap_or_default();
        match self {
            Self::Byte => 1,
            Self::Character => 1 + rest.iter().take_while(|byte| **byte & 0xc0 == 0x80).count(),
        }
    }

    /// Whether matching, as it steps from unit to unit, comes to each place where `byte`
    /// stands.
    fn is_start(self, byte: u8) -> bool {
        self == Self::Byte || byte & 0xc0 != 0x80
    }

    /// `text` without its first unit.
    fn skip(self, text: &[u8]) -> &[u8] {
        text.get(self.length(text)..).unwrap_or_default()
    }
}

/// A pattern in the form that is quickest to match.
#[derive(Debug)]
pub struct Pattern<'p>(Form<'p>);

#[derive(Debug)]
enum Form<'p> {
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
    General(&'p [u8], Unit),
}

impl<'p> Pattern<'p> {
    /// Prepares `pattern`; never fails, because an incomplete escape is an
    /// error only if matching reaches it.
    pub fn new(pattern: &'p [u8], unit: Unit) -> Self {
        Self(literal_parts(pattern, unit).unwrap_or(Form::General(pattern, unit)))
    }

    /// Prepares `pattern` for text, if `%` is its only wildcard and it is complete: then it
    /// is quick to match, and [`Pattern::matches`] never fails.
    pub fn literal(pattern: &[u8]) -> Option<Pattern<'static>> {
        literal_parts(pattern, Unit::Character).map(Pattern)
    }

    /// Whether `text` matches (`textlike`, `bytealike`).
    ///
    /// # Errors
    ///
    /// If matching reaches an escape character that ends the pattern.
    pub fn matches(&self, text: &[u8]) -> Result<bool, PgError> {
        Ok(match &self.0 {
            Form::Exact(literal) => text == literal,
            Form::Parts { prefix, middle, suffix } => match_parts(text, prefix, middle, suffix),
            Form::General(pattern, unit) => match_general(text, pattern, *unit)?,
        })
    }
}

/// The pattern's literal parts, if `%` is its only wildcard, and what follows one can be
/// found by searching for its bytes.
fn literal_parts<'p>(pattern: &[u8], unit: Unit) -> Option<Form<'p>> {
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
    let is_searched = |part: &Vec<u8>| part.first().is_none_or(|first| unit.is_start(*first));
    if !parts.iter().skip(1).all(is_searched) {
        return None;
    }
    let suffix = parts.pop()?;
    if parts.is_empty() {
        return Some(Form::Exact(suffix));
    }
    let prefix = parts.remove(0);
    let middle = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| Finder::new(&part).into_owned())
        .collect();
    Some(Form::Parts { prefix, middle, suffix })
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
        match part.find(rest).and_then(|at| rest.get(at + part.needle().len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

/// Where a part of the pattern ends that has no `%`.
enum Run<'a> {
    /// Text and pattern end together.
    Match,
    /// A byte differs, or text is left over: a later start may do better.
    Differs,
    /// The text is too short, wherever the part starts.
    Short,
    /// At a `%`: the text left, and the pattern after it.
    Wildcard(&'a [u8], &'a [u8]),
}

/// `MatchText` of `like_match.c`, so that it raises its error for exactly the same
/// strings. Where that function calls itself after a `%`, the call comes back with a
/// match or with the news that the text is too short as soon as it has met another
/// `%`. So only the last `%` is ever returned to, and a loop does.
fn match_general(text: &[u8], pattern: &[u8], unit: Unit) -> Result<bool, PgError> {
    let mut run = match_run(text, pattern, unit)?;
    // What follows the last `%`, and where in the text it was tried last.
    let mut last: Option<(&[u8], &[u8])> = None;
    loop {
        let (text, pattern) = match run {
            Run::Match => return Ok(true),
            Run::Short => return Ok(false),
            Run::Differs => match last {
                Some((text, pattern)) => (unit.skip(text), pattern),
                None => return Ok(false),
            },
            Run::Wildcard(text, pattern) => match skip_wildcards(text, pattern, unit) {
                Some((_, [])) => return Ok(true),
                Some(rest) => rest,
                None => return Ok(false),
            },
        };
        let first = match pattern {
            [b'\\', literal, ..] => *literal,
            [b'\\'] => return Err(incomplete_escape()),
            [literal, ..] => *literal,
            [] => return Ok(true),
        };
        let Some(text) = find_start(text, first, unit) else {
            return Ok(false);
        };
        last = Some((text, pattern));
        run = match_run(text, pattern, unit)?;
    }
}

/// Matches up to the next `%` of the pattern.
fn match_run<'a>(
    mut text: &'a [u8],
    mut pattern: &'a [u8],
    unit: Unit,
) -> Result<Run<'a>, PgError> {
    while let ([byte, text_rest @ ..], [wanted, pattern_rest @ ..]) = (text, pattern) {
        (text, pattern) = match wanted {
            b'%' => return Ok(Run::Wildcard(text, pattern_rest)),
            b'_' => (unit.skip(text), pattern_rest),
            b'\\' => match pattern_rest {
                [] => return Err(incomplete_escape()),
                [literal, rest @ ..] if literal == byte => (text_rest, rest),
                _ => return Ok(Run::Differs),
            },
            _ if wanted == byte => (text_rest, pattern_rest),
            _ => return Ok(Run::Differs),
        };
    }
    Ok(match (text, pattern.iter().all(|byte| *byte == b'%')) {
        ([_, ..], _) => Run::Differs,
        ([], true) => Run::Match,
        ([], false) => Run::Short,
    })
}

/// Skips the wildcards after a `%`; `None` if there is not enough text for them.
fn skip_wildcards<'a>(
    mut text: &'a [u8],
    mut pattern: &'a [u8],
    unit: Unit,
) -> Option<(&'a [u8], &'a [u8])> {
    while let [wildcard @ (b'%' | b'_'), rest @ ..] = pattern {
        if *wildcard == b'_' {
            if text.is_empty() {
                return None;
            }
            text = unit.skip(text);
        }
        pattern = rest;
    }
    Some((text, pattern))
}

/// The text from the first place on where a unit starts with `first`. Wherever `text` was
/// cut, its start is one.
fn find_start(text: &[u8], first: u8, unit: Unit) -> Option<&[u8]> {
    match unit.is_start(first) {
        true => memchr(first, text).and_then(|at| text.get(at..)),
        false => (text.first() == Some(&first)).then_some(text),
    }
}

fn incomplete_escape() -> PgError {
    PgError::new(
        SqlState::INVALID_ESCAPE_SEQUENCE,
        "LIKE pattern must not end with escape character",
    )
}

/// `like_escape`, `like_escape_bytea`: appends to `out` the pattern that means with
/// the escape character `\` what `pattern` means with `escape`. An empty `escape`
/// means that there is none. Unlike matching, this goes by the length that the first byte
/// of a character tells (`MB_do_like_escape` in like_match.c).
///
/// # Errors
///
/// If `escape` is longer than one unit, the result could be larger than a value can be,
/// or a character breaks off.
pub fn escape(pattern: &[u8], escape: &[u8], unit: Unit, out: &mut Vec<u8>) -> Result<(), PgError> {
    limit::allocate(pattern.len() * 2)?;
    let length = |text: &[u8]| match unit {
        Unit::Byte => Ok(1),
        Unit::Character => character::first_length(text),
    };
    if !escape.is_empty() && length(escape)? != escape.len() {
        let error = PgError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string");
        return Err(error.with_hint("Escape string must be empty or one character."));
    }
    if escape == b"\\" {
        out.extend_from_slice(pattern);
        return Ok(());
    }
    let mut after_escape = false;
    let mut rest = pattern;
    while !rest.is_empty() {
        let (this, next) = rest.split_at(length(rest)?);
        if this == escape && !after_escape {
            out.push(b'\\');
            after_escape = true;
        } else {
            if this == b"\\" && !after_escape {
                out.push(b'\\');
            }
            out.extend_from_slice(this);
            after_escape = false;
        }
        rest = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn like(text: &str, pattern: &str) -> Result<bool, PgError> {
        Pattern::new(pattern.as_bytes(), Unit::Character).matches(text.as_bytes())
    }

    /// [`escape`] for text.
    fn escaped(pattern: &str, by: &str) -> Result<String, PgError> {
        let mut out = Vec::new();
        escape(pattern.as_bytes(), by.as_bytes(), Unit::Character, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn patterns_take_their_quickest_form() {
        let form = |pattern: &'static str| Pattern::new(pattern.as_bytes(), Unit::Character).0;
        assert!(matches!(form("abc"), Form::Exact(_)));
        assert!(matches!(form("a\\%c"), Form::Exact(literal) if literal == b"a%c"));
        assert!(matches!(form("%a%%b"), Form::Parts { middle, .. } if middle.len() == 1));
        assert!(matches!(form("a_c"), Form::General(..)));
        assert!(matches!(form("a%\\"), Form::General(..)));
        assert!(Pattern::literal(b"%a\\_%").is_some());
        assert!(Pattern::literal(b"a_c").is_none() && Pattern::literal(b"%\\").is_none());
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
            ("aab_", "%a_\\_", true),
        ] {
            assert_eq!(like(text, pattern), Ok(expected), "{text} LIKE {pattern}");
        }
    }

    #[test]
    fn bytes_are_not_characters() {
        let matches =
            |text: &[u8], pattern: &[u8], unit| Pattern::new(pattern, unit).matches(text).unwrap();
        assert!(matches("é".as_bytes(), b"__", Unit::Byte));
        assert!(!matches("é".as_bytes(), b"__", Unit::Character));
        assert!(matches(b"\xa9\xa9\x00", b"%\xa9_", Unit::Byte));
    }

    #[test]
    fn an_incomplete_escape_matters_only_when_reached() {
        assert_eq!(like("b", "a\\"), Ok(false));
        assert_eq!(like("", "\\"), Ok(false));
        assert_eq!(like("a", "a\\"), Ok(false));
        assert_eq!(like("ab", "a\\").unwrap_err().sqlstate.as_str(), "22025");
        assert!(like("x", "%\\").is_err());
    }

    #[test]
    fn many_wildcards_need_no_stack() {
        let pattern = "%a_".repeat(100_000);
        assert_eq!(like(&"ab".repeat(100_000), &pattern), Ok(true));
        assert_eq!(like(&"ab".repeat(99_999), &pattern), Ok(false));
    }

    #[test]
    fn other_escape_characters() {
        assert_eq!(escaped("a#%b\\", "#").unwrap(), "a\\%b\\\\");
        assert_eq!(escaped("##_", "#").unwrap(), "\\#_");
        assert_eq!(escaped("#\\", "#").unwrap(), "\\\\");
        assert_eq!(escaped("a\\%", "").unwrap(), "a\\\\%");
        assert_eq!(escaped("a\\%", "\\").unwrap(), "a\\%");
        assert_eq!(escaped("aé%", "é").unwrap(), "a\\%");
        assert_eq!(escaped("%%", "%").unwrap(), "\\%");
        let error = escaped("a", "ab").unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.sqlstate.as_str()),
            ("invalid escape string", "22025")
        );
        assert_eq!(error.hint.as_deref(), Some("Escape string must be empty or one character."));
        let mut out = Vec::new();
        assert!(escape(b"a", "é".as_bytes(), Unit::Byte, &mut out).is_err());
    }

    /// How PostgreSQL's function answers.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Answer {
        True,
        False,
        Abort,
        Error,
    }

    /// `MatchText` with its calls of itself.
    fn recursive(mut text: &[char], mut pattern: &[char]) -> Answer {
        while let ([first, text_rest @ ..], [wanted, pattern_rest @ ..]) = (text, pattern) {
            match wanted {
                '%' => {
                    pattern = pattern_rest;
                    while let [wildcard @ ('%' | '_'), rest @ ..] = pattern {
                        if *wildcard == '_' {
                            match text {
                                [] => return Answer::Abort,
                                [_, rest @ ..] => text = rest,
                            }
                        }
                        pattern = rest;
                    }
                    let start = match pattern {
                        [] => return Answer::True,
                        ['\\'] => return Answer::Error,
                        ['\\', literal, ..] | [literal, ..] => literal,
                    };
                    while let [first, rest @ ..] = text {
                        if first == start {
                            match recursive(text, pattern) {
                                Answer::False => {}
                                other => return other,
                            }
                        }
                        text = rest;
                    }
                    return Answer::Abort;
                }
                '\\' => match pattern_rest {
                    [] => return Answer::Error,
                    [literal, rest @ ..] if literal == first => pattern = rest,
                    _ => return Answer::False,
                },
                '_' => pattern = pattern_rest,
                _ if wanted == first => pattern = pattern_rest,
                _ => return Answer::False,
            }
            text = text_rest;
        }
        match (text, pattern.iter().all(|wanted| *wanted == '%')) {
            ([_, ..], _) => Answer::False,
            ([], true) => Answer::True,
            ([], false) => Answer::Abort,
        }
    }

    #[test]
    fn text_that_is_not_valid() {
        let like = |text: &[u8], pattern: &[u8]| {
            Pattern::new(pattern, Unit::Character).matches(text).unwrap()
        };
        // A byte that continues a character is not come to from the one before it.
        assert!(!like("é".as_bytes(), b"%\xa9") && !like("aéb".as_bytes(), b"%\xa9%"));
        assert!(like(b"\xa9", b"%\xa9") && like("é".as_bytes(), b"\xc3%\xa9"));
        assert!(like("é".as_bytes(), b"\xc3_") && like("é".as_bytes(), b"\xc3\xa9"));
        assert!(like(b"\x80\x80\x80", b"_") && like(b"\xc3\xc3", b"__") && !like(b"\xffa", b"_"));
        assert!(like(b"a\xc3", b"%\xc3") && like(b"a\xc3b", b"a\xc3_"));
    }

    #[test]
    fn an_escape_that_breaks_off() {
        let escape = |pattern, by| escape(pattern, by, Unit::Character, &mut Vec::new());
        assert_eq!(escape(b"a", b"\xc3").unwrap_err().sqlstate.as_str(), "22021");
        assert_eq!(escape(b"a\xc3", b"#").unwrap_err().sqlstate.as_str(), "22021");
        assert_eq!(escape(b"a\xc3", b"\\"), Ok(()));
        assert_eq!(escape(b"a\xff", b"\xff\xff").unwrap_err().sqlstate.as_str(), "22025");
    }

    /// `MatchText` of like_match.c, as it stands there.
    fn match_text(mut text: &[u8], mut pattern: &[u8]) -> Answer {
        while let ([byte, text_rest @ ..], [wanted, pattern_rest @ ..]) = (text, pattern) {
            match wanted {
                b'%' => {
                    pattern = pattern_rest;
                    while let [wildcard @ (b'%' | b'_'), rest @ ..] = pattern {
                        if *wildcard == b'_' {
                            if text.is_empty() {
                                return Answer::Abort;
                            }
                            text = Unit::Character.skip(text);
                        }
                        pattern = rest;
                    }
                    let start = match pattern {
                        [] => return Answer::True,
                        [b'\\'] => return Answer::Error,
                        [b'\\', literal, ..] | [literal, ..] => literal,
                    };
                    while let [first, ..] = text {
                        if first == start {
                            match match_text(text, pattern) {
                                Answer::False => {}
                                other => return other,
                            }
                        }
                        text = Unit::Character.skip(text);
                    }
                    return Answer::Abort;
                }
                b'_' => {
                    (text, pattern) = (Unit::Character.skip(text), pattern_rest);
                    continue;
                }
                b'\\' => match pattern_rest {
                    [] => return Answer::Error,
                    [literal, rest @ ..] if literal == byte => pattern = rest,
                    _ => return Answer::False,
                },
                _ if wanted == byte => pattern = pattern_rest,
                _ => return Answer::False,
            }
            text = text_rest;
        }
        match (text, pattern.iter().all(|wanted| *wanted == b'%')) {
            ([_, ..], _) => Answer::False,
            ([], true) => Answer::True,
            ([], false) => Answer::Abort,
        }
    }

    proptest! {
        #[test]
        fn any_bytes_match_as_in_postgresql(
            text in prop::collection::vec(prop::sample::select(&b"ab\xc3\xa9\x80\xff"[..]), 0..8),
            pattern in prop::collection::vec(
                prop::sample::select(&b"ab%%__\\\xc3\xa9\x80"[..]),
                0..7,
            ),
        ) {
            let expected = match match_text(&text, &pattern) {
                Answer::Error => Err(incomplete_escape()),
                answer => Ok(answer == Answer::True),
            };
            let found = Pattern::new(&pattern, Unit::Character).matches(&text);
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn quick_forms_agree_with_the_general_matcher(
            text in "[ab%_\\\\é]{0,8}",
            pattern in "[ab%\\\\é]{0,6}",
        ) {
            let general = match_general(text.as_bytes(), pattern.as_bytes(), Unit::Character);
            prop_assert_eq!(like(&text, &pattern), general);
        }

        #[test]
        fn the_loop_agrees_with_the_recursion(
            text in "[abé]{0,10}",
            pattern in "[abé%_\\\\]{0,8}",
        ) {
            let found = match_general(text.as_bytes(), pattern.as_bytes(), Unit::Character);
            let (text, pattern): (Vec<_>, Vec<_>) = (text.chars().collect(), pattern.chars().collect());
            let expected = match recursive(&text, &pattern) {
                Answer::Error => Err(incomplete_escape()),
                answer => Ok(answer == Answer::True),
            };
            prop_assert_eq!(found, expected);
        }
    }
}
