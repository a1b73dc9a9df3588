//! A document's text without what no compressor finds in it. Pure, and exact to the byte.
//!
//! Of a compressed segment most is ids and times written as digits: a compressor pays more than a byte
//! for two hex digits, and loses its place at every one of them. So they are taken out: what is left
//! is alike in most documents of a service, and the ids take 8 bytes, the times about 3.
//!
//! In the text stand, as bytes that UTF-8 never uses:
//!
//! ```text
//! F8       16 hex digits between quotes, the next 8 bytes of `ids`
//! F9       the id of the trace, `1-<8 hex>-<24 hex>`, between quotes
//! FA       16 hex digits that the trace has had before; which one, is the next of `numbers`
//! FB <k>   10 digits, a point and k digits (1 to 7): a time; its distance from the time before it,
//!          in units of the last digit, is the next of `numbers`
//! FC       4 to 18 digits that do not begin with 0, the next of `numbers`
//! FD       such digits that the trace has had before; which ones, is the next of `numbers`
//! FE       the end of the document
//! ```

use std::ops::RangeInclusive;

use radiograph_protocol::ids::TraceId;

use super::super::format::{RAW_BYTES_MAX, take};
use super::numbers;
use super::signs::{STEP_BYTES, Signs};
use super::words;

const NEW_ID: u8 = 0xF8;
const TRACE_ID: u8 = 0xF9;
const KNOWN_ID: u8 = 0xFA;
const TIME: u8 = 0xFB;
const NEW_NUMBER: u8 = 0xFC;
const KNOWN_NUMBER: u8 = 0xFD;
/// Stands behind each document's text.
pub(super) const END: u8 = 0xFE;

/// Ids and numbers of a trace that are remembered, so that a parent's id is written once. A trace of
/// more has the others written again.
const KNOWN_MAX: usize = 64;
/// Digits of a number that is taken out: fewer are as short in the text, more do not fit 64 bits.
const NUMBER_DIGITS: RangeInclusive<usize> = 4..=18;
const ID_DIGITS: usize = 16;
const TRACE_ID_CHARS: usize = 35;
const SECONDS_DIGITS: usize = 10;
/// As far as a word of digits goes.
const POWERS_OF_10: [u64; words::BYTES + 1] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];
/// An `f64` of epoch seconds has no more that mean anything.
const FRACTION_DIGITS_MAX: usize = 7;

/// What the documents of a trace so far say of the next one.
pub(super) struct Context {
    trace_id: String,
    known: Vec<u64>,
    numbers: Vec<u64>,
    /// The latest time, in units of 10⁻⁷ s.
    ticks: i64,
}

/// Something that does not stay in the text.
#[derive(Clone, Copy)]
enum Found {
    TraceId,
    Id(u64),
    /// Digits behind the point, and the value in units of the last of them.
    Time(usize, i64),
    Number(u64),
}

/// Where the parts of documents go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parts {
    /// Eight bytes for each new id.
    pub(super) ids: Vec<u8>,
    /// Times, numbers and which known ones.
    pub(super) numbers: Vec<u8>,
    /// The rest.
    pub(super) text: Vec<u8>,
}

/// Where the parts of documents come from.
pub(super) struct PartsReader<'a> {
    /// Eight bytes for each new id.
    pub(super) ids: &'a [u8],
    /// Times, numbers and which known ones.
    pub(super) numbers: &'a [u8],
    /// The rest.
    pub(super) text: &'a [u8],
}

impl Parts {
    /// How much there is of each.
    pub(super) const fn lengths(&self) -> [usize; 3] {
        [self.ids.len(), self.numbers.len(), self.text.len()]
    }
}

impl PartsReader<'_> {
    /// Whether everything was read.
    pub(super) const fn is_done(&self) -> bool {
        self.ids.is_empty() && self.numbers.is_empty() && self.text.is_empty()
    }
}

impl Context {
    /// Before the first document of a trace; `micros` is a time near its start, if one is known.
    pub(super) fn new(trace_id: TraceId, micros: i64) -> Self {
        Self {
            trace_id: trace_id.to_string(),
            known: Vec::new(),
            numbers: Vec::new(),
            ticks: micros.wrapping_mul(10),
        }
    }

