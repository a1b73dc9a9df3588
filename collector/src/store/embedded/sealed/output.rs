//! A sealed file in the making: under a temporary name until it is whole and synced.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::super::failure::Doing;
use super::super::files::Files;
use super::SealedMeta;
use super::directory::{Directory, Section};
use super::frame::{FrameEncoder, Kind, file_header, footer};
use crate::store::StoreError;

/// Bytes gathered before a write.
const WRITE_BYTES: usize = 1 << 20;
/// A section is cut into frames of so many bytes, so that a reader allocates no more at once.
const SECTION_BYTES: usize = 4 << 20;

/// A file being written.
pub(super) struct Output<'f> {
    files: &'f dyn Files,
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    /// Where the buffer belongs.
    offset: u64,
    buffer: Vec<u8>,
    encoder: FrameEncoder,
    sections: Vec<Section>,
    is_finished: bool,
}

/// The name that a file has while it is made; what a crash leaves under it is of no use to anybody.
pub(super) fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

impl<'f> Output<'f> {
    /// Begins a file that is to have this path.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(files: &'f dyn Files, path: &Path) -> Result<Self, StoreError> {
        let temporary = temporary_path(path);
        // what a crash left there may be longer than what is written now
        files.remove(&temporary).doing("removing", &temporary)?;
        let file = files.open_log(&temporary).doing("making", &temporary)?;
        Ok(Self {
            files,
            path: path.to_owned(),
            encoder: FrameEncoder::new().doing("compressing for", path)?,
            temporary,
            file,
            offset: 0,
            buffer: Vec::new(),
            sections: Vec::new(),
            is_finished: false,
        })
    }

    /// Writes the header.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn header(&mut self, meta: &SealedMeta) -> Result<(), StoreError> {
        self.buffer
            .extend(file_header(meta.arrival_start, meta.arrival_end));
        self.write(WRITE_BYTES)
    }

    /// Appends a frame; its offset and length.
    ///
    /// # Errors
    /// When it is too large or cannot be written.
    pub(super) fn frame(
        &mut self,
        kind: Kind,
        level: i32,
        streams: &[&[u8]],
    ) -> Result<(u64, u32), StoreError> {
        let offset = self.offset.saturating_add(self.buffer.len() as u64);
        let pushed = self.encoder.push(kind, level, streams, &mut self.buffer);
        let bytes = pushed.doing("compressing for", &self.path)?;
        self.write(WRITE_BYTES)?;
        Ok((offset, bytes))
    }

    /// Appends a section.
    ///
    /// # Errors
    /// When it cannot be encoded or written.
    pub(super) fn section(
        &mut self,
        kind: Kind,
        level: i32,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.frames(kind, level, bytes, SECTION_BYTES)
    }

    /// Appends a section in frames of so many bytes, the last one aside.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn frames(
        &mut self,
        kind: Kind,
        level: i32,
        bytes: &[u8],
        frame_bytes: usize,
    ) -> Result<(), StoreError> {
        for piece in bytes.chunks(frame_bytes) {
            let (offset, bytes) = self.frame(kind, level, &[piece])?;
            self.sections.push(Section {
                kind,
                offset,
                bytes,
            });
        }
        Ok(())
    }

    /// Appends a section of something that serde knows.
    ///
    /// # Errors
    /// When it cannot be encoded or written.
    pub(super) fn encoded<T: serde::Serialize + ?Sized>(
        &mut self,
        kind: Kind,
        level: i32,
        value: &T,
    ) -> Result<(), StoreError> {
        let bytes = self.encode(value)?;
        self.section(kind, level, &bytes)
    }

    /// Ends the file, makes it durable and gives it its name, which is durable too.
    ///
    /// # Errors
    /// When any of that does not work. Only when the last step, syncing the name, does not, the file
    /// has its name already; it is whole then.
    pub(super) fn finish(mut self, meta: SealedMeta) -> Result<SealedMeta, StoreError> {
        let directory = Directory {
            meta,
            sections: std::mem::take(&mut self.sections),
        };
        let encoded = self.encode(&directory)?;
        let (offset, bytes) = self.frame(Kind::DIRECTORY, 1, &[&encoded])?;
        self.buffer.extend(footer(offset, bytes));
        self.write(1)?;
        self.files
            .sync(&self.file)
            .doing("syncing", &self.temporary)?;
        self.files
            .rename(&self.temporary, &self.path)
            .doing("renaming", &self.temporary)?;
        self.is_finished = true;
        let parent = self.path.parent();
        let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        self.files.sync_dir(parent).doing("syncing", parent)?;
        Ok(directory.meta)
    }

    fn encode<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, StoreError> {
        postcard::to_stdvec(value)
            .map_err(io::Error::other)
            .doing("encoding for", &self.path)
    }

    /// Writes the buffer once it holds so many bytes.
    fn write(&mut self, bytes_min: usize) -> Result<(), StoreError> {
        if self.buffer.len() < bytes_min {
            return Ok(());
        }
        self.files
            .write_at(&self.file, &self.buffer, self.offset)
            .doing("writing", &self.temporary)?;
        self.offset = self.offset.saturating_add(self.buffer.len() as u64);
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if !self.is_finished
            && let Err(error) = self.files.remove(&self.temporary)
        {
            // the next sealing of the same partition removes it
            let path = self.temporary.display();
            tracing::warn!(%error, %path, "a file that could not be sealed stays behind");
        }
    }
}
