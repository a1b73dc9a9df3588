//! Headers of tar archives (ustar, POSIX.1-1988): as much of them as files of a backup need. Pure.
//!
//! A file is a header of [`BLOCK_BYTES`], its bytes, and zeros up to the next block; an archive ends
//! with two blocks of zeros. Names have at most 100 bytes. Lengths of 8 GiB and more are binary, as GNU
//! tar and all others since write and read them. What else tar knows, links, directories, long names, is
//! refused by [`read_header`].

/// Bytes of a header, and what every file is filled up to.
pub const BLOCK_BYTES: usize = 512;

/// Bytes behind the last file.
pub const END_BYTES: usize = 2 * BLOCK_BYTES;

/// The greatest length that eleven octal digits can say.
const OCTAL_MAX: u64 = (1 << 33) - 1;

/// First byte of a length that is a binary number.
const BINARY: u8 = 0x80;

/// Bytes of a name at most.
const NAME_BYTES: usize = 100;

/// Where a header's checksum stands.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// What a header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Its path: relative, and nowhere upwards.
        name: String,
        /// Its length.
        bytes: u64,
    },
    /// The archive's end.
    End,
}

/// Why a header is not one that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TarError {
    /// The checksum is not that of its bytes.
    #[error("header is damaged")]
    Damaged,
    /// Not a plain file.
    #[error("entry is not a plain file")]
    NotAFile,
    /// No relative path, or one that leads upwards.
    #[error("name is not a relative path")]
    Name,
    /// A length that is no number.
    #[error("length is not a number")]
    Length,
}

/// Zeros behind a file of this length.
#[must_use]
pub const fn padding(bytes: u64) -> usize {
    // less than a block
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder of a block's length"
    )]
    let over = (bytes % BLOCK_BYTES as u64) as usize;
    (BLOCK_BYTES - over) % BLOCK_BYTES
}

