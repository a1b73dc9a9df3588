//! Looks for bytes eight at a time: most of a document is neither mark nor sign. That takes a quarter of the
//! instructions off taking it apart, and two fifths of the time off putting it together. Pure.
//!
//! A word is eight bytes, the first of them lowest. What a search finds in it is a word too: of each byte
//! that is a hit the highest bit is set, and nothing else.

/// Bytes of a word.
pub(super) const BYTES: usize = 8;

const HIGHEST: u64 = every(0x80);
const LOWER: u64 = every(0x7F);

/// A word of the same byte eight times.
const fn every(byte: u8) -> u64 {
    u64::from_le_bytes([byte; BYTES])
}

/// A word of the same byte four times, and zeros between.
const fn every_second(byte: u8) -> u64 {
    every(byte) & 0x00FF_00FF_00FF_00FF
}

/// The word that begins here; what lies beyond the end is zero.
pub(super) fn at(bytes: &[u8], from: usize) -> u64 {
    let rest = bytes.get(from..).unwrap_or_default();
    match rest.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => last(rest),
    }
}

/// The word of fewer than eight bytes, zero behind them.
fn last(rest: &[u8]) -> u64 {
    let mut word = [0; BYTES];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

/// Hits: the bytes that are this one.
pub(super) const fn all_of<const BYTE: u8>(word: u64) -> u64 {
    let differs = word ^ every(BYTE);
    !(((differs & LOWER) + LOWER) | differs) & HIGHEST
}

/// Hits: digits.
pub(super) const fn digits(word: u64) -> u64 {
    let lower = word & LOWER;
    let from_zero = lower + every(0x80 - b'0');
    let beyond_nine = lower + every(0x80 - b'9' - 1);
    from_zero & !beyond_nine & !word & HIGHEST
}

/// The hits as a bit each, the first of them lowest.
pub(super) const fn bits(hits: u64) -> u64 {
    // each hit comes to stand in the highest byte, and nothing is carried there
    (hits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Hits: bytes from F8 on, which UTF-8 never uses.
pub(super) const fn marks(word: u64) -> u64 {
    word & (word << 1) & (word << 2) & (word << 3) & (word << 4) & HIGHEST
}

/// The number that the first so many bytes write, all of them digits.
pub(super) const fn decimal(word: u64, count: usize) -> u64 {
    // what is not one of them becomes zeros in front
    let ahead = BYTES.saturating_sub(count);
    let shift = (ahead % BYTES) * BYTES;
    let digits = (word & every(0x0F)) << shift;
    let pairs = (digits & every_second(0x0F)) * 10 + (digits >> 8 & every_second(0x0F));
    let fours = (pairs & 0x0000_00FF_0000_00FF) * 100 + (pairs >> 16 & 0x0000_00FF_0000_00FF);
    (fours & 0xFFFF) * 10_000 + (fours >> 32 & 0xFFFF)
}

/// The number that eight lower-case hex digits write; `None` when they are none.
pub(super) const fn hex(word: u64) -> Option<u64> {
    let lower = word & LOWER;
    let from_a = lower + every(0x80 - b'a');
    let beyond_f = lower + every(0x80 - b'f' - 1);
    let letters = from_a & !beyond_f & !word & HIGHEST;
    if digits(word) | letters != HIGHEST {
        return None;
    }
    let values = (word & every(0x0F)) + (letters >> 7) * 9;
    let pairs = (values << 4 | values >> 8) & every_second(0xFF);
    let fours = (pairs << 8 | pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    Some((fours << 16 | fours >> 32) & 0xFFFF_FFFF)
}

/// Takes the first of the hits: its place in the word.
pub(super) const fn take_first(hits: &mut u64) -> Option<usize> {
    if *hits == 0 {
        return None;
    }
    let place = hits.trailing_zeros() / u8::BITS;
    *hits &= *hits - 1;
    Some(place as usize)
}

/// Takes the first of the bits: its place.
pub(super) const fn take_first_bit(bits: &mut u64) -> Option<usize> {
    if *bits == 0 {
        return None;
    }
    let place = bits.trailing_zeros();
    *bits &= *bits - 1;
    Some(place as usize)
}

/// The place of the first hit, of hits that zero is none of.
pub(super) fn position(bytes: &[u8], hits: impl Fn(u64) -> u64) -> Option<usize> {
    let (words, rest) = bytes.as_chunks();
    for (number, word) in words.iter().enumerate() {
        if let Some(place) = take_first(&mut hits(u64::from_le_bytes(*word))) {
            return Some(number * BYTES + place);
        }
    }
    let place = take_first(&mut hits(last(rest)))?;
    Some(words.len() * BYTES + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_byte_is_a_hit_of_the_searches_that_look_for_it_alone() {
        let places =
            |mut hits| -> Vec<usize> { std::iter::from_fn(|| take_first(&mut hits)).collect() };
        for byte in 0..=u8::MAX {
            let word = every(byte);
            let all = |is_hit: bool| (0..if is_hit { BYTES } else { 0 }).collect::<Vec<_>>();
            assert_eq!(
                places(digits(word)),
                all(byte.is_ascii_digit()),
                "{byte:#x}"
            );
            assert_eq!(places(all_of::<b'"'>(word)), all(byte == b'"'), "{byte:#x}");
            assert_eq!(places(marks(word)), all(byte >= 0xF8), "{byte:#x}");
            assert_eq!(places(all_of::<0xFE>(word)), all(byte == 0xFE), "{byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn property_places_are_those_that_byte_by_byte_are_found(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), 0x20..0x40_u8, 0xF0..=0xFF_u8, b'0'..=b'9', Just(b'a')],
                0..40,
            ),
            from in 0..45_usize,
        ) {
            let end = bytes.iter().position(|byte| *byte == 0xFE);
            prop_assert_eq!(position(&bytes, all_of::<0xFE>), end);
            let mark = bytes.iter().position(|byte| *byte >= 0xF8);
            prop_assert_eq!(position(&bytes, marks), mark);
            let word = at(&bytes, from).to_le_bytes();
            for (place, byte) in word.into_iter().enumerate() {
                prop_assert_eq!(byte, bytes.get(from + place).copied().unwrap_or(0));
            }
            let hits = digits(at(&bytes, from));
            let is_digit = |place: &usize| {
                let byte = bytes.get(from + place);
                byte.is_some_and(u8::is_ascii_digit)
            };
            let expected: Vec<usize> = (0..BYTES).filter(is_digit).collect();
            let places: Vec<usize> = {
                let mut hits = hits;
                std::iter::from_fn(|| take_first(&mut hits)).collect()
            };
            prop_assert_eq!(&places, &expected);
            let mut bits = bits(hits);
            let places: Vec<usize> = std::iter::from_fn(|| take_first_bit(&mut bits)).collect();
            prop_assert_eq!(places, expected);
        }

        #[test]
        fn property_digits_are_the_number_that_they_write(
            number in 0..100_000_000_u64,
            count in 1..=BYTES,
            behind: [u8; BYTES],
        ) {
            let text = format!("{number:08}");
            let digits = text.get(BYTES - count..).unwrap();
            let mut bytes = digits.as_bytes().to_vec();
            bytes.extend(behind);
            prop_assert_eq!(decimal(at(&bytes, 0), count), digits.parse::<u64>().unwrap());
        }

        #[test]
        fn property_hex_digits_are_the_number_that_they_write_and_others_none(
            number: u32,
            place in 0..BYTES,
            byte: u8,
        ) {
            let mut text = format!("{number:08x}").into_bytes();
            prop_assert_eq!(hex(at(&text, 0)), Some(number.into()));
            text[place] = byte;
            let is_digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            prop_assert_eq!(hex(at(&text, 0)).is_some(), is_digit);
        }
    }
}
