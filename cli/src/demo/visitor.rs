//! Who visits the shop: a browser or a program, from an address of the documentation ranges.

use fastrand::Rng;

const USERS: [&str; 8] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi",
];

/// First three bytes of the networks reserved for documentation (RFC 5737).
const NETWORKS: [&str; 3] = ["192.0.2", "198.51.100", "203.0.113"];

const USER_AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "ShopApp/5.3 (iPhone; iOS 18.1)",
    "curl/8.5.0",
];

/// One visitor for the length of one request.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// Who is signed in, if anybody is.
    pub(super) user: Option<&'static str>,
    /// Address the request came from.
    pub(super) client_ip: String,
    /// What sent it.
    pub(super) user_agent: &'static str,
}

impl Visitor {
    /// Somebody at random; seven of ten are signed in.
    pub(super) fn arrive(rng: &mut Rng) -> Self {
        let network = rng.choice(NETWORKS).unwrap_or("192.0.2");
        Self {
            user: (rng.u8(..10) < 7).then(|| rng.choice(USERS).unwrap_or("alice")),
            client_ip: format!("{network}.{}", rng.u8(1..=254)),
            user_agent: rng.choice(USER_AGENTS).unwrap_or("curl/8.5.0"),
        }
    }

    /// The tier that searches by annotation can tell customers apart by.
    pub(super) fn tier(&self) -> &'static str {
        match self.user {
            None => "guest",
            Some("alice" | "bob") => "gold",
            Some(_) => "standard",
        }
    }
}
