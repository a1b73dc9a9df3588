//! A block of views, newest first, each a row. Pure.
//!
//! ```text
//! streams = trace ids (16 each) | heads | rest | ids | numbers | text
//! heads   = view format (1) | head*
//! head    = start, from that of the row before | latest, from the start
//!         | bytes of the rest | of ids | of numbers | of text
//! ```
//!
//! The rest is the view in postcard with its trace id and times set to zero, and the strings that
//! differ from trace to trace empty. The times stand in `numbers` as distances from where they are to
//! be expected: an entity's start from that of the entity before, its end from its start, a segment's
//! span from its own entity's. The strings follow, taken apart as in [`super::text`]: each has a number,
//! 0 for one that is written, else the place among those written in this row, plus 1. What is left
//! of a view resembles the others, so that a row takes half of what a view compressed as it is does.
//! Heads are read without decoding a view.

use std::io;
use std::ops::Range;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::super::format::take;
use super::super::payload::{VIEW_FORMAT, encode_view};
use super::numbers;
use super::text::{Context, Parts, PartsReader};
use crate::store::Cursor;
use crate::trace::view::TraceView;

/// Strings of a view that are remembered, so that the url of a call and of what answered it are
/// written once.
const KNOWN_MAX: usize = 64;
/// A usual head and the trace id.
const HEAD_BYTES: usize = 16 + 10;

/// A view as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Start and trace.
    pub(super) cursor: Cursor,
    /// The latest time of the trace.
    pub(super) latest: Timestamp,
    parts: Parts,
    rest: Vec<u8>,
}

impl Row {
    /// The row of a view.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(super) fn of(mut view: TraceView) -> io::Result<Self> {
        let cursor = Cursor {
            start: view.summary.start,
            trace_id: view.trace_id,
        };
        let latest = view.summary.latest;
        let mut parts = Parts::default();
        let walked = walk(&mut view, cursor.start, latest, &mut |actual, expected| {
            numbers::push_difference(&mut parts.numbers, actual, expected);
            Some((0, actual))
        });
        debug_assert!(walked.is_some(), "writing takes every time");
        let mut context = Context::new(cursor.trace_id, cursor.start.micros());
        let mut known: Vec<String> = Vec::new();
        for text in strings(&mut view) {
            let text = std::mem::take(text);
            let place = known.iter().position(|known| *known == text);
            numbers::push_length(&mut parts.numbers, place.map_or(0, |place| place + 1));
            if place.is_none() {
                context.push(&text, &mut parts);
                if known.len() < KNOWN_MAX {
                    known.push(text);
                }
            }
        }
        view.trace_id = TraceId::from_bits(0);
        view.summary.start = Timestamp::from_micros(0);
        view.summary.latest = Timestamp::from_micros(0);
        let mut rest = encode_view(&view)?;
        // all rows of a file wait in memory to be sorted
        for bytes in [&mut rest, &mut parts.numbers, &mut parts.text] {
            bytes.shrink_to_fit();
        }
        Ok(Self {
            cursor,
            latest,
            parts,
            rest,
        })
    }

    /// The view; `None` when it is damaged.
    pub(super) fn view(&self) -> Option<TraceView> {
        let reader = PartsReader {
            ids: &self.parts.ids,
            numbers: &self.parts.numbers,
            text: &self.parts.text,
        };
        view_of(self.cursor, self.latest, reader, &self.rest)
    }

    /// Bytes it takes before compression.
    pub(super) fn bytes(&self) -> usize {
        let parts: usize = self.parts.lengths().iter().sum();
        HEAD_BYTES + parts + self.rest.len()
    }
}

