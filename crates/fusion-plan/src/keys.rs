//! The keys of one side of a join, for a filter on the other side.

/// A set of join keys as integers, or only its bounds if it is a large one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    bounds: Option<(i64, i64)>,
    /// Keys may be repeated.
    keys: Vec<i64>,
    overflowed: bool,
}

impl KeySet {
    /// Adds a key. Beyond `capacity` keys only the bounds are kept.
    #[inline]
    pub fn insert(&mut self, key: i64, capacity: usize) {
        let (least, greatest) = self.bounds.unwrap_or((key, key));
        self.bounds = Some((least.min(key), greatest.max(key)));
        if self.overflowed || self.keys.last() == Some(&key) {
            return;
        }
        if self.keys.len() < capacity {
            self.keys.push(key);
        } else {
            self.overflow();
        }
    }

    /// Adds the keys of another set.
    pub fn merge(&mut self, other: Self, capacity: usize) {
        if let Some((least, greatest)) = other.bounds {
            let (a, b) = self.bounds.unwrap_or((least, greatest));
            self.bounds = Some((a.min(least), b.max(greatest)));
        }
        if self.overflowed || other.overflowed || self.keys.len() + other.keys.len() > capacity {
            self.overflow();
        } else {
            self.keys.extend(other.keys);
        }
    }

    fn overflow(&mut self) {
        self.overflowed = true;
        self.keys = Vec::new();
    }

    /// The least and the greatest key; `None` if there is no key.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        self.bounds
    }

    /// The keys, some maybe more than once; `None` if there are too many.
    pub fn keys(&self) -> Option<&[i64]> {
        (!self.overflowed).then_some(&self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sets_keep_their_bounds() {
        let mut set = KeySet::default();
        assert_eq!((set.bounds(), set.keys()), (None, Some([].as_slice())));
        [3, 3, -1].into_iter().for_each(|key| set.insert(key, 2));
        assert_eq!((set.bounds(), set.keys()), (Some((-1, 3)), Some([3, -1].as_slice())));
        set.insert(7, 2);
        assert_eq!((set.bounds(), set.keys()), (Some((-1, 7)), None));
        let mut other = KeySet::default();
        other.merge(set.clone(), 9);
        assert_eq!(other, set, "what is lost stays lost");
        other.merge(KeySet::default(), 9);
        assert_eq!(other, set);
    }
}
