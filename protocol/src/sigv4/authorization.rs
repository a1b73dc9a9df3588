//! The `Authorization` header, read.
//!
//! Liberal where clients differ: blanks around the commas, parts and signed headers in any order, any case
//! of their names. Strict where a verifier must not guess: every part once, no signed header twice.

use super::{ALGORITHM, Scope, TERMINATOR};

/// Signed headers of one request at most; clients sign a dozen.
pub const SIGNED_HEADERS_MAX: usize = 100;

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Whose key it is said to be.
    pub access_key_id: &'a str,
    /// For what the signature is good.
    pub scope: Scope<'a>,
    /// Names in lower case, sorted, each once.
    pub signed_headers: Vec<String>,
    /// As it stands there.
    pub signature: [u8; 32],
}

/// Why a header is none that can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// Another algorithm, or another kind of authorization.
    #[error("Authorization is not {ALGORITHM}")]
    Algorithm,
    /// A part is not there.
    #[error("Authorization header requires '{0}' parameter")]
    Missing(&'static str),
    /// A part is there twice, or nobody knows it.
    #[error("Authorization header has a part that is unknown or there twice")]
    Unexpected,
    /// The credential is not a key id and a scope.
    #[error("Credential must be KEY/YYYYMMDD/REGION/SERVICE/{TERMINATOR}")]
    Credential,
    /// Names are empty, twice there, or too many.
    #[error("SignedHeaders must be at most {SIGNED_HEADERS_MAX} different names")]
    SignedHeaders,
    /// Not 64 hexadecimal digits.
    #[error("Signature must be 64 hexadecimal digits")]
    Signature,
}

impl<'a> Authorization<'a> {
    /// Reads a header's value.
    ///
    /// # Errors
    /// What is missing or malformed first.
    pub fn parse(value: &'a str) -> Result<Self, AuthorizationError> {
        let (algorithm, rest) = value
            .trim()
            .split_once([' ', '\t'])
            .unwrap_or_else(|| (value.trim(), ""));
        if algorithm != ALGORITHM {
            return Err(AuthorizationError::Algorithm);
        }
        let [mut credential, mut signed_headers, mut signature] = [None; 3];
        for part in rest
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part.split_once('=').ok_or(AuthorizationError::Unexpected)?;
            let slot = match name.trim().to_ascii_lowercase().as_str() {
                "credential" => &mut credential,
                "signedheaders" => &mut signed_headers,
                "signature" => &mut signature,
                _ => return Err(AuthorizationError::Unexpected),
            };
            if slot.replace(value.trim()).is_some() {
                return Err(AuthorizationError::Unexpected);
            }
        }
        let credential = credential.ok_or(AuthorizationError::Missing("Credential"))?;
        let signed_headers = signed_headers.ok_or(AuthorizationError::Missing("SignedHeaders"))?;
        let signature = signature.ok_or(AuthorizationError::Missing("Signature"))?;
        let (access_key_id, scope) = of_credential(credential)?;
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: names(signed_headers)?,
            signature: of_hex(signature).ok_or(AuthorizationError::Signature)?,
        })
    }
}

/// Key id and scope, from the end: a key id may hold a slash.
fn of_credential(credential: &str) -> Result<(&str, Scope<'_>), AuthorizationError> {
    let mut parts = credential.rsplitn(5, '/');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let parts = (part(), part(), part(), part(), part());
    let (Some(TERMINATOR), Some(service), Some(region), Some(date), Some(access_key_id)) = parts
    else {
        return Err(AuthorizationError::Credential);
    };
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuthorizationError::Credential);
    }
    let scope = Scope {
        date,
        region,
        service,
    };
    Ok((access_key_id, scope))
}

fn names(list: &str) -> Result<Vec<String>, AuthorizationError> {
    let mut names: Vec<String> = list
        .split(';')
        // one more shows that there are too many
        .take(SIGNED_HEADERS_MAX + 1)
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let given = names.len();
    names.sort_unstable();
    names.dedup();
    let is_empty = names.iter().any(String::is_empty);
    if is_empty || given > SIGNED_HEADERS_MAX || names.len() < given {
        return Err(AuthorizationError::SignedHeaders);
    }
    Ok(names)
}

