//! Signatures of administrators' calls, so that nobody who has seen one can send it again.
//!
//! A signature is good for [`SKEW_SECONDS_MAX`] around its time and is kept until then. Times are whole
//! seconds: a client that makes the same call twice within one, or whose retry is faster than that, signs
//! the same. So a repeat within [`REPEAT_SECONDS_MAX`] of the first is let in; it can but do again what was
//! done a moment ago. The bound is [`SIGNATURES_MAX`]; calls beyond it are throttled, never let in unseen.
//! A restart forgets all of them.

use std::collections::BTreeMap;

use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::sigv4::{SKEW_SECONDS_MAX, SigningTime};

use super::invalid;

/// Seconds after the first in which the same signature is let in again.
const REPEAT_SECONDS_MAX: i64 = 2;

/// Signatures that are kept: some 27 calls a second for ten minutes; about 1 MiB.
const SIGNATURES_MAX: usize = 16_384;

/// The signatures that were let in and are still good.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// By when they were made, the first to be forgotten in front; with when each was let in first.
    seen: BTreeMap<(SigningTime, [u8; 32]), SigningTime>,
}

impl Repeats {
    /// Lets a signature in, or not.
    ///
    /// # Errors
    /// `InvalidSignatureException` when it was let in before, `ThrottledException` when there are as many as
    /// are kept.
    pub(super) fn admit(
        &mut self,
        signature: [u8; 32],
        time: SigningTime,
        now: SigningTime,
    ) -> Result<(), ApiError> {
        while let Some(oldest) = self.seen.first_entry() {
            let (signed, _) = oldest.key();
            if signed.plus_seconds(SKEW_SECONDS_MAX) >= now {
                break;
            }
            oldest.remove();
        }
        if let Some(first) = self.seen.get(&(time, signature)) {
            return if now <= first.plus_seconds(REPEAT_SECONDS_MAX) {
                Ok(())
            } else {
                Err(invalid(
                    "The same request was received before; sign it again",
                ))
            };
        }
        if self.seen.len() >= SIGNATURES_MAX {
            return Err(ApiError {
                kind: ApiErrorKind::Throttled,
                message: "Too many changes within ten minutes".to_owned(),
            });
        }
        self.seen.insert((time, signature), now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: SigningTime = SigningTime::from_seconds(1_795_264_674);

    #[test]
    fn a_signature_is_let_in_again_for_a_moment_only() {
        let mut repeats = Repeats::default();
        let mut admit = |signature, seconds| {
            let admitted = repeats.admit([signature; 32], AT, AT.plus_seconds(seconds));
            admitted.map_err(|error| error.kind)
        };
        assert_eq!(admit(1, 0), Ok(()));
        assert_eq!(admit(1, 2), Ok(()));
        assert_eq!(admit(1, 3), Err(ApiErrorKind::InvalidSignature));
        assert_eq!(admit(2, 3), Ok(()));
        assert_eq!(admit(1, 300), Err(ApiErrorKind::InvalidSignature));
        assert_eq!(admit(2, 300), Err(ApiErrorKind::InvalidSignature));
    }

    #[test]
    fn signatures_are_forgotten_when_their_time_is_over_and_never_too_many() {
        let mut repeats = Repeats::default();
        let number = |number: usize| {
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&number.to_le_bytes());
            signature
        };
        for each in 0..SIGNATURES_MAX {
            repeats.admit(number(each), AT, AT).unwrap();
        }
        let one_more = |repeats: &mut Repeats, seconds| {
            let now = AT.plus_seconds(seconds);
            repeats.admit(number(SIGNATURES_MAX), now, now)
        };
        let full = one_more(&mut repeats, 300).unwrap_err();
        assert_eq!(full.kind, ApiErrorKind::Throttled);
        one_more(&mut repeats, 301).unwrap();
        assert_eq!(repeats.seen.len(), 1);
    }
}
