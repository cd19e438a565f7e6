//! What the generator knows of PostgreSQL's operators and functions:
//! `catalogue.txt`, one pattern a line.
//!
//! ```text
//! int4 => {int4} + {int4} -- add x20
//! ```
//!
//! says that the pattern gives an int4, has two arguments of that type, twenty times
//! the weight of a pattern with `x1` (10 is the usual weight), and the sum of the
//! arguments' magnitudes. A slot is the name of
//!
//! - a type;
//! - a variable: a letter for a class of types (`A` any, `E` equatable, `O` orderable,
//!   `S` elements of arrays, `M` those of `min` and `max`) and perhaps a digit; in one
//!   pattern a variable is one type everywhere, in the result, too;
//! - a group: `integer` and `string` are any of these types;
//! - a special constant: see [`Special`]; or `same`, the first argument once more.
//!
//! `#` after the name asks for a constant, `~` for a value whose sums are exact, `^` for a
//! column as its table stores it; `{d}`
//! and `{f}` are where DISTINCT and FILTER of an aggregate go. A result may follow
//! `aggregate`, `window` or `set` (of rows). The rules are fields of [`Rule`].

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::types::{Class, Ty};

/// A pattern of the catalogue.
#[derive(Debug, PartialEq)]
pub struct Template {
    /// The pattern as written: its identity.
    pub text: &'static str,
    /// What it is an expression of.
    pub kind: Kind,
    /// The type of its value.
    pub result: What,
    /// The text between the arguments, and what goes there.
    pub pieces: Vec<Piece>,
    /// The arguments.
    pub slots: Vec<Slot>,
    /// What is known of its value.
    pub rule: Rule,
    /// It needs no parentheses around it.
    pub closed: bool,
}

/// The kinds of expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value from the values of a row.
    Scalar,
    /// A value from a group of rows.
    Aggregate,
    /// A value from a row's partition.
    Window,
    /// Several rows from one.
    Set,
}

/// A part of a pattern.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// Literal text.
    Text(&'static str),
    /// The argument of this number.
    Argument(usize),
    /// Where DISTINCT may go.
    Distinct,
    /// Where FILTER goes.
    Filter,
}

/// An argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its type.
    pub what: What,
    /// It must be a constant.
    pub constant: bool,
    /// Sums of it must be exact.
    pub exact: bool,
    /// It must be a column as its table stores it.
    pub stored: bool,
}

/// A type, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// This type.
    Ty(Ty),
    /// One type of a class, the same for all variables of that number.
    Variable(Class, u8),
    /// One of [`Ty::INTEGERS`].
    Integer,
    /// One of [`Ty::STRINGS`].
    String,
    /// A constant of a special kind.
    Special(Special),
}

/// Constants that are chosen for a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Special {
    /// A small int4 of either sign.
    Small,
    /// An int4 from 0 on.
    Count,
    /// An int4 around 0, such as a position or a number of decimal places.
    Places,
    /// An int4 from 1 to 12.
    Month,
    /// A pattern for LIKE.
    Like,
    /// A regular expression.
    Regex,
}

impl Special {
    /// The constant's type.
    pub fn ty(self) -> Ty {
        match self {
            Self::Small | Self::Count | Self::Places | Self::Month => Ty::Int4,
            Self::Like | Self::Regex => Ty::Text,
        }
    }
}

/// What is known of a pattern's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// How often it is chosen (`xN`).
    pub weight: u32,
    /// Its magnitude.
    pub size: Size,
    /// It is an error if the magnitude is above this (`<N`; `checked`: the limit of
    /// the result's type).
    pub limit: Option<f64>,
    /// It is an error if an argument is infinite or not a number (`finite`).
    pub needs_finite: bool,
    /// It can be an error in other ways (`fails`).
    pub fails: bool,
    /// Equal values of it look the same (`canon`), whatever the arguments are.
    pub canonical: bool,
    /// The value is one of the first argument's (`keep`).
    pub keeps_values: bool,
    /// All values have one scale (`scaled`).
    pub scaled: bool,
    /// All values have one scale if that is so for the arguments (`fixed`).
    pub keeps_scale: bool,
    /// Floating-point sums of it are exact if those of the arguments are (`exact`).
    pub keeps_exact: bool,
    /// Of values that are equal it takes any (`picks`).
    pub picks: bool,
    /// It depends on the order of all rows of the window (`unique`).
    pub needs_unique_order: bool,
    /// It depends on the order in which rows come (`ordered`).
    pub ordered: bool,
    /// It numbers the rows of the result (`numbers`); used at the top only.
    pub numbers: bool,
}

/// The magnitude of a value, from those of the arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Not known.
    Unknown,
    /// The sum (`add`, which implies `checked`).
    Sum,
    /// The product (`mul`, which implies `checked`).
    Product,
    /// The first one's (`first`; `cast` implies `checked` and `finite`).
    First,
    /// The largest (`max`).
    Largest,
    /// This one (`=N`).
    Known(f64),
}

/// All patterns.
#[derive(Debug)]
pub struct Catalogue {
    templates: Vec<Template>,
    by_result: HashMap<(Kind, Ty), Vec<usize>>,
}

