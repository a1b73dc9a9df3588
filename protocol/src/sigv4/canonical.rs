//! The request as signer and verifier both write it down (`spec/api.md` section 1.3).

use super::Signable;
use crate::hex::hex;

/// All values of a header with a comma between them, each without blanks at its ends and with single
/// blanks within.
pub fn canonical_values<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut joined = Vec::new();
    for (position, value) in values.into_iter().enumerate() {
        if position > 0 {
            joined.push(b',');
        }
        let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
        for (place, word) in words.filter(|word| !word.is_empty()).enumerate() {
            if place > 0 {
                joined.push(b' ');
            }
            joined.extend_from_slice(word);
        }
    }
    joined
}

pub(super) fn request(signable: &Signable<'_>) -> Vec<u8> {
    // a path is encoded once for the wire and once more for the signature, as for all services but S3
    let path = encoded(signable.path.as_bytes(), b"/");
    let query = query(signable.query);
    let mut canonical = format!("{}\n{path}\n{query}\n", signable.method).into_bytes();
    for (name, values) in &signable.headers {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        canonical.extend_from_slice(values);
        canonical.push(b'\n');
    }
    let (names, body) = (signable.signed_headers(), hex(&signable.body_sha256));
    canonical.extend_from_slice(format!("\n{names}\n{body}").as_bytes());
    canonical
}

/// The parameters sorted, each with its name and value encoded anew.
fn query(query: &str) -> String {
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let mut pairs: Vec<(String, String)> = parameters
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            (encoded(&decoded(name), b""), encoded(&decoded(value), b""))
        })
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// Reads what a form's encoding wrote; what is none stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let escaped = match (first, behind) {
            (b'%', [high, low, ..]) => digit(*high)
                .zip(digit(*low))
                .and_then(|(high, low)| u8::try_from(high << 4 | low).ok()),
            _ => None,
        };
        match (escaped, first) {
            (Some(byte), _) => bytes.push(byte),
            (None, b'+') => bytes.push(b' '),
            (None, byte) => bytes.push(byte),
        }
        rest = if escaped.is_some() {
            behind.get(2..).unwrap_or_default()
        } else {
            behind
        };
    }
    bytes
}

/// Percent-encodes all but RFC 3986's unreserved bytes and those named.
fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || kept.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_trimmed_folded_and_joined_in_order() {
        let values: [&[u8]; 3] = [b"  a  b\t c ", b"", b"d"];
        assert_eq!(canonical_values(values), b"a b c,,d");
        assert_eq!(canonical_values([]), b"");
    }

    #[test]
    fn a_query_is_sorted_and_encoded_anew() {
        for (given, expected) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("&&k=v+w&", "k=v%20w"),
            ("%7e=%2f%2F&x=%zz%4", "x=%25zz%254&~=%2F%2F"),
            ("k=a=b", "k=a%3Db"),
        ] {
            assert_eq!(query(given), expected, "{given}");
        }
    }

    #[test]
    fn a_path_is_encoded_once_more() {
        assert_eq!(encoded("/a%20b/ü".as_bytes(), b"/"), "/a%2520b/%C3%BC");
    }
}