fn view_of(
    cursor: Cursor,
    latest: Timestamp,
    mut parts: PartsReader<'_>,
    rest: &[u8],
) -> Option<TraceView> {
    let mut view: TraceView = postcard::from_bytes(rest).ok()?;
    view.trace_id = cursor.trace_id;
    view.summary.start = cursor.start;
    view.summary.latest = latest;
    walk(&mut view, cursor.start, latest, &mut |_, expected| {
        let actual = numbers::take_difference(&mut parts.numbers, expected)?;
        Some((actual, actual))
    })?;
    let mut context = Context::new(cursor.trace_id, cursor.start.micros());
    let mut known: Vec<String> = Vec::new();
    for text in strings(&mut view) {
        let place = numbers::take_length(&mut parts.numbers)?;
        if let Some(place) = place.checked_sub(1) {
            text.clone_from(known.get(place)?);
            continue;
        }
        *text = context.take(&mut parts)?;
        if known.len() < KNOWN_MAX {
            known.push(text.clone());
        }
    }
    parts.is_done().then_some(view)
}

/// The strings that differ from trace to trace; names, methods and the like are the same in many.
fn strings(view: &mut TraceView) -> impl Iterator<Item = &mut String> {
    let facts = &mut view.facts;
    let https = facts
        .entities
        .iter_mut()
        .flat_map(|entity| &mut entity.http);
    let https = https.flat_map(|http| [&mut http.url, &mut http.user_agent, &mut http.client_ip]);
    let hosts = facts
        .segments
        .iter_mut()
        .flat_map(|segment| &mut segment.host);
    https.chain(hosts.map(|host| &mut host.user)).flatten()
}

/// What a walk does with a time: from what stands there and what is expected to what shall stand
/// there and what it truly is.
type Each<'a> = dyn FnMut(i64, i64) -> Option<(i64, i64)> + 'a;

/// Hands every time of a view, start and latest excepted, to `each`, in one order for all.
fn walk(
    view: &mut TraceView,
    start: Timestamp,
    latest: Timestamp,
    each: &mut Each<'_>,
) -> Option<()> {
    let mut time = |at: &mut Timestamp, expected: Timestamp| {
        let (stays, truth) = each(at.micros(), expected.micros())?;
        *at = Timestamp::from_micros(stays);
        Some(Timestamp::from_micros(truth))
    };
    let mut spans = Vec::with_capacity(view.facts.entities.len());
    let mut previous = start;
    for entity in &mut view.facts.entities {
        let entity_start = time(&mut entity.start, previous)?;
        let entity_end = match &mut entity.end {
            Some(end) => time(end, entity_start)?,
            None => entity_start,
        };
        spans.push((entity_start, entity_end));
        previous = entity_start;
    }
    for segment in &mut view.facts.segments {
        let place = usize::try_from(segment.entity.0).unwrap_or(usize::MAX);
        let (from, until) = spans.get(place).copied().unwrap_or((start, latest));
        time(&mut segment.earliest, from)?;
        time(&mut segment.latest, until)?;
    }
    for link in &mut view.facts.links {
        let from = time(&mut link.start, start)?;
        time(&mut link.end, from)?;
    }
    let whole = latest.since(start);
    let summary = &mut view.summary;
    let lengths = [&mut summary.duration, &mut summary.response_time];
    for length in lengths.into_iter().flatten() {
        let (stays, _) = each(length.micros(), whole.micros())?;
        *length = Elapsed::from_micros(stays);
    }
    Some(())
}

/// A block that is being filled.
#[derive(Default)]
pub(super) struct Builder {
    trace_ids: Vec<u8>,
    heads: Vec<u8>,
    parts: Parts,
    rest: Vec<u8>,
    previous_start: i64,
    /// First and last row.
    pub(super) ends: Option<(Cursor, Cursor)>,
    /// Greatest latest time.
    pub(super) latest: Option<Timestamp>,
    /// Rows so far.
    pub(super) rows: u32,
    /// Bytes so far.
    pub(super) bytes: usize,
}

