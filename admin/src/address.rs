//! Addresses as they are written in flags and files. Pure: nothing is resolved here.

/// `host:port`, the host in brackets if it is an IPv6 address, or left out for all interfaces.
///
/// # Errors
/// What is to be written instead.
pub fn address(text: &str) -> Result<String, &'static str> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or("missing port in address; write host:port")?;
    if port.parse::<u16>().is_err() {
        return Err("write host:port, the port as a number up to 65535");
    }
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    if host.contains(':') && !is_bracketed {
        return Err("write an IPv6 address in brackets, [::1]:2000");
    }
    Ok(text.to_owned())
}

/// An address, or `off`.
///
/// # Errors
/// As [`address`].
pub fn address_or_off(text: &str) -> Result<Option<String>, &'static str> {
    if text == "off" {
        return Ok(None);
    }
    address(text).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_a_port_and_ipv6_its_brackets() {
        for text in ["127.0.0.1:0", ":2000", "host:65535", "[::1]:2000"] {
            assert_eq!(address(text).as_deref(), Ok(text));
            assert_eq!(address_or_off(text), Ok(Some(text.to_owned())));
        }
        for text in [
            "2000",
            "host",
            "host:",
            "host:x",
            "host:65536",
            "::1:2000",
            "",
        ] {
            assert!(address(text).is_err(), "{text:?}");
        }
        assert_eq!(address_or_off("off"), Ok(None));
    }
}