    /// Takes a document apart.
    pub(super) fn push(&mut self, document: &str, parts: &mut Parts) {
        let bytes = document.as_bytes();
        let mut signs = Signs::new(bytes);
        // up to where it is copied, and up to where it is dealt with
        let (mut copied, mut at) = (0, 0);
        for from in (0..bytes.len()).step_by(STEP_BYTES) {
            let ids = signs.quotes_before(1 + ID_DIGITS);
            let ids = ids | signs.quotes_before(1 + TRACE_ID_CHARS);
            let mut begins = ids | signs.numbers();
            while let Some(ahead) = words::take_first_bit(&mut begins) {
                let place = from + ahead;
                if place < at {
                    continue;
                }
                // a quote belongs to the text, and what it encloses does not
                let is_quote = ids >> ahead & 1 == 1;
                let begin = place + usize::from(is_quote);
                let (found, length) = if is_quote {
                    self.quoted(tail(bytes, begin))
                } else {
                    numeric(tail(bytes, begin), ahead, &signs)
                };
                at = begin + length;
                if let Some(found) = found {
                    let kept = bytes.get(copied..begin);
                    parts.text.extend(kept.unwrap_or_default());
                    self.push_found(found, parts);
                    copied = at;
                }
            }
            signs.step();
        }
        parts.text.extend(tail(bytes, copied));
        parts.text.push(END);
    }

    /// What follows a quote, and how many bytes it takes.
    fn quoted(&self, after: &[u8]) -> (Option<Found>, usize) {
        let id = after.first_chunk::<ID_DIGITS>();
        if let Some(id) = id.filter(|_| after.get(ID_DIGITS) == Some(&b'"')) {
            return match hex(id) {
                Some(id) => (Some(Found::Id(id)), ID_DIGITS),
                None => (None, 0),
            };
        }
        match after.get(..TRACE_ID_CHARS) == Some(self.trace_id.as_bytes()) {
            true => (Some(Found::TraceId), TRACE_ID_CHARS),
            false => (None, 0),
        }
    }

    fn push_found(&mut self, found: Found, parts: &mut Parts) {
        match found {
            Found::TraceId => parts.text.push(TRACE_ID),
            Found::Id(id) => self.push_id(id, parts),
            Found::Time(digits, value) => self.push_time(digits, value, parts),
            Found::Number(number) => self.push_number(number, parts),
        }
    }

    fn push_number(&mut self, number: u64, parts: &mut Parts) {
        if let Some(place) = self.numbers.iter().position(|known| *known == number) {
            parts.text.push(KNOWN_NUMBER);
            numbers::push_length(&mut parts.numbers, place);
        } else {
            parts.text.push(NEW_NUMBER);
            numbers::push(&mut parts.numbers, number);
            remember(&mut self.numbers, number);
        }
    }

    fn push_id(&mut self, id: u64, parts: &mut Parts) {
        if let Some(place) = self.known.iter().position(|known| *known == id) {
            parts.text.push(KNOWN_ID);
            numbers::push_length(&mut parts.numbers, place);
        } else {
            parts.text.push(NEW_ID);
            parts.ids.extend(id.to_le_bytes());
            remember(&mut self.known, id);
        }
    }

    fn push_time(&mut self, digits: usize, value: i64, parts: &mut Parts) {
        let unit = ticks_per_unit(digits);
        let expected = self.ticks.div_euclid(unit);
        parts.text.push(TIME);
        parts.text.push(u8::try_from(digits).unwrap_or(0));
        numbers::push_difference(&mut parts.numbers, value, expected);
        self.ticks = value * unit;
    }

    /// Puts the next document together; `None` when its parts are none.
    pub(super) fn take(&mut self, parts: &mut PartsReader<'_>) -> Option<String> {
        let length = words::position(parts.text, words::all_of::<END>)?;
        let mut out = Vec::with_capacity(with_taken_out(length));
        loop {
            let plain = words::position(parts.text, words::marks)?;
            out.extend(numbers::take_bytes(&mut parts.text, plain)?);
            match next(&mut parts.text)? {
                NEW_ID => {
                    let id = u64::from_le_bytes(take(&mut parts.ids)?);
                    push_digits::<16>(&mut out, id, ID_DIGITS);
                    remember(&mut self.known, id);
                }
                KNOWN_ID => {
                    let place = numbers::take_length(&mut parts.numbers)?;
                    push_digits::<16>(&mut out, *self.known.get(place)?, ID_DIGITS);
                }
                NEW_NUMBER => {
                    let number = numbers::take(&mut parts.numbers)?;
                    push_number(&mut out, number);
                    remember(&mut self.numbers, number);
                }
                KNOWN_NUMBER => {
                    let place = numbers::take_length(&mut parts.numbers)?;
                    push_number(&mut out, *self.numbers.get(place)?);
                }
                TRACE_ID => out.extend(self.trace_id.as_bytes()),
                TIME => self.take_time(parts, &mut out)?,
                END => return String::from_utf8(out).ok(),
                _ => return None,
            }
            if out.len() > RAW_BYTES_MAX {
                return None;
            }
        }
    }

