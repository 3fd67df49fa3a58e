//! A small generator for transaction ids and jitter: unpredictable enough to tell clients apart, not a secret.

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, full period, good from any seed, 0 included.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A transaction id: any 32 bits but 0, which careless servers and clients leave in the field.
    pub fn xid(&mut self) -> u32 {
        // The upper half of the word; the mask of a 32-bit value can't fail to fit.
        ((self.next() >> 32) as u32).max(1)
    }

    /// One of `0..=most`. The bias of the remainder is below 2⁻³² for any `most` used here.
    pub fn up_to(&mut self, most: u32) -> u32 {
        (self.next() % (u64::from(most) + 1)) as u32
    }
}
