//! Going through a sealed file from its start to its end, whatever bytes it holds: finds every intact
//! block by its marker, and from the blocks everything that the sections would say, totals and Bloom
//! filter excepted.
//!
//! Memory: one block at a time, a window of 64 KiB while looking for the next intact one, and what an
//! open file takes.

use std::fs::File;
use std::io;
use std::ops::Range;

use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::{Elapsed, Timestamp};

use super::super::blocks::read_exact;
use super::super::payload::VIEW_FORMAT;
use super::directory::{DocumentBlock, ViewBlock, links_of, tidy};
use super::frame::{
    FOOTER_BYTES, FRAME_HEADER_BYTES, FileHeader, FrameHeader, HEADER_BYTES, Kind, MARKER,
    read_footer,
};
use super::open::header_of;
use super::rows::Rows;
use super::{Notes, SealedLink, SealedMeta, documents};

const WINDOW_BYTES: usize = 64 << 10;
/// Damaged regions whose places are told.
const PLACES_MAX: usize = 100;

/// What the blocks of a file tell.
#[derive(Debug)]
pub(super) struct Rescan {
    /// The blocks of documents, in order.
    pub(super) documents: Vec<DocumentBlock>,
    /// The blocks of views, newest first; rows are numbered without those that are lost.
    pub(super) views: Vec<ViewBlock>,
    /// The carried traces.
    pub(super) carried: Vec<TraceId>,
    /// The links.
    pub(super) links: Vec<SealedLink>,
    /// What can be counted; the arrival is not known.
    pub(super) counted: SealedMeta,
    /// Damaged regions.
    pub(super) regions: u64,
    /// Where the first of them are.
    pub(super) places: Vec<Range<u64>>,
}

impl Default for Rescan {
    fn default() -> Self {
        Self {
            documents: Vec::new(),
            views: Vec::new(),
            carried: Vec::new(),
            links: Vec::new(),
            counted: SealedMeta {
                arrival_start: Timestamp::MIN,
                arrival_end: Timestamp::MAX,
                view_format: VIEW_FORMAT,
                traces: 0,
                documents: 0,
                document_bytes: 0,
                views: 0,
                start: None,
                latest: None,
                first_trace: None,
                last_trace: None,
                lead: Elapsed::default(),
                minutes: None,
                notes: Notes::default(),
            },
            regions: 0,
            places: Vec::new(),
        }
    }
}

/// Goes through a file of so many bytes.
///
/// # Errors
/// When it cannot be read.
pub(super) fn rescan(file: &File, bytes: u64) -> io::Result<Rescan> {
    let mut found = Rescan::default();
    let mut offset = match header_of(file)? {
        FileHeader::Current(..) => HEADER_BYTES as u64,
        _ => 0,
    };
    while offset < bytes {
        if let Some((header, payload)) = read_frame(file, offset, bytes)? {
            let length = header.frame_bytes();
            let end = offset + u64::from(length);
            if found.take(&header, &payload, (offset, length)).is_none() {
                found.add_damage(offset..end);
            }
            offset = end;
        } else if is_footer(file, offset, bytes)? {
            break;
        } else {
            let next = next_frame(file, offset + 1, bytes)?;
            found.add_damage(offset..next.unwrap_or(bytes));
            let Some(next) = next else {
                break;
            };
            offset = next;
        }
    }
    found.sort();
    Ok(found)
}

