//! Where a text has quotes and digits: a bit for each byte, 128 of them at a time. What a document is
//! taken apart at is found among them by shifting: few of them are where an id or a number begins, so that
//! little is looked at in vain. Pure.

use super::words;

/// Bytes by which it goes on.
pub(super) const STEP_BYTES: usize = 64;

/// Signs of a text from some place on.
pub(super) struct Signs<'t> {
    /// What lies behind those 128 bytes.
    rest: &'t [u8],
    quotes: u128,
    digits: u128,
    /// Whether a digit stands before them.
    is_behind_digit: bool,
}

impl<'t> Signs<'t> {
    /// Those of its first bytes.
    pub(super) fn new(text: &'t [u8]) -> Self {
        let mut signs = Self {
            rest: text,
            quotes: 0,
            digits: 0,
            is_behind_digit: false,
        };
        signs.step();
        signs.step();
        signs
    }

    /// Goes on by [`STEP_BYTES`].
    pub(super) fn step(&mut self) {
        self.is_behind_digit = self.digits >> (STEP_BYTES - 1) & 1 == 1;
        self.quotes >>= STEP_BYTES;
        self.digits >>= STEP_BYTES;
        if let Some((bytes, rest)) = self.rest.split_first_chunk() {
            self.rest = rest;
            self.add(bytes);
        } else if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            let mut last = [0; STEP_BYTES];
            for (to, from) in last.iter_mut().zip(rest) {
                *to = *from;
            }
            self.add(&last);
        }
    }

    fn add(&mut self, bytes: &[u8; STEP_BYTES]) {
        let (mut quotes, mut digits) = (0, 0);
        let (parts, _) = bytes.as_chunks::<{ words::BYTES }>();
        for part in parts.iter().rev() {
            let word = u64::from_le_bytes(*part);
            quotes = quotes << words::BYTES | words::bits(words::all_of::<b'"'>(word));
            digits = digits << words::BYTES | words::bits(words::digits(word));
        }
        self.quotes |= u128::from(quotes) << STEP_BYTES;
        self.digits |= u128::from(digits) << STEP_BYTES;
    }

    /// The quotes that have another one so many bytes behind them, 64 at most.
    pub(super) fn quotes_before(&self, distance: usize) -> u64 {
        first(self.quotes & self.quotes >> distance)
    }

    /// The digits with no digit before them and three behind them at least.
    pub(super) fn numbers(&self) -> u64 {
        let digits = self.digits;
        let behind_digits = digits << 1 | u128::from(self.is_behind_digit);
        first(digits & !behind_digits & digits >> 1 & digits >> 2 & digits >> 3)
    }

    /// How many digits follow each other from a place on; of those in sight.
    pub(super) fn digits_from(&self, place: usize) -> usize {
        let shift = u32::try_from(place).unwrap_or(u32::MAX);
        let digits = self.digits.checked_shr(shift).unwrap_or(0);
        digits.trailing_ones() as usize
    }
}

/// The bits of the first [`STEP_BYTES`].
const fn first(bits: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
    {
        bits as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn property_signs_are_those_that_byte_by_byte_are_found(
            text in prop::collection::vec(
                prop_oneof![Just(b'"'), b'0'..=b'9', 0x20..0x40_u8, any::<u8>()],
                0..200,
            ),
            distance in 1..=STEP_BYTES,
        ) {
            let byte = |place: usize| text.get(place).copied().unwrap_or(0);
            let is_digit = |place: usize| byte(place).is_ascii_digit();
            let mut signs = Signs::new(&text);
            for from in (0..256).step_by(STEP_BYTES) {
                for ahead in 0..STEP_BYTES {
                    let place = from + ahead;
                    let is_set = |bits: u64| bits >> ahead & 1 == 1;
                    let is_pair = byte(place) == b'"' && byte(place + distance) == b'"';
                    prop_assert_eq!(is_set(signs.quotes_before(distance)), is_pair);
                    let is_first = place == 0 || !is_digit(place - 1);
                    let begins = is_first && (place..place + 4).all(is_digit);
                    prop_assert_eq!(is_set(signs.numbers()), begins);
                    let run = (place..).take_while(|place| is_digit(*place)).count();
                    let in_sight = 2 * STEP_BYTES - ahead;
                    prop_assert_eq!(signs.digits_from(ahead), run.min(in_sight));
                }
                signs.step();
            }
        }
    }
}
