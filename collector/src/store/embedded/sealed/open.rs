//! Opening a sealed file: footer, directory, sections; and what to do where one is damaged.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::super::blocks::read_exact;
use super::super::failure::{Doing, corrupt};
use super::bloom::Bloom;
use super::directory::{Directory, Section};
use super::frame::{
    FOOTER_BYTES, FRAME_HEADER_BYTES, FileHeader, FrameHeader, HEADER_BYTES, Kind,
    read_file_header, read_footer,
};
use super::rescan::{Rescan, rescan};
use super::{SealedFile, SealedMeta};
use crate::store::StoreError;

/// The reason for which a file is refused that has nothing left.
pub(in super::super) const NOTHING_INTACT: &str = "nothing in it is intact";

/// What opening found damaged. Blocks are not looked at by it unless a section has to be put
/// together again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Damage {
    /// The header, the footer and the sections that could not be read. What they said was found in
    /// the blocks; the Bloom filter alone is done without.
    pub parts: u32,
    /// Damaged regions, when the blocks had to be looked for: each may have held a block, whose
    /// traces or views are not known any more. Where they need not be looked for, reading a damaged
    /// block is an error.
    pub regions: u64,
}

impl Damage {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl SealedFile {
    /// Opens a sealed file. Reads the sections; every block too where a section is damaged.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is of another format version, or nothing in it is intact;
    /// [`StoreError::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).doing("opening", path)?;
        let bytes = file.metadata().doing("reading", path)?.len();
        let header = header_of(&file).doing("reading", path)?;
        if let FileHeader::OtherVersion(version) = header {
            let reason = format!("format version {version} is not known to this release");
            return Err(corrupt(path, reason));
        }
        let directory = directory_of(&file, bytes).doing("reading", path)?;
        let sections = Sections::read(&file, bytes, directory.as_ref()).doing("reading", path)?;
        let found = if sections.are_whole() && directory.is_some() {
            None
        } else {
            Some(rescan(&file, bytes).doing("reading", path)?)
        };
        if directory.is_none() && found.as_ref().is_none_or(Rescan::is_empty) {
            return Err(corrupt(path, NOTHING_INTACT));
        }
        let damage = Damage {
            parts: u32::from(header == FileHeader::Damaged)
                + u32::from(directory.is_none())
                + sections.lost(),
            regions: match &found {
                Some(found) if sections.documents.is_none() || sections.views.is_none() => {
                    found.regions
                }
                _ => 0,
            },
        };
        let found = found.unwrap_or_default();
        let meta = match &directory {
            Some(directory) => directory.meta.clone(),
            None => found.meta(header),
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes,
            meta,
            documents: sections.documents.unwrap_or(found.documents),
            views: sections.views.unwrap_or(found.views),
            bloom: sections.bloom,
            carried: sections.carried.unwrap_or(found.carried),
            links: sections.links.unwrap_or(found.links),
            sections: directory.map_or_else(Vec::new, |directory| directory.sections),
            damage,
            index_trouble: std::sync::OnceLock::new(),
            cache: std::sync::OnceLock::new(),
        })
    }

    /// A section that is read on demand; `None` when it is damaged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn section<T: DeserializeOwned>(&self, kind: Kind) -> Result<Option<T>, StoreError> {
        decoded(&self.file, self.bytes, &self.sections, kind).doing("reading", &self.path)
    }

    /// The streams of a block.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is damaged; [`StoreError::Io`] when it cannot be read.
    pub(super) fn block(
        &self,
        kind: Kind,
        (offset, bytes): (u64, u32),
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let read = read_streams(&self.file, self.bytes, kind, (offset, bytes));
        let streams = read.doing("reading", &self.path)?;
        streams.ok_or_else(|| self.damaged_at(offset))
    }

    /// The error for a block that is damaged.
    pub(super) fn damaged_at(&self, offset: u64) -> StoreError {
        corrupt(&self.path, format!("no intact block at {offset}"))
    }
}

/// The sections that are kept in memory; `None` for those that are damaged.
struct Sections {
    documents: Option<Vec<super::DocumentBlock>>,
    views: Option<Vec<super::ViewBlock>>,
    bloom: Option<Bloom>,
    carried: Option<Vec<super::TraceId>>,
    links: Option<Vec<super::SealedLink>>,
}

