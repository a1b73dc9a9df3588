//! The mark in every document: its number and when it was sent.
//!
//! It has no character that JSON escapes, so that the sink finds it with one search in a request's
//! body, escaped or framed, without parsing anything.

use memchr::memmem::Finder;

use super::clock;

/// What stands before the two numbers.
const WORD: &[u8] = b"bench-mark-";
/// Hexadecimal digits of the document's number.
const NUMBER_DIGITS: usize = 8;
/// Hexadecimal digits of the time in nanoseconds.
const TIME_DIGITS: usize = 16;
/// Bytes of a mark: the word, the number, a dash, the time.
pub(crate) const BYTES: usize = WORD.len() + NUMBER_DIGITS + 1 + TIME_DIGITS;

/// A mark that [`write`] has not been told the numbers of yet.
#[must_use]
pub(crate) fn blank() -> String {
    format!("{}00000000-{:016}", String::from_utf8_lossy(WORD), 0)
}

/// Finds the marks of bodies.
#[derive(Debug)]
pub(crate) struct Marks {
    finder: Finder<'static>,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            finder: Finder::new(WORD),
        }
    }
}

impl Marks {
    /// Where a document's mark begins.
    #[must_use]
    pub(crate) fn place(&self, document: &[u8]) -> Option<usize> {
        self.finder.find(document)
    }

    /// Shows every mark in `body`: the document's number, and when it was sent.
    pub(crate) fn each(&self, body: &[u8], mut mark: impl FnMut(u32, u64)) {
        for place in self.finder.find_iter(body) {
            let numbers = place + WORD.len();
            let Some(digits) = body.get(numbers..place + BYTES) else {
                return;
            };
            let (number, time) = digits.split_at(NUMBER_DIGITS);
            let number = u32::try_from(hexadecimal(number)).unwrap_or(u32::MAX);
            mark(number, hexadecimal(time.get(1..).unwrap_or_default()));
        }
    }
}

/// Writes number and the present time into the mark that `bytes` is.
pub(crate) fn write(bytes: &mut [u8], number: u32) {
    let Some(numbers) = bytes.get_mut(WORD.len()..) else {
        return;
    };
    let (first, second) = numbers.split_at_mut(NUMBER_DIGITS);
    write_hexadecimal(first, u64::from(number));
    write_hexadecimal(second.get_mut(1..).unwrap_or_default(), clock::now_nanos());
}

fn write_hexadecimal(digits: &mut [u8], mut value: u64) {
    for digit in digits.iter_mut().rev() {
        let low = (value & 0xf) as u8;
        *digit = if low < 10 {
            b'0' + low
        } else {
            b'a' + low - 10
        };
        value >>= 4;
    }
}

fn hexadecimal(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| {
        let low = match digit {
            b'a'..=b'f' => digit - b'a' + 10,
            _ => digit.wrapping_sub(b'0') & 0xf,
        };
        value << 4 | u64::from(low)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_a_body_with_their_numbers() {
        let before = clock::now_nanos();
        let mut body = Vec::new();
        for number in [7, 0xdead_beef] {
            let start = body.len();
            body.extend_from_slice(blank().as_bytes());
            write(&mut body[start..], number);
            body.extend_from_slice(b"\\\",\\\"");
        }
        let mut found = Vec::new();
        Marks::default().each(&body, |number, time| found.push((number, time >= before)));
        assert_eq!(found, [(7, true), (0xdead_beef, true)]);
    }

    #[test]
    fn a_mark_that_is_cut_off_is_none() {
        let body = blank();
        let cut = &body.as_bytes()[..BYTES - 1];
        Marks::default().each(cut, |number, _| panic!("found {number}"));
    }
}