    fn take_time(&mut self, parts: &mut PartsReader<'_>, out: &mut Vec<u8>) -> Option<()> {
        let digits = usize::from(next(&mut parts.text)?);
        if !(1..=FRACTION_DIGITS_MAX).contains(&digits) {
            return None;
        }
        let unit = ticks_per_unit(digits);
        let value = numbers::take_difference(&mut parts.numbers, self.ticks.div_euclid(unit))?;
        self.ticks = value.checked_mul(unit)?;
        let value = u64::try_from(value).ok()?;
        let second = u64::try_from(ticks_per_unit(FRACTION_DIGITS_MAX - digits)).ok()?;
        push_digits::<10>(out, value / second, SECONDS_DIGITS);
        out.push(b'.');
        push_digits::<10>(out, value % second, digits);
        Some(())
    }
}

/// How many documents these are the parts of: ends are nothing else.
pub(super) fn document_count(parts: &PartsReader<'_>) -> usize {
    parts.text.iter().filter(|byte| **byte == END).count()
}

/// About the length of the documents that these are the parts of.
pub(super) const fn usual_bytes_of(parts: &PartsReader<'_>) -> usize {
    with_taken_out(parts.text.len())
}

/// What was taken out makes up about half as much again as what is left.
const fn with_taken_out(text_bytes: usize) -> usize {
    text_bytes.saturating_add(text_bytes / 2)
}

fn tail(bytes: &[u8], from: usize) -> &[u8] {
    bytes.get(from..).unwrap_or_default()
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    take::<1>(rest).map(|[byte]| byte)
}

/// The number that these lower-case hex digits write.
fn hex(digits: &[u8; ID_DIGITS]) -> Option<u64> {
    let (words, _) = digits.as_chunks();
    words.iter().try_fold(0, |value, word| {
        Some(value << 32 | words::hex(u64::from_le_bytes(*word))?)
    })
}

/// What a digit begins that stands at this place of the signs, and how many bytes it takes.
fn numeric(here: &[u8], place: usize, signs: &Signs<'_>) -> (Option<Found>, usize) {
    let run = signs.digits_from(place);
    if run == SECONDS_DIGITS && here.get(run) == Some(&b'.') {
        let digits = signs.digits_from(place + run + 1).min(FRACTION_DIGITS_MAX);
        if digits > 0 {
            let fraction = decimal(tail(here, run + 1), digits);
            let second = ticks_per_unit(FRACTION_DIGITS_MAX - digits).cast_unsigned();
            let value = decimal(here, run) * second + fraction;
            return (
                Some(Found::Time(digits, value.cast_signed())),
                run + 1 + digits,
            );
        }
    }
    if !NUMBER_DIGITS.contains(&run) || here.first() == Some(&b'0') {
        return (None, run);
    }
    (Some(Found::Number(decimal(here, run))), run)
}

/// The number that so many digits write, 18 at most.
fn decimal(digits: &[u8], count: usize) -> u64 {
    let (mut value, mut from) = (0, 0);
    while from < count {
        let here = (count - from).min(words::BYTES);
        let scale = POWERS_OF_10.get(here).copied().unwrap_or(1);
        value = value * scale + words::decimal(words::at(digits, from), here);
        from += here;
    }
    value
}

fn remember(known: &mut Vec<u64>, value: u64) {
    if known.len() < KNOWN_MAX {
        known.push(value);
    }
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    push_digits::<10>(out, number, digits_in(number));
}

fn digits_in(number: u64) -> usize {
    let digits = number.checked_ilog10().unwrap_or(0) + 1;
    usize::try_from(digits).unwrap_or(0)
}

/// Units of 10⁻⁷ s in a unit of so many digits behind the point.
fn ticks_per_unit(digits: usize) -> i64 {
    let more = FRACTION_DIGITS_MAX.saturating_sub(digits);
    let ticks = POWERS_OF_10.get(more).copied().unwrap_or(1);
    ticks.cast_signed()
}

