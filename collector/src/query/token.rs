//! Page tokens: opaque, authenticated, bound to their query, and nothing to remember.
//!
//! A token holds the place where a page ended and a digest of the query it belongs to, under an HMAC,
//! so that a token of another query or a made-up one is a bad request and never a page of wrong
//! results. What a place is each operation says; its digests begin with its name, so no other
//! operation takes one for its own. The key lives in the store, so tokens outlive a restart.
//! Source: `spec/api.md` sections 1.6 and 3.5.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use radiograph_protocol::error::ApiError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::store::{Store, StoreError};

/// Name of the record that holds the key.
const STATE_KEY: &str = "page-token-key";
const TAG_BYTES: usize = 16;

/// The secret that tokens are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey")
    }
}

impl TokenKey {
    /// A key from these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The store's key, made with random bits when it has none yet.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let known = store.state(STATE_KEY).await?;
        if let Some(known) = known.and_then(|record| <[u8; 32]>::try_from(record.value).ok()) {
            return Ok(Self(known));
        }
        let mut key = [0; 32];
        let random = [
            uuid::Uuid::new_v4(),
            uuid::Uuid::new_v4(),
            uuid::Uuid::new_v4(),
        ];
        // of the 128 bits of a version 4 UUID 122 are random
        let digest = Sha256::digest(random.map(uuid::Uuid::into_bytes).concat());
        key.copy_from_slice(&digest);
        store.put_state(STATE_KEY, 0, key.to_vec()).await?;
        Ok(Self(key))
    }

    /// The token that goes on behind `place` in the query of this digest.
    #[must_use]
    pub fn sign(&self, place: &impl Serialize, query: [u8; 16]) -> String {
        // places are plain numbers, which always encode; an empty token is refused by `verify`
        let mut bytes = postcard::to_allocvec(&(query, place)).unwrap_or_default();
        let tag = self.mac(&bytes).finalize().into_bytes();
        bytes.extend(tag.iter().take(TAG_BYTES));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place a token stands for.
    ///
    /// # Errors
    /// `InvalidRequestException` for anything that [`TokenKey::sign`] did not make for this query.
    pub fn verify<P: DeserializeOwned>(&self, token: &str, query: [u8; 16]) -> Result<P, ApiError> {
        let bad = || ApiError::invalid_request("Invalid token");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
        let (payload, tag) = bytes
            .len()
            .checked_sub(TAG_BYTES)
            .and_then(|length| bytes.split_at_checked(length))
            .ok_or_else(bad)?;
        self.mac(payload)
            .verify_truncated_left(tag)
            .map_err(|_| bad())?;
        let (of, place): ([u8; 16], P) = postcard::from_bytes(payload).map_err(|_| bad())?;
        if of == query { Ok(place) } else { Err(bad()) }
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(bytes);
        mac
    }
}

/// What binds a token to its query: a digest of the operation's name and everything that selects its results.
#[must_use]
pub fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let mut digest = [0; 16];
    for (to, from) in digest.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (i64, u128) = (1_704_067_210_100_000, 7);

    /// Reads a token as one of the place's type.
    fn verify(key: &TokenKey, token: &str, query: [u8; 16]) -> Result<(i64, u128), ApiError> {
        key.verify(token, query)
    }

    #[test]
    fn a_token_stands_for_its_place_in_its_own_query_alone() {
        let key = TokenKey::new([7; 32]);
        let query = digest(&["1", "2"]);
        let token = key.sign(&PLACE, query);
        assert_eq!(verify(&key, &token, query), Ok(PLACE));
        assert!(
            verify(&key, &token, digest(&["12", ""])).is_err(),
            "another query"
        );
        assert!(
            verify(&TokenKey::new([8; 32]), &token, query).is_err(),
            "another key"
        );
    }

    #[test]
    fn made_up_and_altered_tokens_are_refused() {
        let key = TokenKey::new([7; 32]);
        let query = digest(&[]);
        let token = key.sign(&PLACE, query);
        for bad in [
            "",
            "x",
            "AAAA",
            "not base64!",
            token.get(1..).unwrap(),
            &format!("{token}A"),
        ] {
            assert_eq!(
                verify(&key, bad, query).unwrap_err().message,
                "Invalid token",
                "{bad:?}"
            );
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(
                verify(&key, &URL_SAFE_NO_PAD.encode(&bytes), query).is_err(),
                "byte {at}"
            );
            bytes[at] ^= 1;
        }
    }
}
