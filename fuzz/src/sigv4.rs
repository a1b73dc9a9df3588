//! What a caller without a key may send of a signature: `protocol::sigv4`.

use radiograph_protocol::sigv4::{self, Authorization, Signable, SigningTime, canonical_values};

/// The first line is `Authorization`, the second the date, the third path and query, what follows the
/// body: refused, or read so that it is written as the same, and is signed by one secret alone.
///
/// # Panics
/// When that does not hold.
pub fn sigv4(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (authorization, date, uri, body) = (line(), line(), line(), line());
    let [authorization, date, uri] =
        [authorization, date, uri].map(|line| String::from_utf8_lossy(line));
    let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let time = SigningTime::parse_date(&date);
    if let Some(time) = time {
        assert_eq!(SigningTime::parse(&time.to_string()), Some(time), "{date}");
    }
    let Ok(read) = Authorization::parse(&authorization) else {
        return;
    };
    let once = canonical_values([body]);
    assert_eq!(canonical_values([once.as_slice()]), once, "not canonical");
    let names = read.signed_headers.iter();
    let request = Signable {
        method: "POST",
        path,
        query,
        headers: names.map(|name| (name.as_str(), once.clone())).collect(),
        body_sha256: read.signature,
    };
    let time = time.unwrap_or(SigningTime::from_seconds(0));
    let signature = request.signature("secret", time, read.scope);
    assert!(request.is_signed_by("secret", time, read.scope, &signature));
    assert!(!request.is_signed_by("Secret", time, read.scope, &signature));
    let names = request.signed_headers();
    let written = sigv4::authorization(read.access_key_id, read.scope, &names, &read.signature);
    assert_eq!(Authorization::parse(&written), Ok(read), "{written}");
}
