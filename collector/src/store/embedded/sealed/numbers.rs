//! Whole numbers in as few bytes as they need (LEB128, as postcard writes them), and differences that
//! wrap around instead of failing. Pure.

/// Appends a number: 7 bits a byte, lowest first.
pub(super) fn push(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7F);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends a length or count.
pub(super) fn push_length(out: &mut Vec<u8>, length: usize) {
    push(out, u64::try_from(length).unwrap_or(u64::MAX));
}

/// Takes a number off the front; `None` at the end, or when it is longer than 64 bits.
pub(super) fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in (0..u64::BITS).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7F) << place;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Takes a length or count off the front.
pub(super) fn take_length(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(take(rest)?).ok()
}

/// Appends how far `actual` lies from `expected`; near ones take a byte, whatever the direction.
pub(super) fn push_difference(out: &mut Vec<u8>, actual: i64, expected: i64) {
    let difference = actual.wrapping_sub(expected);
    push(
        out,
        ((difference << 1) ^ (difference >> 63)).cast_unsigned(),
    );
}

/// Takes a number off the front that was appended as its distance from `expected`.
pub(super) fn take_difference(rest: &mut &[u8], expected: i64) -> Option<i64> {
    let folded = take(rest)?;
    let difference = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
    Some(expected.wrapping_add(difference))
}

/// Takes so many bytes off the front.
pub(super) fn take_bytes<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (bytes, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_numbers_take_one_byte_and_the_largest_ten() {
        for (value, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (u64::MAX, 10)] {
            let mut out = Vec::new();
            push(&mut out, value);
            assert_eq!(out.len(), bytes, "{value}");
            assert_eq!(take(&mut out.as_slice()), Some(value));
        }
    }

    #[test]
    fn a_number_that_never_ends_is_none() {
        assert_eq!(take(&mut [0x80; 11].as_slice()), None);
        assert_eq!(take(&mut [0x80; 2].as_slice()), None);
    }

    proptest! {
        #[test]
        fn property_differences_are_read_back_whatever_was_expected(actual: i64, expected: i64) {
            let mut out = Vec::new();
            push_difference(&mut out, actual, expected);
            prop_assert_eq!(take_difference(&mut out.as_slice(), expected), Some(actual));
        }
    }
}