impl Builder {
    /// Adds a row, which stands behind the one before.
    pub(super) fn push(&mut self, row: &Row) {
        if self.heads.is_empty() {
            self.heads.push(VIEW_FORMAT);
        }
        let start = row.cursor.start.micros();
        self.trace_ids
            .extend(row.cursor.trace_id.bits().to_le_bytes());
        numbers::push_difference(&mut self.heads, start, self.previous_start);
        numbers::push_difference(&mut self.heads, row.latest.micros(), start);
        numbers::push_length(&mut self.heads, row.rest.len());
        for length in row.parts.lengths() {
            numbers::push_length(&mut self.heads, length);
        }
        self.rest.extend(&row.rest);
        self.parts.ids.extend(&row.parts.ids);
        self.parts.numbers.extend(&row.parts.numbers);
        self.parts.text.extend(&row.parts.text);
        self.previous_start = start;
        let (first, _) = self.ends.unwrap_or((row.cursor, row.cursor));
        self.ends = Some((first, row.cursor));
        self.latest = self.latest.max(Some(row.latest));
        self.rows = self.rows.saturating_add(1);
        self.bytes = self.bytes.saturating_add(row.bytes());
    }

    /// The streams of the block.
    pub(super) fn streams(&self) -> [&[u8]; 6] {
        let Parts { ids, numbers, text } = &self.parts;
        let Self {
            trace_ids,
            heads,
            rest,
            ..
        } = self;
        [trace_ids, heads, rest, ids, numbers, text]
    }
}

/// A block's rows, their views not decoded yet.
#[derive(Debug)]
pub(super) struct Rows {
    /// The rows' heads, newest first.
    pub(super) heads: Vec<RowHead>,
    rest: Vec<u8>,
    parts: Parts,
}

/// What is known of a row without its view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowHead {
    /// Start and trace.
    pub(super) cursor: Cursor,
    /// The latest time of the trace.
    pub(super) latest: Timestamp,
    /// Where its part of each stream is: the rest, ids, numbers, text.
    ranges: [Range<usize>; 4],
}

impl Rows {
    /// Reads a block of these streams; `None` when it is damaged or of another [`VIEW_FORMAT`].
    pub(super) fn read(streams: Vec<Vec<u8>>) -> Option<Self> {
        let [trace_ids, heads, rest, ids, numbers, text] =
            <[Vec<u8>; 6]>::try_from(streams).ok()?;
        let (trace_ids, odd) = trace_ids.as_chunks::<16>();
        let mut bytes = heads.as_slice();
        if take::<1>(&mut bytes)? != [VIEW_FORMAT] || !odd.is_empty() {
            return None;
        }
        let mut heads = Vec::with_capacity(trace_ids.len());
        let (mut start, mut ends) = (0, [0_usize; 4]);
        for trace_id in trace_ids {
            start = numbers::take_difference(&mut bytes, start)?;
            let latest = numbers::take_difference(&mut bytes, start)?;
            let mut ranges = [const { 0..0 }; 4];
            for (end, range) in ends.iter_mut().zip(&mut ranges) {
                let from = *end;
                *end = numbers::take_length(&mut bytes)?.checked_add(from)?;
                *range = from..*end;
            }
            heads.push(RowHead {
                cursor: Cursor {
                    start: Timestamp::from_micros(start),
                    trace_id: TraceId::from_bits(u128::from_le_bytes(*trace_id)),
                },
                latest: Timestamp::from_micros(latest),
                ranges,
            });
        }
        let lengths = [rest.len(), ids.len(), numbers.len(), text.len()];
        let parts = Parts { ids, numbers, text };
        (bytes.is_empty() && ends == lengths).then_some(Self { heads, rest, parts })
    }

    /// The view of a row; `None` when it is damaged.
    pub(super) fn view(&self, head: &RowHead) -> Option<TraceView> {
        let (parts, rest) = self.bytes_of(head)?;
        view_of(head.cursor, head.latest, parts, rest)
    }

    /// A row, to be written elsewhere.
    pub(super) fn row(&self, head: &RowHead) -> Option<Row> {
        let (parts, rest) = self.bytes_of(head)?;
        Some(Row {
            cursor: head.cursor,
            latest: head.latest,
            parts: Parts {
                ids: parts.ids.to_vec(),
                numbers: parts.numbers.to_vec(),
                text: parts.text.to_vec(),
            },
            rest: rest.to_vec(),
        })
    }