/// The catalogue.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::parse(include_str!("catalogue.txt")));
    &CATALOGUE
}

impl Catalogue {
    /// Reads the text of a catalogue, which must be well-formed.
    fn parse(text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let templates: Vec<Template> = lines
            .map(|line| parse::template(line).unwrap_or_else(|| panic!("cannot read {line:?}")))
            .collect();
        let mut by_result: HashMap<(Kind, Ty), Vec<usize>> = HashMap::new();
        for (index, template) in templates.iter().enumerate() {
            for ty in Ty::ALL.into_iter().filter(|ty| template.result.covers(*ty)) {
                by_result.entry((template.kind, ty)).or_default().push(index);
            }
        }
        Self { templates, by_result }
    }

    /// The patterns of a kind that can give a type.
    pub fn giving(&self, kind: Kind, ty: Ty) -> impl Iterator<Item = &Template> {
        let indexes = self.by_result.get(&(kind, ty)).map_or(&[][..], Vec::as_slice);
        indexes.iter().map(|&index| &self.templates[index])
    }

    /// The patterns of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Template> {
        self.templates.iter().filter(move |template| template.kind == kind)
    }

    /// The patterns that say that one value equals another, for two types.
    pub fn equalities(&self, left: Ty, right: Ty) -> impl Iterator<Item = &Template> {
        self.giving(Kind::Scalar, Ty::Bool).filter(move |template| {
            let equals = |piece: &Piece| *piece == Piece::Text(" = ");
            let [first, second] = template.slots.as_slice() else { return false };
            template.pieces.len() == 3
                && template.pieces.get(1).is_some_and(equals)
                && !first.constant
                && !second.constant
                && first.what.covers(left)
                && second.what.covers(right)
                && (first.what != second.what
                    || left == right
                    || !matches!(first.what, What::Variable(..)))
        })
    }
}

impl What {
    /// Whether a value of the type can stand here.
    pub fn covers(self, ty: Ty) -> bool {
        match self {
            Self::Ty(own) => own == ty,
            Self::Variable(class, _) => ty.is(class),
            Self::Integer => Ty::INTEGERS.contains(&ty),
            Self::String => ty.is_string(),
            Self::Special(special) => special.ty() == ty,
        }
    }
}

impl Template {
    /// Whether an aggregate can have DISTINCT.
    pub fn takes_distinct(&self) -> bool {
        self.pieces.contains(&Piece::Distinct)
    }
}

/// Reading lines of the catalogue.
mod parse {
    use super::{Kind, Piece, Rule, Size, Slot, Special, Template, What};
    use crate::types::{Class, Ty};

    pub(super) fn template(line: &'static str) -> Option<Template> {
        let (result, rest) = line.split_once(" => ")?;
        let (text, rules) = match rest.rsplit_once(" -- ") {
            Some((text, rules)) => (text, rules),
            None => (rest, ""),
        };
        let (kind, result) = match result.split_once(' ') {
            None => (Kind::Scalar, result),
            Some(("aggregate", result)) => (Kind::Aggregate, result),
            Some(("window", result)) => (Kind::Window, result),
            Some(("set", result)) => (Kind::Set, result),
            Some(_) => return None,
        };
        let result = what(result)?;
        let (pieces, slots) = pieces(text)?;
        let limit = if let What::Ty(ty) = result { ty.safe_magnitude() } else { f64::INFINITY };
        let rule = rule(rules, limit)?;
        Some(Template { text, kind, result, pieces, slots, rule, closed: is_closed(text) })
    }

