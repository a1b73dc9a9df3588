//! A made shop: traces of five services, each with a document of 1.1 KB and three entities, a segment
//! with two calls. Ids are random; times, users, items, addresses, lengths and flags differ; the services
//! on Node.js write milliseconds, those on Python microseconds.
//!
//! Written out by hand, since the bench makes documents on the cores of what it measures: about 1 µs
//! each, which the bench measures and prints.

use radiograph_protocol::timestamp::Timestamp;

/// Services of a trace, each called by the one before it, and the method of the call.
const SERVICES: [(&str, &str); 5] = [
    ("gateway", "GET"),
    ("cart", "PUT"),
    ("payment", "POST"),
    ("stock", "GET"),
    ("mail", "POST"),
];
const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "curl/8.5.0",
    "okhttp/4.12.0",
];
const OPERATIONS: [&str; 3] = ["GetItem", "Query", "PutItem"];
const TIERS: [&str; 3] = ["gold", "silver", "none"];
/// A usual document's length, with room: little, since what comes by HTTP has none.
const DOCUMENT_BYTES: usize = 1_280;

/// Documents of a trace.
pub const DOCUMENTS_PER_TRACE: usize = SERVICES.len();

/// The documents of a trace that ends about now, one of each service.
pub fn trace(random: &mut fastrand::Rng, now: Timestamp) -> [String; DOCUMENTS_PER_TRACE] {
    let now_micros = u64::try_from(now.micros()).unwrap_or(0);
    let mut call = Call {
        now_micros,
        trace: random.u128(..) >> 32,
        parent: None,
        start_micros: now_micros.saturating_sub(200_000) + random.u64(0..50_000),
        user: random.u32(0..100_000),
        item: random.u32(0..1_000_000),
        address: random.u16(..),
    };
    std::array::from_fn(|place| call.document(place, random))
}

/// What the next document is about.
struct Call {
    now_micros: u64,
    trace: u128,
    /// The call that it answers.
    parent: Option<u64>,
    start_micros: u64,
    user: u32,
    item: u32,
    address: u16,
}

