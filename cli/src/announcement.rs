//! What the all-in-one process tells whoever started it: one `label: value` per line.
//!
//! Scripts read the first four labels (`udp`, `tcp`, `api`, `data`), so they stay as they are; the
//! values are the addresses really bound, also for port 0. What follows is for people to paste.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Announcement {
    /// Where segments arrive.
    pub(crate) udp: SocketAddr,
    /// Where the sampling proxy listens.
    pub(crate) tcp: SocketAddr,
    /// Where the X-Ray API answers.
    pub(crate) api: SocketAddr,
    /// Where the data lies.
    pub(crate) data: PathBuf,
    /// Whether calls must be signed.
    pub(crate) is_protected: bool,
    /// Whether the API speaks TLS.
    pub(crate) is_tls: bool,
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let udp = reachable(self.udp);
        let endpoint = endpoint_url(self.api, self.is_tls);
        let scheme = scheme(self.is_tls);
        let signing = if self.is_protected {
            ""
        } else {
            " --no-sign-request"
        };
        writeln!(f, "udp: {}", self.udp)?;
        writeln!(f, "tcp: {}", self.tcp)?;
        writeln!(f, "api: {scheme}://{}", self.api)?;
        writeln!(f, "data: {}", self.data.display())?;
        writeln!(f, "point an SDK here: {}", self.sdk_variable())?;
        writeln!(
            f,
            "point an API client here: --endpoint-url {endpoint} --region us-east-1{signing}"
        )?;
        writeln!(f, "send something: radiograph demo --daemon-address {udp}")?;
        write!(
            f,
            "look at it: aws xray get-trace-summaries --start-time $(($(date +%s)-600)) \
             --end-time $(date +%s) --endpoint-url {endpoint} --region us-east-1{signing}"
        )
    }
}

impl Announcement {
    /// The variable all X-Ray SDKs read: one address when UDP and TCP have the same, else both.
    fn sdk_variable(&self) -> String {
        let (udp, tcp) = (reachable(self.udp), reachable(self.tcp));
        if udp == tcp {
            format!("AWS_XRAY_DAEMON_ADDRESS={udp}")
        } else {
            format!("AWS_XRAY_DAEMON_ADDRESS=\"tcp:{tcp} udp:{udp}\"")
        }
    }
}

/// The URL of the API for clients on this machine.
pub(crate) fn endpoint_url(api: SocketAddr, is_tls: bool) -> String {
    format!("{}://{}", scheme(is_tls), reachable(api))
}

const fn scheme(is_tls: bool) -> &'static str {
    if is_tls { "https" } else { "http" }
}

/// An address to connect to: "all interfaces" is one for listening only. IPv4, since some SDKs cannot
/// read an IPv6 address and both servers take IPv4 on such a socket.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

#[cfg(test)]
mod tests {
    use super::Announcement;

    fn announcement(udp: &str, tcp: &str, api: &str) -> Vec<String> {
        let announcement = Announcement {
            udp: udp.parse().unwrap(),
            tcp: tcp.parse().unwrap(),
            api: api.parse().unwrap(),
            data: "/srv/radiograph".into(),
            is_protected: false,
            is_tls: false,
        };
        announcement
            .to_string()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_line_is_a_label_and_a_value() {
        let lines = announcement("127.0.0.1:2000", "127.0.0.1:2000", "127.0.0.1:2080");
        assert_eq!(
            lines,
            [
                "udp: 127.0.0.1:2000",
                "tcp: 127.0.0.1:2000",
                "api: http://127.0.0.1:2080",
                "data: /srv/radiograph",
                "point an SDK here: AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000",
                "point an API client here: --endpoint-url http://127.0.0.1:2080 \
                 --region us-east-1 --no-sign-request",
                "send something: radiograph demo --daemon-address 127.0.0.1:2000",
                "look at it: aws xray get-trace-summaries --start-time $(($(date +%s)-600)) \
                 --end-time $(date +%s) --endpoint-url http://127.0.0.1:2080 \
                 --region us-east-1 --no-sign-request",
            ]
        );
    }

    #[test]
    fn a_protected_collector_is_called_with_a_signature_and_over_tls_where_it_speaks_that() {
        let address = "127.0.0.1:2080".parse().unwrap();
        let announcement = Announcement {
            udp: address,
            tcp: address,
            api: address,
            data: "/srv/radiograph".into(),
            is_protected: true,
            is_tls: true,
        };
        let text = announcement.to_string();
        assert!(!text.contains("--no-sign-request"), "{text}");
        assert!(text.contains("\napi: https://127.0.0.1:2080\n"), "{text}");
        assert!(
            text.contains("--endpoint-url https://127.0.0.1:2080 "),
            "{text}"
        );
        assert!(!text.contains("http://"), "{text}");
    }

    #[test]
    fn different_addresses_are_both_told_to_the_sdk() {
        let lines = announcement("127.0.0.1:2000", "127.0.0.1:2001", "127.0.0.1:2080");
        assert_eq!(
            lines[4],
            "point an SDK here: \
             AWS_XRAY_DAEMON_ADDRESS=\"tcp:127.0.0.1:2001 udp:127.0.0.1:2000\""
        );
    }

    #[test]
    fn all_interfaces_are_reached_by_loopback() {
        let lines = announcement("[::]:2000", "0.0.0.0:2000", "0.0.0.0:2080");
        assert_eq!(lines[0], "udp: [::]:2000");
        assert_eq!(lines[2], "api: http://0.0.0.0:2080");
        assert_eq!(
            lines[4],
            "point an SDK here: AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000"
        );
        assert!(lines[5].contains(" http://127.0.0.1:2080 "), "{}", lines[5]);
    }
}