    fn pieces(mut text: &'static str) -> Option<(Vec<Piece>, Vec<Slot>)> {
        let (mut pieces, mut slots) = (Vec::new(), Vec::new());
        while let Some(start) = text.find('{') {
            // A brace of an array's or path's text is no slot: those come in quotes.
            let quoted = text[..start].matches('\'').count() % 2 == 1;
            let end = if quoted { start } else { start + text[start..].find('}')? };
            if quoted {
                let close = start + text[start..].find('\'')?;
                pieces.push(Piece::Text(&text[..=close]));
                text = &text[close + 1..];
                continue;
            }
            if start > 0 {
                pieces.push(Piece::Text(&text[..start]));
            }
            match &text[start + 1..end] {
                "d" => pieces.push(Piece::Distinct),
                "f" => pieces.push(Piece::Filter),
                "same" => pieces.push(Piece::Argument(0)),
                name => {
                    pieces.push(Piece::Argument(slots.len()));
                    slots.push(slot(name)?);
                }
            }
            text = &text[end + 1..];
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Some((pieces, slots))
    }

    fn slot(name: &str) -> Option<Slot> {
        let constant = name.ends_with('#');
        let exact = name.ends_with('~');
        let stored = name.ends_with('^');
        let name = name.trim_end_matches(['#', '~', '^']);
        Some(Slot { what: what(name)?, constant, exact, stored })
    }

    fn what(name: &str) -> Option<What> {
        if let Some(ty) = Ty::from_name(name) {
            return Some(What::Ty(ty));
        }
        Some(match name {
            "integer" => What::Integer,
            "string" => What::String,
            "small" => What::Special(Special::Small),
            "count" => What::Special(Special::Count),
            "places" => What::Special(Special::Places),
            "month" => What::Special(Special::Month),
            "like" => What::Special(Special::Like),
            "regex" => What::Special(Special::Regex),
            variable => {
                let class = match variable.get(..1)? {
                    "A" => Class::Any,
                    "E" => Class::Equatable,
                    "O" => Class::Orderable,
                    "S" => Class::Element,
                    "M" => Class::Extreme,
                    _ => return None,
                };
                let number = variable.get(1..)?;
                What::Variable(class, if number.is_empty() { 0 } else { number.parse().ok()? })
            }
        })
    }

    fn rule(text: &str, limit_of_type: f64) -> Option<Rule> {
        let mut rule = Rule {
            weight: 10,
            size: Size::Unknown,
            limit: None,
            needs_finite: false,
            fails: false,
            canonical: false,
            keeps_values: false,
            scaled: false,
            keeps_scale: false,
            keeps_exact: false,
            picks: false,
            needs_unique_order: false,
            ordered: false,
            numbers: false,
        };
        for word in text.split_whitespace() {
            match word {
                "add" => (rule.size, rule.limit) = (Size::Sum, Some(limit_of_type)),
                "mul" => (rule.size, rule.limit) = (Size::Product, Some(limit_of_type)),
                "first" => rule.size = Size::First,
                "max" => rule.size = Size::Largest,
                "cast" => {
                    (rule.size, rule.limit) = (Size::First, Some(limit_of_type));
                    rule.needs_finite = true;
                }
                "checked" => rule.limit = Some(limit_of_type),
                "finite" => rule.needs_finite = true,
                "fails" => rule.fails = true,
                "canon" => rule.canonical = true,
                "keep" => rule.keeps_values = true,
                "scaled" => rule.scaled = true,
                "fixed" => rule.keeps_scale = true,
                "exact" => rule.keeps_exact = true,
                "picks" => rule.picks = true,
                "unique" => rule.needs_unique_order = true,
                "ordered" => rule.ordered = true,
                "numbers" => rule.numbers = true,
                word => match word.split_at_checked(1)? {
                    ("x", weight) => rule.weight = weight.parse().ok()?,
                    ("<", limit) => rule.limit = Some(limit.parse().ok()?),
                    ("=", size) => rule.size = Size::Known(size.parse().ok()?),
                    _ => return None,
                },
            }
        }
        Some(rule)
    }

    /// Whether a text is one call, or CASE to END.
    fn is_closed(text: &str) -> bool {
        if text.starts_with("CASE ") && text.ends_with(" END") {
            return true;
        }
        let text = text.trim_end_matches("{f}");
        let Some(open) = text.find('(') else { return false };
        let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name(&text[..open]) || open == 0 {
            return false;
        }
        let mut depth = 0_u32;
        for (position, c) in text.char_indices().skip(open) {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return position + 1 == text.len();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_can_be_read() {
        assert!(catalogue().templates.len() > 400);
        for ty in Ty::ALL {
            assert!(catalogue().giving(Kind::Scalar, ty).count() > 5, "{ty}");
        }
    }

    #[test]
    fn slots_and_rules() {
        let find = |text: &str| {
            catalogue().templates.iter().find(|template| template.text == text).expect(text)
        };
        let plus = find("{int4} + {int4}");
        assert_eq!(plus.pieces, [Piece::Argument(0), Piece::Text(" + "), Piece::Argument(1)]);
        assert_eq!((plus.rule.size, plus.rule.weight), (Size::Sum, 20));
        assert_eq!(plus.rule.limit, Some(2_147_483_647.0));
        let path = find("{jsonb} #>> '{b,0}'");
        assert_eq!(path.slots.len(), 1);
        let ordered = find("string_agg({d}{text}, ',' ORDER BY {same}){f}");
        assert_eq!(ordered.slots.len(), 1);
        assert!(ordered.takes_distinct() && ordered.rule.picks && ordered.closed);
        assert!(find("upper({string})").closed && !find("{text} || {text}").closed);
        assert!(!find("pi() * {float8}").closed);
        let in_list = find("{E} IN ({E#}, {E#}, {E#})");
        assert!(!in_list.slots[0].constant && in_list.slots[1].constant);
    }

    #[test]
    fn equalities_for_joins() {
        let texts = |left, right| {
            let found: Vec<&str> = catalogue().equalities(left, right).map(|t| t.text).collect();
            found
        };
        assert_eq!(texts(Ty::Uuid, Ty::Uuid), ["{E} = {E}"]);
        assert_eq!(texts(Ty::Int2, Ty::Int8), ["{integer} = {integer}"]);
        assert_eq!(texts(Ty::Int4, Ty::Numeric), ["{integer} = {numeric}"]);
        assert!(texts(Ty::Uuid, Ty::Int4).is_empty());
        assert!(texts(Ty::Point, Ty::Point).is_empty());
    }
}
