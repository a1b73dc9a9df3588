//! Traces of five documents of about 1.1 KB, and the sealed files of 30 days of them.

use std::path::Path;

use anyhow::Context as _;
use radiograph_collector::store::embedded::sealed::{SealedTrace, Tuning, seal};
use radiograph_collector::trace::link::Producers;
use radiograph_collector::trace::view::view;
use radiograph_protocol::ids::TraceId;
use radiograph_protocol::timestamp::Timestamp;

/// Days of data.
pub(super) const DAYS: i64 = 30;
/// 2026-10-22, 00:00 UTC.
pub(super) const MIDNIGHT: i64 = 1_792_627_200;
const SERVICES: [&str; 5] = ["gateway", "cart", "payment", "stock", "mail"];

/// The first moment of an hour.
pub(super) const fn hour_start(hour: i64) -> Timestamp {
    Timestamp::from_seconds(MIDNIGHT + hour * 3600)
}

/// A random id that begins with a time of an hour, as X-Ray's do, or with nothing in particular, as those
/// of W3C.
pub(super) fn id(random: &mut fastrand::Rng, hour: i64, is_of_xray: bool) -> TraceId {
    let bits = random.u128(..);
    if !is_of_xray {
        return TraceId::from_bits(bits);
    }
    let second = MIDNIGHT + hour * 3600 + random.i64(0..3600);
    let second = u128::try_from(second).unwrap_or_default();
    TraceId::from_bits((second << 96) | (bits >> 32))
}

/// Writes the sealed file of each hour, as the store names it; some of the ids, every other one of
/// X-Ray's kind.
pub(super) fn write_hours(
    log_dir: &Path,
    traces_per_hour: u64,
    random: &mut fastrand::Rng,
) -> anyhow::Result<Vec<TraceId>> {
    let mut some = Vec::new();
    for hour in 0..DAYS * 24 {
        let mut traces = Vec::new();
        for number in 0..traces_per_hour {
            let trace_id = id(random, hour, number.is_multiple_of(2));
            if number % 64 < 2 {
                some.push(trace_id);
            }
            traces.push(trace(random, trace_id, hour_start(hour))?);
        }
        traces.sort_by_key(|trace| trace.trace_id);
        let name = hour_start(hour).micros() / 1_000_000;
        let date = jiff::Timestamp::from_second(name)?.to_string();
        let (day, time) = date.split_once('T').context("a time without a date")?;
        let day = log_dir.join(day);
        std::fs::create_dir_all(&day)?;
        let (of_day, _) = time.split_once(':').context("a time without an hour")?;
        let arrival = (hour_start(hour), hour_start(hour + 1));
        let path = day.join(format!("{of_day}-000.sealed"));
        seal(
            &path,
            arrival,
            Tuning::default(),
            traces.into_iter().map(Ok),
        )?;
    }
    Ok(some)
}

/// A trace of five services, each called by the one before.
fn trace(
    random: &mut fastrand::Rng,
    trace_id: TraceId,
    hour: Timestamp,
) -> anyhow::Result<SealedTrace> {
    let start = hour.plus_micros(random.i64(0..3_590_000_000));
    let documents = documents(random, trace_id, start);
    let view = view(documents.iter().map(String::as_str), &Producers::default());
    Ok(SealedTrace {
        trace_id,
        documents,
        view: Some(view.context("documents without a view")?),
        is_carried: false,
    })
}

/// The documents of a trace.
pub(super) fn documents(
    random: &mut fastrand::Rng,
    trace_id: TraceId,
    start: Timestamp,
) -> Vec<String> {
    let mut parent = String::new();
    let mut documents = Vec::new();
    for (place, name) in SERVICES.iter().enumerate() {
        let at = |step: i64| {
            let place = i64::try_from(place).unwrap_or_default();
            let micros = start.plus_micros(place * 2_000 + step * 911).micros();
            format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
        };
        let [id, query, call] = [(); 3].map(|()| format!("{:016x}", random.u64(..)));
        let (item, user, length) = (
            random.u32(..),
            random.u32(0..99_999),
            random.u32(99..20_000),
        );
        let next = SERVICES.get(place + 1).unwrap_or(&"post");
        documents.push(format!(
            r#"{{"id":"{id}","trace_id":"{trace_id}",{parent}"name":"{name}","origin":"AWS::ECS::Container","start_time":{},"end_time":{},"http":{{"request":{{"method":"GET","url":"http://{name}.internal/{name}/{item}","user_agent":"python-requests/2.34.2","client_ip":"198.51.100.{}"}},"response":{{"status":200,"content_length":{length}}}}},"aws":{{"xray":{{"sdk":"X-Ray for Python","sdk_version":"2.15.0"}}}},"annotations":{{"tier":"gold","items":{}}},"user":"u{user}","subsegments":[{{"id":"{query}","name":"DynamoDB","namespace":"aws","aws":{{"operation":"GetItem","region":"eu-central-1","table_name":"{name}s","retries":0}},"http":{{"response":{{"status":200,"content_length":{length}}}}},"start_time":{},"end_time":{}}},{{"id":"{call}","name":"{next}.internal","namespace":"remote","http":{{"request":{{"method":"GET","url":"http://{next}.internal/{next}/{item}"}},"response":{{"status":200}}}},"start_time":{},"end_time":{}}}]}}"#,
            at(0),
            at(40 + random.i64(0..900)),
            random.u8(..),
            random.u8(0..20),
            at(1),
            at(4),
            at(5),
            at(30)
        ));
        parent = format!(r#""parent_id":"{call}","#);
    }
    documents
}