impl Sections {
    fn read(file: &File, bytes: u64, directory: Option<&Directory>) -> io::Result<Self> {
        let sections = directory.map_or(&[][..], |directory| &directory.sections);
        let bloom = section_bytes(file, bytes, sections, Kind::BLOOM)?;
        Ok(Self {
            documents: decoded(file, bytes, sections, Kind::DOCUMENT_BLOCKS)?,
            views: decoded(file, bytes, sections, Kind::VIEW_BLOCKS)?,
            bloom: bloom.and_then(|bytes| Bloom::read(&bytes)),
            carried: decoded(file, bytes, sections, Kind::CARRIED)?,
            links: decoded(file, bytes, sections, Kind::LINKS)?,
        })
    }

    /// Whether those that blocks would have to be read for are there.
    const fn are_whole(&self) -> bool {
        self.documents.is_some()
            && self.views.is_some()
            && self.carried.is_some()
            && self.links.is_some()
    }

    fn lost(&self) -> u32 {
        u32::from(self.documents.is_none())
            + u32::from(self.views.is_none())
            + u32::from(self.bloom.is_none())
            + u32::from(self.carried.is_none())
            + u32::from(self.links.is_none())
    }
}

/// What a file's first bytes say.
pub(super) fn header_of(file: &File) -> io::Result<FileHeader> {
    let mut header = [0; HEADER_BYTES];
    if !read_exact(file, &mut header, 0)? {
        return Ok(FileHeader::Damaged);
    }
    Ok(read_file_header(&header))
}

fn directory_of(file: &File, bytes: u64) -> io::Result<Option<Directory>> {
    let mut footer = [0; FOOTER_BYTES];
    let Some(offset) = bytes.checked_sub(FOOTER_BYTES as u64) else {
        return Ok(None);
    };
    if !read_exact(file, &mut footer, offset)? {
        return Ok(None);
    }
    let Some((offset, length)) = read_footer(&footer) else {
        return Ok(None);
    };
    let section = Section {
        kind: Kind::DIRECTORY,
        offset,
        bytes: length,
    };
    decoded(file, bytes, &[section], Kind::DIRECTORY)
}

fn decoded<T: DeserializeOwned>(
    file: &File,
    file_bytes: u64,
    sections: &[Section],
    kind: Kind,
) -> io::Result<Option<T>> {
    let bytes = section_bytes(file, file_bytes, sections, kind)?;
    Ok(bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
}

/// All pieces of a section; `None` when one is damaged or there are none.
fn section_bytes(
    file: &File,
    file_bytes: u64,
    sections: &[Section],
    kind: Kind,
) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    for section in sections.iter().filter(|section| section.kind == kind) {
        let place = (section.offset, section.bytes);
        match read_streams(file, file_bytes, kind, place)?.as_deref() {
            Some([piece]) => bytes.extend(piece),
            _ => return Ok(None),
        }
    }
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}

/// The streams of the frame at a place, by one read; `None` when no intact one of the kind is there.
pub(super) fn read_streams(
    file: &File,
    file_bytes: u64,
    kind: Kind,
    (offset, bytes): (u64, u32),
) -> io::Result<Option<Vec<Vec<u8>>>> {
    let is_inside = offset
        .checked_add(u64::from(bytes))
        .is_some_and(|end| end <= file_bytes);
    let mut frame = vec![0; usize::try_from(bytes).unwrap_or(0)];
    if !is_inside || !read_exact(file, &mut frame, offset)? {
        return Ok(None);
    }
    let Some((header, payload)) = frame.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Ok(None);
    };
    let header = FrameHeader::read(header).filter(|header| header.kind == kind);
    let header = header.filter(|header| header.fits(payload));
    Ok(header.and_then(|header| header.streams(payload)))
}

impl Rescan {
    /// What the file says of itself, as far as its blocks and its header tell.
    fn meta(&self, header: FileHeader) -> SealedMeta {
        let (arrival_start, arrival_end) = match header {
            FileHeader::Current(start, end) => (start, end),
            _ => (super::Timestamp::MIN, super::Timestamp::MAX),
        };
        SealedMeta {
            arrival_start,
            arrival_end,
            ..self.counted.clone()
        }
    }
}