/// The header of a file; `None` when its name does not fit.
#[must_use]
pub fn header(name: &str, bytes: u64) -> Option<[u8; BLOCK_BYTES]> {
    if name.is_empty() || name.len() > NAME_BYTES {
        return None;
    }
    let mut header = [0; BLOCK_BYTES];
    let length = length(bytes)?;
    let fields: [(usize, &[u8]); 8] = [
        (0, name.as_bytes()),
        (100, b"0000600\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, &length),
        (136, b"00000000000\0"),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ];
    for (at, field) in fields {
        header
            .get_mut(at..)?
            .get_mut(..field.len())?
            .copy_from_slice(field);
    }
    let checksum = format!("{:06o}\0 ", checksum(&header));
    header
        .get_mut(CHECKSUM)?
        .copy_from_slice(checksum.as_bytes());
    Some(header)
}

/// What a header tells.
///
/// # Errors
/// See [`TarError`].
pub fn read_header(header: &[u8; BLOCK_BYTES]) -> Result<Entry, TarError> {
    if header.iter().all(|byte| *byte == 0) {
        return Ok(Entry::End);
    }
    let told = octal(header.get(CHECKSUM).unwrap_or_default()).ok_or(TarError::Damaged)?;
    if told != u64::from(checksum(header)) {
        return Err(TarError::Damaged);
    }
    if !matches!(header.get(156), Some(b'0' | 0)) {
        return Err(TarError::NotAFile);
    }
    let bytes = read_length(header.get(124..136).unwrap_or_default()).ok_or(TarError::Length)?;
    let name = until_zero(header.get(..NAME_BYTES).unwrap_or_default());
    let name = std::str::from_utf8(name).map_err(|_| TarError::Name)?;
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    // a prefix would make another name of it
    let has_prefix = header.get(345).is_some_and(|byte| *byte != 0);
    if has_prefix || !name.split('/').all(is_plain) {
        return Err(TarError::Name);
    }
    Ok(Entry::File {
        name: name.to_owned(),
        bytes,
    })
}

/// A length as a header has it.
fn length(bytes: u64) -> Option<[u8; 12]> {
    if bytes <= OCTAL_MAX {
        return format!("{bytes:011o}\0").as_bytes().try_into().ok();
    }
    let mut field = [0; 12];
    *field.first_mut()? = BINARY;
    *field.last_chunk_mut()? = bytes.to_be_bytes();
    Some(field)
}

fn read_length(field: &[u8]) -> Option<u64> {
    match field {
        [BINARY, 0, 0, 0, number @ ..] => Some(u64::from_be_bytes(number.try_into().ok()?)),
        field => octal(field),
    }
}

/// The sum of a header's bytes, with blanks for that of the checksum.
fn checksum(header: &[u8; BLOCK_BYTES]) -> u32 {
    let counted = header.iter().enumerate().map(|(at, byte)| {
        let byte = if CHECKSUM.contains(&at) { b' ' } else { *byte };
        u32::from(byte)
    });
    counted.sum()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(until_zero(field)).ok()?;
    let text = text.trim_matches(' ');
    // a sign would be read as well
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    u64::from_str_radix(text, 8).ok().filter(|_| is_digits)
}

fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_header_is_what_gnu_tar_reads() {
        let header = header("log/2026-11-21/14.log", 8).unwrap();
        assert!(header.starts_with(b"log/2026-11-21/14.log\0"));
        assert_eq!(&header[124..136], b"00000000010\0");
        assert_eq!(&header[257..265], b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        let own: u32 = header[148..156].iter().map(|byte| u32::from(*byte)).sum();
        let written = format!("{:06o}\0 ", sum - own + 8 * 32);
        assert_eq!(&header[148..156], written.as_bytes());
    }

    #[test]
    fn names_that_do_not_fit_have_no_header_and_every_length_does() {
        assert!(header("", 1).is_none());
        assert!(header(&"a".repeat(101), 1).is_none());
        assert!(header(&"a".repeat(100), OCTAL_MAX).is_some());
        let large = header("a", OCTAL_MAX + 1).unwrap();
        assert_eq!(&large[124..136], b"\x80\0\0\0\0\0\0\x02\0\0\0\0");
    }

    #[test]
    fn padding_fills_blocks() {
        for (bytes, zeros) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            assert_eq!(padding(bytes), zeros, "{bytes}");
        }
    }

    fn changed(at: usize, bytes: &[u8]) -> Result<Entry, TarError> {
        let mut changed = header("a/b", 1).unwrap();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        let checksum = format!("{:06o}\0 ", checksum(&changed));
        changed[CHECKSUM].copy_from_slice(checksum.as_bytes());
        read_header(&changed)
    }

    #[test]
    fn entries_that_are_no_plain_files_within_are_refused() {
        for (row, at, bytes, expected) in [
            ("link", 156, &b"2"[..], TarError::NotAFile),
            ("directory", 156, b"5", TarError::NotAFile),
            ("upwards", 0, b"../etc", TarError::Name),
            ("upwards within", 0, b"a/../../b", TarError::Name),
            ("absolute", 0, b"/etc", TarError::Name),
            ("prefix", 345, b"/etc", TarError::Name),
            ("no UTF-8", 0, b"\xff", TarError::Name),
            ("no length", 124, b"0000000000x", TarError::Length),
            ("a negative length", 124, b"-0000000001", TarError::Length),
        ] {
            assert_eq!(changed(at, bytes), Err(expected), "{row}");
        }
        assert_eq!(read_header(&[0; BLOCK_BYTES]), Ok(Entry::End));
        assert_eq!(read_header(&[b'7'; BLOCK_BYTES]), Err(TarError::Damaged));
    }

    proptest! {
        #[test]
        fn property_headers_read_back(name in "[a-z0-9.-]{1,20}(/[a-z0-9-]{1,20}){0,3}", bytes in prop_oneof![0..=OCTAL_MAX, any::<u64>()]) {
            prop_assume!(name.split('/').all(|part| part != "." && part != ".."));
            let read = read_header(&header(&name, bytes).unwrap());
            prop_assert_eq!(read, Ok(Entry::File { name, bytes }));
        }

        #[test]
        fn property_any_block_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), BLOCK_BYTES)) {
            let header: [u8; BLOCK_BYTES] = bytes.try_into().unwrap();
            if let Ok(Entry::File { name, .. }) = read_header(&header) {
                prop_assert!(!name.starts_with('/'));
            }
        }
    }
}