/// Writes the last `count` digits of a number.
fn push_digits<const BASE: u64>(out: &mut Vec<u8>, mut value: u64, count: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let from = out.len();
    out.resize(from + count, b'0');
    for place in out.iter_mut().skip(from).rev() {
        let digit = usize::try_from(value % BASE).unwrap_or(0);
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        value /= BASE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample;
    use proptest::prelude::*;

    fn parts_of(documents: &[&str]) -> Parts {
        let mut parts = Parts::default();
        let mut context = Context::new(sample::trace(7), 1_700_000_000_000_000);
        for document in documents {
            context.push(document, &mut parts);
        }
        parts
    }

    fn reader_of(parts: &Parts) -> PartsReader<'_> {
        PartsReader {
            ids: &parts.ids,
            numbers: &parts.numbers,
            text: &parts.text,
        }
    }

    fn documents_in(parts: &Parts, count: usize) -> Option<Vec<String>> {
        let mut context = Context::new(sample::trace(7), 1_700_000_000_000_000);
        let mut reader = reader_of(parts);
        (0..count).map(|_| context.take(&mut reader)).collect()
    }

    #[test]
    fn ids_and_times_are_taken_out() {
        let trace_id = sample::trace(7);
        let first = format!(
            r#"{{"id":"00aa11bb22cc33dd","trace_id":"{trace_id}","start_time":1700000000.123}}"#
        );
        let second = r#"{"parent_id":"00aa11bb22cc33dd","end_time":1700000000.1234567}"#;
        let parts = parts_of(&[&first, second]);
        let text = [
            b"{\"id\":\"\xF8\",\"trace_id\":\"\xF9\",\"start_time\":\xFB\x03}\xFE".as_slice(),
            b"{\"parent_id\":\"\xFA\",\"end_time\":\xFB\x07}\xFE",
        ];
        assert_eq!(parts.text, text.concat());
        assert_eq!(parts.ids.len(), 8);
        assert_eq!(parts.numbers.len(), 2 + 1 + 2);
        assert_eq!(documents_in(&parts, 2).unwrap(), [first.as_str(), second]);
    }

    #[test]
    fn what_only_resembles_an_id_or_a_time_is_kept() {
        for document in [
            "",
            "\"00AA11BB22CC33DD\"",
            "\"00aa11bb22cc33d\"",
            "\"1-aabbccdd-00000000000000000000000e\"",
            "123.5",
            "012345",
            "1234567890123456789",
            "\"\u{ff}\u{10ffff}",
        ] {
            let parts = parts_of(&[document]);
            assert_eq!(
                parts.text,
                [document.as_bytes(), &[END]].concat(),
                "{document}"
            );
            assert_eq!(documents_in(&parts, 1).unwrap(), [document]);
        }
    }

    #[test]
    fn numbers_are_taken_out_and_written_once() {
        let document = "/cart/302488?x=302488&y=1000 1700000000. 999";
        let parts = parts_of(&[document]);
        let text = b"/cart/\xFC?x=\xFD&y=\xFC \xFC. 999\xFE".as_slice();
        assert_eq!(parts.text, text);
        assert_eq!(documents_in(&parts, 1).unwrap(), [document]);
    }

    #[test]
    fn more_ids_than_are_remembered_are_written_again() {
        let ids: Vec<_> = (1..=100_u64).map(|id| format!("\"{id:016x}\"")).collect();
        let document = ids.concat().repeat(2);
        let parts = parts_of(&[&document]);
        assert_eq!(parts.ids.len(), 8 * (100 + 100 - KNOWN_MAX));
        assert_eq!(documents_in(&parts, 1).unwrap(), [document]);
    }

    fn any_document() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[0-9a-f]{14,18}".prop_map(|hex| format!("\"{hex}\"")),
            "[0-9]{8,12}\\.[0-9]{0,9}",
            "[0-9]{1,20}",
            Just(format!("\"{}\"", sample::trace(7))),
            Just("\"00000000000000aa\"".to_owned()),
            ".{0,5}",
            "[\".0-9]{0,30}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn property_documents_are_put_together_as_they_were(
            documents in prop::collection::vec(any_document(), 1..5),
        ) {
            let texts: Vec<_> = documents.iter().map(String::as_str).collect();
            let parts = parts_of(&texts);
            prop_assert_eq!(document_count(&reader_of(&parts)), texts.len());
            prop_assert_eq!(documents_in(&parts, texts.len()), Some(documents));
        }

        #[test]
        fn property_no_parts_make_the_reader_panic(
            ids: Vec<u8>,
            numbers: Vec<u8>,
            text in prop::collection::vec(prop_oneof![0xF5..=0xFF_u8, any::<u8>(), 1..8_u8], 0..60),
        ) {
            let parts = Parts { ids, numbers, text };
            let _any = (documents_in(&parts, 3), document_count(&reader_of(&parts)));
        }
    }
}