impl Call {
    fn document(&mut self, place: usize, random: &mut fastrand::Rng) -> String {
        let (name, method) = SERVICES.get(place).copied().unwrap_or_default();
        let mut text = Text {
            json: String::with_capacity(DOCUMENT_BYTES),
            is_node: place.is_multiple_of(2),
        };
        let start = self.start_micros;
        text.push(r#"{"id":""#).hex(random.u64(..), 16);
        text.push(r#"","trace_id":"1-"#)
            .hex(self.now_micros / 1_000_000, 8);
        let [high, low] = [self.trace >> 64, self.trace & u128::from(u64::MAX)];
        text.push("-").hex(u64::try_from(high).unwrap_or(0), 8);
        text.hex(u64::try_from(low).unwrap_or(0), 16);
        if let Some(parent) = self.parent {
            text.push(r#"","parent_id":""#).hex(parent, 16);
        }
        text.push(r#"","name":""#).push(name);
        text.push(r#"","origin":"AWS::ECS::Container","start_time":"#)
            .time(start);
        text.push(match random.u32(0..100) {
            0 => r#","fault":true,"http":{"response":{"status":500,"content_length":"#,
            1..4 => r#","error":true,"http":{"response":{"status":404,"content_length":"#,
            _ => r#","http":{"response":{"status":200,"content_length":"#,
        });
        text.number(random.u64(100..20_000))
            .push(r#"},"request":{"method":""#);
        text.push(method)
            .push(r#"","url":"http://"#)
            .push(name)
            .push(".internal/")
            .push(name);
        text.push("/")
            .number(u64::from(self.item))
            .push(r#"","user_agent":""#);
        let agent = match place {
            0 => random.choice(AGENTS).unwrap_or_default(),
            _ => "python-requests/2.34.2",
        };
        text.push(agent)
            .push(r#"","client_ip":"198.51."#)
            .number(u64::from(self.address >> 8));
        text.push(".").number(u64::from(self.address & 0xFF));
        let sdk = match text.is_node {
            true => r#""}},"aws":{"xray":{"sdk":"X-Ray for Node.js","sdk_version":"3.12.0"},"#,
            false => r#""}},"aws":{"xray":{"sdk":"X-Ray for Python","sdk_version":"2.15.0"},"#,
        };
        text.push(sdk).push(r#""ecs":{"container":"ip-10-0-"#);
        text.number(random.u64(0..4))
            .push("-")
            .number(random.u64(4..24));
        text.push(r#".eu-central-1.compute.internal"}}"#)
            .push(r#","annotations":{"tier":""#);
        text.push(random.choice(TIERS).unwrap_or_default())
            .push(r#"","items":"#);
        text.number(random.u64(1..20))
            .push(r#"},"user":"u"#)
            .number(u64::from(self.user));
        text.push(r#"","subsegments":["#);
        let end = self.calls(place, &mut text, random);
        text.push(r#"],"end_time":"#).time(end).push("}");
        text.json
    }

    /// A query and the call of the next service; when the latter ends.
    fn calls(&mut self, place: usize, text: &mut Text, random: &mut fastrand::Rng) -> u64 {
        let (name, _) = SERVICES.get(place).copied().unwrap_or_default();
        let (next, method) = SERVICES
            .get((place + 1) % SERVICES.len())
            .copied()
            .unwrap_or_default();
        let start = self.start_micros + random.u64(100..4_000);
        let end = start + random.u64(1_000..30_000);
        text.push(r#"{"id":""#).hex(random.u64(..), 16);
        text.push(r#"","name":"DynamoDB","namespace":"aws","start_time":"#)
            .time(start);
        text.push(r#","end_time":"#)
            .time(end)
            .push(r#","aws":{"operation":""#);
        text.push(random.choice(OPERATIONS).unwrap_or_default());
        text.push(r#"","region":"eu-central-1","table_name":""#)
            .push(name)
            .push(r#"s","retries":"#);
        text.number(random.u64(0..12) / 10);
        text.push(r#"},"http":{"response":{"status":200,"content_length":"#);
        text.number(random.u64(20..4_000)).push("}}},");
        let (start, id) = (end + random.u64(100..2_000), random.u64(..));
        let end = start + random.u64(2_000..40_000);
        text.push(r#"{"id":""#)
            .hex(id, 16)
            .push(r#"","name":""#)
            .push(next);
        text.push(r#".internal","namespace":"remote","start_time":"#)
            .time(start);
        text.push(r#","end_time":"#)
            .time(end)
            .push(r#","http":{"request":{"method":""#);
        text.push(method)
            .push(r#"","url":"http://"#)
            .push(next)
            .push(".internal/")
            .push(next);
        text.push("/")
            .number(u64::from(self.item))
            .push(r#""},"response":{"status":200}}}"#);
        self.parent = Some(id);
        self.start_micros = start + random.u64(0..1_000);
        end
    }
}

/// A document in the making.
struct Text {
    json: String,
    is_node: bool,
}

impl Text {
    fn push(&mut self, text: &str) -> &mut Self {
        self.json.push_str(text);
        self
    }

    fn hex(&mut self, value: u64, digits: usize) -> &mut Self {
        self.digits::<16>(value, digits)
    }

    fn number(&mut self, value: u64) -> &mut Self {
        let digits = value.checked_ilog10().unwrap_or(0) + 1;
        self.digits::<10>(value, usize::try_from(digits).unwrap_or(0))
    }

    fn padded(&mut self, value: u64, digits: usize) -> &mut Self {
        self.digits::<10>(value, digits)
    }

    /// The last `count` digits, at most 20.
    fn digits<const BASE: u64>(&mut self, mut value: u64, count: usize) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut buffer = [b'0'; 20];
        for place in buffer.iter_mut().rev().take(count) {
            let digit = usize::try_from(value % BASE).unwrap_or(0);
            *place = DIGITS.get(digit).copied().unwrap_or(b'0');
            value /= BASE;
        }
        let digits = buffer.get(buffer.len() - count..).unwrap_or_default();
        self.push(std::str::from_utf8(digits).unwrap_or_default())
    }

    fn time(&mut self, micros: u64) -> &mut Self {
        self.number(micros / 1_000_000).push(".");
        match self.is_node {
            true => self.padded(micros / 1_000 % 1_000, 3),
            false => self.padded(micros % 1_000_000, 6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_segments_of_one_trace_and_of_the_stated_size() {
        let mut random = fastrand::Rng::with_seed(1);
        let now = Timestamp::from_seconds(1_795_264_534);
        let mut bytes = 0;
        for _ in 0..200 {
            let documents = trace(&mut random, now);
            let parsed = documents.iter().map(|text| {
                let document = radiograph_protocol::segment::parse(text).unwrap();
                document.trace_id
            });
            let traces: Vec<_> = parsed.collect();
            assert!(traces.iter().all(|trace| *trace == traces[0]));
            bytes += documents.iter().map(String::len).sum::<usize>();
        }
        let usual = bytes / (200 * DOCUMENTS_PER_TRACE);
        assert!((1_000..1_200).contains(&usual), "{usual} bytes");
    }
}
