//! A blocked Bloom filter over trace ids: a look-up touches one cache line. Pure.
//!
//! 20 bits a trace and 8 bits set, one in each word of a block of 64 bytes: about 0.03 % of the ids
//! that are not there are taken to be (measured by the test below), so that the look-up of a random id
//! in a hundred files reads 0.03 blocks in vain. Ids are hashed by SipHash-2-4
//! with a random key that the file holds, so that nobody can choose ids that fill a block or that all
//! partitions take for theirs.

const BITS_PER_TRACE: usize = 20;
const WORDS: usize = 8;
/// Bytes of a block, a cache line of usual processors.
const BLOCK_BYTES: usize = 8 * WORDS;

/// The filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bloom {
    key: u128,
    blocks: Vec<[u64; WORDS]>,
}

impl Bloom {
    /// A filter over traces with these hashes, made with the same key by [`hash`].
    pub(super) fn of(key: u128, hashes: &[u64]) -> Self {
        let bits = hashes.len().saturating_mul(BITS_PER_TRACE);
        let count = bits.div_ceil(BLOCK_BYTES * 8).max(1);
        let mut filter = Self {
            key,
            blocks: vec![[0; WORDS]; count],
        };
        for hash in hashes {
            let block = filter.block_of(*hash);
            if let Some(block) = filter.blocks.get_mut(block) {
                for (word, mask) in block.iter_mut().zip(masks(*hash)) {
                    *word |= mask;
                }
            }
        }
        filter
    }

    /// Whether the trace may be among them; `false` is certain.
    pub(super) fn may_have(&self, trace_bits: u128) -> bool {
        let hash = hash(self.key, trace_bits);
        self.blocks.get(self.block_of(hash)).is_some_and(|block| {
            let mut words = block.iter().zip(masks(hash));
            words.all(|(word, mask)| word & mask != 0)
        })
    }

    /// The filter's bytes: the key, then the words.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let words = self.blocks.iter().flatten();
        let mut bytes = self.key.to_le_bytes().to_vec();
        bytes.extend(words.flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// Reads a filter; `None` when these are no bytes of one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (key, words) = bytes.split_first_chunk::<16>()?;
        let (words, rest) = words.as_chunks::<8>();
        let (blocks, odd) = words.as_chunks::<WORDS>();
        let is_whole = rest.is_empty() && odd.is_empty() && !blocks.is_empty();
        is_whole.then(|| Self {
            key: u128::from_le_bytes(*key),
            blocks: blocks
                .iter()
                .map(|block| block.map(u64::from_le_bytes))
                .collect(),
        })
    }

    /// The upper half chooses the block: a multiplication instead of a division.
    fn block_of(&self, hash: u64) -> usize {
        let count = u64::try_from(self.blocks.len()).unwrap_or(u64::MAX);
        usize::try_from(((hash >> 32) * count.min(1 << 32)) >> 32).unwrap_or(0)
    }
}

/// One bit in each word, chosen by 6 bits of the hash, stirred once more since the upper half has
/// chosen the block.
fn masks(hash: u64) -> [u64; WORDS] {
    let mut bits = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits ^= bits >> 29;
    [0; WORDS].map(|_: u64| {
        bits = bits.rotate_right(6);
        1 << (bits & 63)
    })
}

/// SipHash-2-4 of 16 bytes (Aumasson and Bernstein, 2012).
pub(super) fn hash(key: u128, trace_bits: u128) -> u64 {
    let [key0, key1] = halves(key);
    let mut state = [
        key0 ^ 0x736f_6d65_7073_6575,
        key1 ^ 0x646f_7261_6e64_6f6d,
        key0 ^ 0x6c79_6765_6e65_7261,
        key1 ^ 0x7465_6462_7974_6573,
    ];
    let [low, high] = halves(trace_bits);
    // the last word holds the length in its highest byte
    for word in [low, high, 16 << 56] {
        state[3] ^= word;
        state = round(round(state));
        state[0] ^= word;
    }
    state[2] ^= 0xff;
    let [a, b, c, d] = round(round(round(round(state))));
    a ^ b ^ c ^ d
}

const fn halves(bits: u128) -> [u64; 2] {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each half is what is wanted"
    )]
    [bits as u64, (bits >> 64) as u64]
}

const fn round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u128 = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100;

    /// The reference implementation's vector for a message of 16 bytes.
    #[test]
    fn the_hash_is_siphash() {
        assert_eq!(hash(KEY, KEY), 0x3f2a_cc7f_57c2_9bdb);
    }

    fn filter(traces: u128) -> Bloom {
        let hashes: Vec<_> = (0..traces).map(|bits| hash(KEY, bits)).collect();
        Bloom::of(KEY, &hashes)
    }

    #[test]
    fn what_is_there_is_found_and_of_the_rest_one_in_two_thousand_at_most() {
        let filter = filter(20_000);
        assert!((0..20_000).all(|bits| filter.may_have(bits)));
        let wrong = (20_000..120_000)
            .filter(|bits| filter.may_have(*bits))
            .count();
        assert!((1..50).contains(&wrong), "{wrong} of 100,000");
    }

    #[test]
    fn it_takes_20_bits_a_trace_and_is_read_back() {
        let filter = filter(20_000);
        let bytes = filter.to_bytes();
        assert!(
            (50_000..50_100).contains(&bytes.len()),
            "{} bytes",
            bytes.len()
        );
        assert_eq!(Bloom::read(&bytes), Some(filter));
        for cut in [0, 15, 16, 17, bytes.len() - 1] {
            assert_eq!(Bloom::read(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_filter_over_nothing_finds_nothing() {
        assert!(!filter(0).may_have(1));
    }
}
