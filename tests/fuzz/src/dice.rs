//! The source of all chance: the same numbers for the same seed, everywhere.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded source of random choices.
#[derive(Clone, Debug)]
pub struct Dice {
    source: ChaCha8Rng,
}

impl Dice {
    /// The source number `stream` of a seed. Streams do not depend on each other, so
    /// one query of a run can be made again without the others.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(seed);
        source.set_stream(stream);
        Self { source }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.source.random_range(low..=high)
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        // Always drawn as 64 bits, so that the width of usize makes no difference.
        self.source.random_range(0..end as u64) as usize
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.source.random()
    }

    /// True in so many of 100 cases.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.source.random_range(0..100) < percent
    }

    /// One of the elements, of which there must be at least one.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// One of the elements, each as often as its weight says; the sum of the weights
    /// must not be 0.
    pub fn weighted<'a, T>(&mut self, choices: &'a [(u32, T)]) -> &'a T {
        let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut rest = self.source.random_range(0..total);
        for (weight, choice) in choices {
            if rest < *weight {
                return choice;
            }
            rest -= weight;
        }
        unreachable!("the weights add up to more than the random number")
    }

    /// Brings the elements into a random order.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for end in (1..elements.len()).rev() {
            let other = self.below(end + 1);
            elements.swap(end, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_stream_decide() {
        let draw = |seed, stream| Dice::new(seed, stream).bits();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn weights_are_respected() {
        let mut dice = Dice::new(7, 0);
        let choices = [(0, 'a'), (3, 'b'), (1, 'c')];
        let count = |dice: &mut Dice, wanted| {
            (0..4000).filter(|_| *dice.weighted(&choices) == wanted).count()
        };
        assert_eq!(count(&mut dice, 'a'), 0);
        let share = count(&mut dice, 'b');
        assert!((2800..3200).contains(&share), "{share}");
    }
}
