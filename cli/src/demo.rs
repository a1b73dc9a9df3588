//! `radiograph demo`: sends the traffic of a small shop to a daemon, as its services' SDKs would.
//!
//! The model is pure ([`shop`]); here are the socket, the pace and the counts. Datagrams are lost
//! without a word when the receiver's queue is full, so never more than a few go out back to back.

mod address;
mod backend;
mod calls;
mod causes;
mod compute;
mod documents;
mod entity;
mod handling;
mod options;
mod outgoing;
mod routes;
mod sender;
mod services;
mod shop;
mod simulation;
mod summary;
mod visitor;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;

use anyhow::{Context, bail};
use radiograph_protocol::timestamp::Timestamp;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::output;

pub(crate) use address::udp_address;
pub(crate) use options::{Options, Rate};
use sender::Sender;
use shop::Shop;
use summary::Summary;

/// Runs the demo and prints what it sent.
///
/// # Errors
/// As [`run`]; also when traces were sent and nobody listened to any.
pub(crate) async fn report(
    options: &Options,
    now: impl Fn() -> Timestamp,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let summary = run(options, now, stop).await?;
    output::line(&summary)?;
    if summary.is_unheard() {
        bail!(
            "nobody listens at {} (UDP): start `radiograph`, or name the daemon with --daemon-address",
            summary.address
        );
    }
    Ok(())
}

/// Sends until `stop` ends or `options.traces` are sent, and says what was sent.
///
/// What is held back then goes out at once: no trace stays in progress for ever.
///
/// # Errors
/// The address cannot be resolved, the socket cannot be made, or refuses a datagram for another
/// reason than that nobody listens.
pub(crate) async fn run(
    options: &Options,
    now: impl Fn() -> Timestamp,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Summary> {
    let mut shop = Shop::new(options.seed.unwrap_or_else(|| fastrand::u64(..)));
    let mut sender = Sender::connect(&options.daemon_address).await?;
    let mut pace = pace(options.rate);
    let mut summary = Summary::new(sender.address());
    let mut stop = pin!(stop);
    if options.traces.is_none() {
        let address = summary.address;
        output::remark(format_args!("sending to {address} until Ctrl-C"));
    }
    while options.traces.is_none_or(|traces| summary.traces < traces) {
        tokio::select! {
            biased;
            () = &mut stop => break,
            () = next_turn(pace.as_mut()) => {}
        }
        let trace = shop.next_trace(now()).context("a document of the demo")?;
        let delivered = sender.send(trace.datagrams, now()).await?;
        summary.count(trace.id, trace.segments, delivered);
        if !delivered && summary.refused == 1 {
            // like an SDK it goes on: a daemon may start late
            let address = summary.address;
            output::remark(format_args!("nobody listens at {address} (UDP) yet"));
        }
    }
    sender.release_all().await?;
    summary.datagrams = sender.sent();
    Ok(summary)
}

/// One tick per trace, the first at once.
fn pace(Rate(period): Rate) -> Option<Interval> {
    let mut ticks = interval(period?);
    // after a pause of the machine the rate holds again, without a burst to catch up
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Some(ticks)
}

async fn next_turn(pace: Option<&mut Interval>) {
    if let Some(ticks) = pace {
        ticks.tick().await;
    }
}