    fn bytes_of(&self, head: &RowHead) -> Option<(PartsReader<'_>, &[u8])> {
        let [rest, ids, numbers, text] = head.ranges.clone();
        let parts = PartsReader {
            ids: self.parts.ids.get(ids)?,
            numbers: self.parts.numbers.get(numbers)?,
            text: self.parts.text.get(text)?,
        };
        Some((parts, self.rest.get(rest)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::sample;
    use crate::trace::facts::{EntityAt, LinkFacts, SegmentAt};
    use proptest::prelude::*;
    use radiograph_protocol::ids::SegmentId;

    /// A view with a time in every place that has one, each different.
    fn view(number: u32, start: i64) -> TraceView {
        let mut view = sample::lasting(number, 3, start, 7);
        let at = |micros| view.summary.start.plus_micros(micros);
        let link = LinkFacts {
            trace_id: sample::trace(9),
            id: SegmentId::MAX,
            consumer: SegmentAt(0),
            start: at(-5),
            end: at(17),
            producer_revision: 0,
            producer: None,
        };
        let unfinished = crate::trace::facts::EntityFacts {
            start: at(-1_000_000_000_000),
            end: None,
            ..view.facts.entities[0].clone()
        };
        let http = view.facts.entities[0].http.as_mut().unwrap();
        http.url = Some("http://example.com/cart/302488?id=\"00112233445566aa\"".to_owned());
        http.client_ip = http.url.clone();
        http.user_agent = Some(String::new());
        view.facts.segments[1].earliest = at(-3);
        view.facts.segments[2].entity = EntityAt(u32::MAX);
        view.summary.response_time = Some(Elapsed::from_micros(99));
        view.facts.links.push(link);
        view.facts.entities.push(unfinished);
        view
    }

    fn block(views: &[TraceView]) -> Vec<Vec<u8>> {
        let mut builder = Builder::default();
        for view in views {
            builder.push(&Row::of(view.clone()).unwrap());
        }
        builder.streams().map(<[u8]>::to_vec).to_vec()
    }

    #[test]
    fn views_are_read_back_with_all_their_times() {
        let views = [view(2, 1_795_270_000), view(1, 1_795_270_000), view(3, -4)];
        let rows = Rows::read(block(&views)).unwrap();
        let read: Vec<_> = rows
            .heads
            .iter()
            .map(|head| rows.view(head).unwrap())
            .collect();
        assert_eq!(read, views);
        assert_eq!(rows.heads[2].cursor.start, Timestamp::from_seconds(-4));
        assert_eq!(rows.heads[2].latest, Timestamp::from_seconds(3));
        assert_eq!(rows.row(&rows.heads[0]).unwrap().view().unwrap(), views[0]);
    }

    #[test]
    fn a_row_is_shorter_than_its_view_in_postcard() {
        let view = view(1, 1_795_270_000);
        let postcard = postcard::to_stdvec(&view).unwrap().len();
        let row = Row::of(view).unwrap().bytes();
        assert!(row * 10 < postcard * 9, "{row} of {postcard}");
    }

    #[test]
    fn a_block_of_another_view_format_or_with_something_left_over_is_none() {
        let whole = block(&[view(1, 1)]);
        let mut other = whole.clone();
        other[1][0] = VIEW_FORMAT + 1;
        assert!(Rows::read(other).is_none());
        for stream in 0..whole.len() {
            let mut streams = whole.clone();
            streams[stream].push(0);
            assert!(Rows::read(streams).is_none(), "stream {stream}");
        }
    }

    proptest! {
        #[test]
        fn property_no_streams_make_the_reader_panic(
            streams in prop::collection::vec(any::<Vec<u8>>(), 6),
            (stream, at, byte) in (0..6_usize, any::<usize>(), any::<u8>()),
        ) {
            let _any = Rows::read(streams);
            let mut streams = block(&[view(1, 1), view(2, 0)]);
            let at = at % streams[stream].len().max(1);
            if let Some(place) = streams[stream].get_mut(at) {
                *place = byte;
            }
            if let Some(rows) = Rows::read(streams) {
                let _any: Vec<_> = rows.heads.iter().map(|head| rows.view(head)).collect();
            }
        }
    }
}
