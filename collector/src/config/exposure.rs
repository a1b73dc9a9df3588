//! The policy about addresses: who listens beyond loopback protects the API, or says that he does not.
//!
//! Two protections, and a flag in place of each: keys say who may call, TLS keeps what is said from those on
//! the way. Signatures alone keep calls from being forged and secrets from being told, but not data from
//! being read.

use std::net::SocketAddr;

/// Protections that are left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    /// Everybody who reaches the API may call it. Default false.
    pub without_keys: bool,
    /// Everybody on the way may read along. Default false.
    pub without_tls: bool,
}

/// Why an address is not listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not a loopback address; {needs}", needs = self.needs())]
pub struct ExposureError {
    /// The address.
    pub address: SocketAddr,
    lacks_keys: bool,
    lacks_tls: bool,
}

impl ExposureError {
    const fn needs(&self) -> &'static str {
        match (self.lacks_keys, self.lacks_tls) {
            (true, false) => KEYS,
            (false, _) => TLS,
            (true, true) => BOTH,
        }
    }
}

const KEYS: &str = "give --keys FILE (radiograph keys new makes one), or --without-keys to let \
    everybody call who reaches it";

const TLS: &str = "give --tls-cert FILE and --tls-key FILE, or --without-tls to speak plain HTTP";

const BOTH: &str = "give --keys FILE (radiograph keys new makes one), or --without-keys to let \
    everybody call who reaches it; and give --tls-cert FILE and --tls-key FILE, or --without-tls to \
    speak plain HTTP";

impl Exposure {
    /// Whether an address may be listened on with these protections.
    ///
    /// # Errors
    /// When it is not loopback and lacks a protection that was not left out on purpose.
    pub fn check(
        self,
        address: SocketAddr,
        has_keys: bool,
        has_tls: bool,
    ) -> Result<(), ExposureError> {
        let lacks_keys = !has_keys && !self.without_keys;
        let lacks_tls = !has_tls && !self.without_tls;
        // ::ffff:127.0.0.1 is loopback as well
        if address.ip().to_canonical().is_loopback() || !(lacks_keys || lacks_tls) {
            return Ok(());
        }
        Err(ExposureError {
            address,
            lacks_keys,
            lacks_tls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_needs_nothing() {
        for address in [
            "127.0.0.1:2080",
            "127.8.8.8:0",
            "[::1]:2080",
            "[::ffff:127.0.0.1]:1",
        ] {
            let address = address.parse().unwrap();
            assert_eq!(Exposure::default().check(address, false, false), Ok(()));
        }
    }

    #[test]
    fn other_addresses_need_keys_and_tls_or_a_word_for_each() {
        for address in [
            "0.0.0.0:2080",
            "[::]:2080",
            "192.0.2.7:1",
            "[::ffff:192.0.2.7]:1",
        ] {
            let address: SocketAddr = address.parse().unwrap();
            for case in 0..16_u8 {
                let [has_keys, has_tls, without_keys, without_tls] =
                    [1, 2, 4, 8].map(|bit| case & bit != 0);
                let exposure = Exposure {
                    without_keys,
                    without_tls,
                };
                let expected = match (has_keys || without_keys, has_tls || without_tls) {
                    (true, true) => None,
                    (false, true) => Some(KEYS),
                    (true, false) => Some(TLS),
                    (false, false) => Some(BOTH),
                };
                let expected =
                    expected.map(|needs| format!("{address} is not a loopback address; {needs}"));
                let refused = exposure.check(address, has_keys, has_tls).err();
                assert_eq!(
                    refused.map(|error| error.to_string()),
                    expected,
                    "{case:04b}"
                );
            }
        }
    }
}