fn of_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u32> = text.chars().map_while(|digit| digit.to_digit(16)).collect();
    if digits.len() != 64 || text.len() != 64 {
        return None;
    }
    let bytes: Option<Vec<u8>> = digits
        .chunks_exact(2)
        .map(|pair| {
            let byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
            u8::try_from(byte).ok()
        })
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use AuthorizationError::{
        Algorithm, Credential, Missing, Signature, SignedHeaders, Unexpected,
    };

    use super::*;

    const SIGNATURE: &str = "fed9ca3b128c3cb7b1eba77964253425362c711ede704fc4b7fc88a15fdeded4";

    #[test]
    fn blanks_order_and_case_do_not_matter() {
        let upper = SIGNATURE.to_ascii_uppercase();
        for value in [
            format!(
                "AWS4-HMAC-SHA256 Credential=A/20240101/r/xray/aws4_request, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
            ),
            format!(
                "AWS4-HMAC-SHA256\tSignature={SIGNATURE},SignedHeaders=x-amz-date;Host,Credential=A/20240101/r/xray/aws4_request"
            ),
            format!(
                " AWS4-HMAC-SHA256   credential=A/20240101/r/xray/aws4_request , signedheaders=HOST;X-Amz-Date ,,signature={upper} "
            ),
        ] {
            let read = Authorization::parse(&value).unwrap();
            assert_eq!(read.access_key_id, "A", "{value}");
            assert_eq!(read.scope.to_string(), "20240101/r/xray/aws4_request");
            assert_eq!(read.signed_headers, ["host", "x-amz-date"], "{value}");
            assert_eq!(crate::hex::hex(&read.signature), SIGNATURE, "{value}");
        }
    }

    #[test]
    fn a_key_id_may_hold_slashes() {
        let value = format!(
            "AWS4-HMAC-SHA256 Credential=a/b/20240101/r/xray/aws4_request,SignedHeaders=host,Signature={SIGNATURE}"
        );
        assert_eq!(Authorization::parse(&value).unwrap().access_key_id, "a/b");
    }

    /// What is no header, with `{c}`, `{s}` and `{m}` for a credential, a signature and too many names.
    const REFUSED: [(&str, AuthorizationError); 21] = [
        ("", Algorithm),
        ("Bearer abc", Algorithm),
        ("AWS4-ECDSA-P256-SHA256 Credential=A", Algorithm),
        ("AWS4-HMAC-SHA256", Missing("Credential")),
        ("AWS4-HMAC-SHA256 {c}", Missing("SignedHeaders")),
        (
            "AWS4-HMAC-SHA256 {c}, SignedHeaders=a",
            Missing("Signature"),
        ),
        (
            "AWS4-HMAC-SHA256 SignedHeaders=a, Signature={s}",
            Missing("Credential"),
        ),
        (
            "AWS4-HMAC-SHA256 {c}, {c}, SignedHeaders=a, Signature={s}",
            Unexpected,
        ),
        (
            "AWS4-HMAC-SHA256 {c}, SignedHeaders=a, Signature={s}, More=1",
            Unexpected,
        ),
        (
            "AWS4-HMAC-SHA256 {c}, SignedHeaders=a, Signature={s}, alone",
            Unexpected,
        ),
        (
            "AWS4-HMAC-SHA256 Credential=20240101/r/xray/aws4_request,SignedHeaders=a,Signature={s}",
            Credential,
        ),
        (
            "AWS4-HMAC-SHA256 Credential=A/20240101/r/xray/aws3,SignedHeaders=a,Signature={s}",
            Credential,
        ),
        (
            "AWS4-HMAC-SHA256 Credential=A/2024-1-1/r/xray/aws4_request,SignedHeaders=a,Signature={s}",
            Credential,
        ),
        (
            "AWS4-HMAC-SHA256 Credential=A/20240101//xray/aws4_request,SignedHeaders=a,Signature={s}",
            Credential,
        ),
        (
            "AWS4-HMAC-SHA256 {c},SignedHeaders=,Signature={s}",
            SignedHeaders,
        ),
        (
            "AWS4-HMAC-SHA256 {c},SignedHeaders=a;;b,Signature={s}",
            SignedHeaders,
        ),
        (
            "AWS4-HMAC-SHA256 {c},SignedHeaders=a;A,Signature={s}",
            SignedHeaders,
        ),
        (
            "AWS4-HMAC-SHA256 {c},SignedHeaders={m},Signature={s}",
            SignedHeaders,
        ),
        (
            "AWS4-HMAC-SHA256 {c},SignedHeaders=a,Signature=abc",
            Signature,
        ),
        (
            "AWS4-HMAC-SHA256 {c},SignedHeaders=a,Signature={s}0",
            Signature,
        ),
        (
            "AWS4-HMAC-SHA256 {c},SignedHeaders=a,Signature=é{s}",
            Signature,
        ),
    ];

    #[test]
    fn what_cannot_be_verified_is_named() {
        let credential = "Credential=A/20240101/r/xray/aws4_request";
        let many: Vec<String> = (0..=SIGNED_HEADERS_MAX).map(|n| n.to_string()).collect();
        let many = many.join(";");
        for (value, expected) in REFUSED {
            let value = value.replace("{c}", credential);
            let value = value.replace("{s}", SIGNATURE).replace("{m}", &many);
            assert_eq!(Authorization::parse(&value), Err(expected), "{value}");
        }
    }
}
