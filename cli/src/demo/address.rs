//! The daemon's address as X-Ray SDKs read it from `AWS_XRAY_DAEMON_ADDRESS`.

/// The UDP address in `text`: `host:port`, or `udp:host:port` beside `tcp:host:port` in either
/// order. Names are resolved later; here only the form is checked.
///
/// # Errors
/// A sentence saying what is allowed.
pub(crate) fn udp_address(text: &str) -> Result<String, String> {
    let mut parts = text.split_whitespace();
    let address = match (parts.next(), parts.next(), parts.next()) {
        (Some(only), None, None) => only.strip_prefix("udp:").unwrap_or(only),
        (Some(first), Some(second), None) => match (tagged(first), tagged(second)) {
            (("udp", address), ("tcp", _)) | (("tcp", _), ("udp", address)) => address,
            _ => return Err("of two addresses one is tcp:host:port, one udp:host:port".to_owned()),
        },
        _ => return Err(FORM.to_owned()),
    };
    let (host, port) = address.rsplit_once(':').ok_or(FORM)?;
    match port.parse::<u16>() {
        Ok(1..) if is_host(host) => Ok(address.to_owned()),
        _ => Err(FORM.to_owned()),
    }
}

const FORM: &str = "an address is host:port, for instance 127.0.0.1:2000 or [::1]:2000";

fn tagged(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or(("", text))
}

/// Colons belong to IPv6 literals, which stand in brackets.
fn is_host(host: &str) -> bool {
    let literal = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    literal.map_or_else(
        || !host.is_empty() && !host.contains(':'),
        |literal| !literal.is_empty(),
    )
}

#[cfg(test)]
mod tests {
    use super::udp_address;

    #[test]
    fn the_udp_part_of_every_form_is_found() {
        for (text, expected) in [
            ("127.0.0.1:2000", "127.0.0.1:2000"),
            ("udp:127.0.0.1:2000", "127.0.0.1:2000"),
            ("[::1]:2000", "[::1]:2000"),
            ("xray.shop.internal:3000", "xray.shop.internal:3000"),
            ("tcp:127.0.0.1:2000 udp:127.0.0.2:2001", "127.0.0.2:2001"),
            ("udp:127.0.0.2:2001 tcp:127.0.0.1:2000", "127.0.0.2:2001"),
        ] {
            assert_eq!(udp_address(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_form_allowed() {
        for text in [
            "",
            "127.0.0.1",
            ":2000",
            "host:",
            "host:0",
            "host:65536",
            "::1:2000",
            "[]:2000",
            "tcp:127.0.0.1:2000",
            "a:1 b:2 c:3",
        ] {
            let message = udp_address(text).unwrap_err();
            assert!(
                message.starts_with("an address is host:port"),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn two_addresses_are_one_of_each_kind() {
        for text in ["a:1 b:2", "udp:a:1 udp:b:2", "tcp:a:1 tcp:b:2"] {
            let message = udp_address(text).unwrap_err();
            assert!(message.starts_with("of two addresses"), "{text}: {message}");
        }
    }
}