impl Rescan {
    /// Whether no block was found.
    pub(super) const fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.views.is_empty()
    }

    fn add_damage(&mut self, place: Range<u64>) {
        self.regions += 1;
        if self.places.len() < PLACES_MAX {
            self.places.push(place);
        }
    }

    /// Takes a frame; `None` when it is a block that cannot be read.
    fn take(&mut self, header: &FrameHeader, payload: &[u8], place: (u64, u32)) -> Option<()> {
        match header.kind {
            Kind::DOCUMENTS => self.take_documents(&header.streams(payload)?, place),
            Kind::VIEWS => self.take_views(header.streams(payload)?, place),
            _ => Some(()),
        }
    }

    fn take_documents(&mut self, streams: &[Vec<u8>], (offset, bytes): (u64, u32)) -> Option<()> {
        let traces = documents::traces(streams)?;
        let first = traces.first()?.trace_id;
        let mut count = 0;
        for trace in &traces {
            count += u32::try_from(trace.documents.len()).ok()?;
            let texts = trace.documents.iter().map(|text| text.len() as u64);
            self.counted.document_bytes += texts.sum::<u64>();
            let meta = &mut self.counted;
            // a trace of several blocks is counted once
            meta.traces += u64::from(meta.last_trace != Some(trace.trace_id));
            let least = meta.first_trace.unwrap_or(trace.trace_id);
            meta.first_trace = Some(least.min(trace.trace_id));
            meta.last_trace = meta.last_trace.max(Some(trace.trace_id));
            if trace.is_carried {
                self.carried.push(trace.trace_id);
            }
        }
        self.counted.documents += u64::from(count);
        self.documents.push(DocumentBlock {
            first,
            offset,
            bytes,
            traces: u32::try_from(traces.len()).ok()?,
            documents: count,
        });
        Some(())
    }

    fn take_views(&mut self, streams: Vec<Vec<u8>>, place: (u64, u32)) -> Option<()> {
        let format = *streams.get(1)?.first()?;
        if format != VIEW_FORMAT {
            self.counted.view_format = format;
            return Some(());
        }
        let rows = Rows::read(streams)?;
        let (first, last) = (rows.heads.first()?.cursor, rows.heads.last()?.cursor);
        let latest = rows.heads.iter().map(|head| head.latest).max()?;
        for head in &rows.heads {
            let view = rows.view(head)?;
            let lead = view.summary.start.since(view.earliest());
            self.counted.lead = self.counted.lead.max(lead);
            self.links.extend(links_of(&view));
        }
        let meta = &mut self.counted;
        let first_row = meta.views;
        let count = u32::try_from(rows.heads.len()).ok()?;
        meta.views += u64::from(count);
        let least = meta.start.unwrap_or(last.start);
        meta.start = Some(least.min(last.start));
        meta.latest = meta.latest.max(Some(latest));
        let ends = (first, last);
        self.views
            .push(ViewBlock::new(ends, latest, (count, first_row), place));
        Some(())
    }

    /// Blocks stand in order in every file that was written; what bytes by chance may not.
    fn sort(&mut self) {
        self.documents
            .sort_by_key(|block| (block.first, block.offset));
        self.views
            .sort_by_key(|block| std::cmp::Reverse(block.first()));
        self.carried.sort_unstable();
        self.carried.dedup();
        tidy(&mut self.links);
    }
}

/// The frame at an offset; `None` when no intact one is there.
fn read_frame(file: &File, offset: u64, bytes: u64) -> io::Result<Option<(FrameHeader, Vec<u8>)>> {
    let mut header = [0; FRAME_HEADER_BYTES];
    if !read_exact(file, &mut header, offset)? {
        return Ok(None);
    }
    let Some(header) = FrameHeader::read(&header) else {
        return Ok(None);
    };
    let from = offset.saturating_add(FRAME_HEADER_BYTES as u64);
    if u64::from(header.payload_bytes) > bytes.saturating_sub(from) {
        return Ok(None);
    }
    let mut payload = vec![0; usize::try_from(header.payload_bytes).unwrap_or(0)];
    let is_intact = read_exact(file, &mut payload, from)? && header.fits(&payload);
    Ok(is_intact.then_some((header, payload)))
}

/// Whether the footer and nothing else stands at an offset.
fn is_footer(file: &File, offset: u64, bytes: u64) -> io::Result<bool> {
    let mut footer = [0; FOOTER_BYTES];
    let is_last = bytes - offset == FOOTER_BYTES as u64;
    Ok(is_last && read_exact(file, &mut footer, offset)? && read_footer(&footer).is_some())
}

/// The offset of the first intact frame from `from` on.
fn next_frame(file: &File, from: u64, bytes: u64) -> io::Result<Option<u64>> {
    let mut window_start = from;
    while window_start < bytes {
        let left = usize::try_from(bytes - window_start).unwrap_or(usize::MAX);
        let mut window = vec![0; left.min(WINDOW_BYTES)];
        if !read_exact(file, &mut window, window_start)? {
            return Ok(None);
        }
        let candidates = window.windows(MARKER.len()).enumerate();
        for (at, _) in candidates.filter(|(_, bytes)| *bytes == MARKER) {
            let offset = window_start + at as u64;
            if read_frame(file, offset, bytes)?.is_some() {
                return Ok(Some(offset));
            }
        }
        if window.len() == left {
            return Ok(None);
        }
        // a marker may lie across the border of two windows
        window_start += (window.len() - (MARKER.len() - 1)) as u64;
    }
    Ok(None)
}
