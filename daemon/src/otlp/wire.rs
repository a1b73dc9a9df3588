//! Protobuf's wire format, field by field, without knowing any message.
//!
//! Never reads past the end, never recurses; groups, which no OTLP message has, are passed over.
//! Source: the Protocol Buffers documentation, "Encoding".

/// A field of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// Its number.
    pub(super) number: u64,
    /// The value of a length-delimited field: text, bytes or a message. Others have none here.
    pub(super) bytes: Option<&'a [u8]>,
}

/// Takes the first field off; `None` when the bytes begin with none.
pub(super) fn field<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let (number, kind) = key(rest)?;
    let bytes = match kind {
        END_GROUP => return None,
        START_GROUP => {
            skip_group(rest)?;
            None
        }
        _ => value(rest, kind)?,
    };
    Some(Field { number, bytes })
}

const START_GROUP: u64 = 3;
const END_GROUP: u64 = 4;

fn key(rest: &mut &[u8]) -> Option<(u64, u64)> {
    let key = varint(rest)?;
    // Field numbers have 29 bits, and there is none with the number 0.
    let number = key >> 3;
    (number > 0 && key <= u64::from(u32::MAX)).then_some((number, key & 7))
}

/// A value of any kind but a group.
fn value<'a>(rest: &mut &'a [u8], kind: u64) -> Option<Option<&'a [u8]>> {
    match kind {
        0 => varint(rest).map(|_| None),
        1 => take(rest, 8).map(|_| None),
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            take(rest, length).map(Some)
        }
        5 => take(rest, 4).map(|_| None),
        _ => None,
    }
}

/// Skips to behind the end of a group whose start has been read.
fn skip_group(rest: &mut &[u8]) -> Option<()> {
    let mut depth = 1_usize;
    while depth > 0 {
        match key(rest)?.1 {
            START_GROUP => depth = depth.saturating_add(1),
            END_GROUP => depth = depth.saturating_sub(1),
            kind => drop(value(rest, kind)?),
        }
    }
    Some(())
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// At most ten bytes of seven bits each, the lowest first.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, field, what is handed out of it.
    type Case<'a> = (&'static str, &'a [u8], Option<&'a [u8]>);

    #[test]
    fn every_kind_of_value_is_passed_over_or_handed_out() {
        let cases: [Case<'_>; 6] = [
            ("varint", &[0x08, 0x96, 0x01], None),
            ("64 bits", &[0x09, 1, 2, 3, 4, 5, 6, 7, 8], None),
            ("bytes", &[0x0a, 2, b'h', b'i'], Some(b"hi")),
            ("no bytes", &[0x0a, 0], Some(b"")),
            ("32 bits", &[0x0d, 1, 2, 3, 4], None),
            ("groups", &[0x0b, 0x13, 0x10, 0x00, 0x14, 0x0c], None),
        ];
        for (name, bytes, value) in cases {
            let mut rest = bytes;
            let field = field(&mut rest);
            assert_eq!(
                field,
                Some(Field {
                    number: 1,
                    bytes: value
                }),
                "{name}"
            );
            assert!(rest.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_breaks_off_or_is_no_field_is_refused() {
        let cases: [(&str, &[u8]); 10] = [
            ("nothing", &[]),
            ("key breaks off", &[0x80]),
            ("varint breaks off", &[0x08, 0x80]),
            ("bytes break off", &[0x0a, 2, b'h']),
            (
                "endless length",
                &[
                    0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                ],
            ),
            ("field zero", &[0x00, 0x00]),
            ("unknown kind", &[0x0e]),
            ("end of no group", &[0x0c]),
            ("group without end", &[0x0b, 0x10, 0x00]),
            (
                "varint of 65 bits",
                &[
                    0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
                ],
            ),
        ];
        for (name, bytes) in cases {
            assert_eq!(field(&mut &bytes[..]), None, "{name}");
        }
    }
}
