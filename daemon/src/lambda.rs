//! The daemon as an external extension of AWS Lambda, or of a runtime that offers the same APIs.
//!
//! Lambda freezes the whole environment as soon as the function and every extension have asked for the
//! next event. So the daemon asks only when no document is left in memory: once the function is done
//! with an invocation, which the Telemetry API tells, the kernel's queue is read empty, everything is
//! uploaded, and what cannot be uploaded in time goes to disk. Where there is no Telemetry API, the
//! socket's silence stands for the function's end; a function that sends later than that has its
//! documents uploaded as far as the time until the freeze allows, the rest after the thaw.
//!
//! Limits: one invocation at a time, so not on Lambda Managed Instances, where extensions get no
//! INVOKE. Source: AWS Lambda developer guide, Extensions API (2020-01-01) and Telemetry API
//! (2022-07-01).

mod api;
mod lifecycle;
mod telemetry;

use std::time::Duration;

use radiograph_admin::systemd::Passed;
use tokio::sync::watch;

use crate::call::failure::with_causes;
use crate::clock;
use crate::config::Config;
use crate::flush::Flusher;
use crate::pipeline::{self, Daemon, StartError};
use api::{Api, Next};
use lifecycle::{Event, Step};

pub use api::ApiError;

/// For deliveries after an invocation. An attempt at one takes 2 s at most, so that a destination that
/// hangs has been noticed by then; later documents go to disk without another attempt.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// Kept from the time of an invocation: at its end Lambda counts the function as timed out, whoever is
/// late.
const MARGIN: Duration = Duration::from_millis(300);

/// How long nothing must arrive until the function counts as done, where nobody tells.
const QUIET: Duration = Duration::from_millis(100);

/// A pause after which connections are not used again: what lies between forgets them.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// Kept from the time of a stop, for what comes after deliveries: the disk, the end of the process.
const STOP_MARGIN: Duration = Duration::from_millis(700);

/// Why the daemon cannot be an extension.
#[derive(Debug, thiserror::Error)]
pub enum ExtensionError {
    /// The daemon itself does not start; Lambda was told.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Lambda does not take it for an extension.
    #[error("registration as a Lambda extension")]
    Register(#[source] ApiError),
    /// Lambda does not tell what is next.
    #[error("next event of the Lambda extension")]
    Next(#[source] ApiError),
}

/// Why a daemon ends.
#[derive(Debug)]
pub enum End {
    /// The process was told to; with the word of AWS's log line.
    Signal(&'static str),
    /// Lambda takes the environment down.
    ShutDown {
        /// Why: `SPINDOWN`, `TIMEOUT` or `FAILURE`.
        reason: String,
        /// How long deliveries may take.
        grace: Duration,
    },
    /// The APIs do not work; Lambda was told as far as possible.
    Failed(ExtensionError),
}

impl End {
    /// Stops the daemon in the time that there is.
    ///
    /// # Errors
    /// What has ended it, unless it was asked to.
    pub async fn stop(self, mut daemon: Daemon) -> Result<(), ExtensionError> {
        let ended = match self {
            Self::Signal(signal) => {
                tracing::info!("Got shutdown signal: {signal}");
                Ok(())
            }
            Self::ShutDown { reason, grace } => {
                tracing::info!("Got shutdown signal: {reason}");
                daemon.limit_grace(grace);
                Ok(())
            }
            Self::Failed(error) => Err(error),
        };
        let counters = daemon.stop().await;
        tracing::info!("Counters: {counters}");
        ended
    }
}

/// A registered extension that has not asked for an event yet.
#[derive(Debug)]
pub struct Extension {
    api: Api,
    /// The request that the function was done with last; none where nobody tells.
    done: Option<watch::Receiver<String>>,
}

/// Starts a daemon, on sockets that were passed if any, and registers it where it is configured to be an extension.
///
/// It receives before it registers: Lambda starts the function after that, which may send at once.
///
/// # Errors
/// When the daemon cannot start or Lambda refuses it.
pub async fn start(
    config: Config,
    passed: Passed,
) -> Result<(Daemon, Option<Extension>), ExtensionError> {
    let Some(extension) = config.extension.clone() else {
        return Ok((pipeline::start_on(config, passed).await?, None));
    };
    let started = pipeline::start_on(config, passed).await;
    let registered = Api::register(&extension).await;
    let (daemon, api) = match (started, registered) {
        (Ok(daemon), Ok(api)) => (daemon, api),
        (Err(error), Ok(api)) => {
            api.init_error(&with_causes(&error)).await;
            return Err(error.into());
        }
        (Err(error), Err(_)) => return Err(error.into()),
        (Ok(daemon), Err(error)) => {
            daemon.stop().await;
            return Err(ExtensionError::Register(error));
        }
    };
    tracing::info!("Registered as Lambda extension {}", extension.name);
    let done = subscribe(&api).await;
    Ok((daemon, Some(Extension { api, done })))
}

/// Has the function's end told. Without that the daemon works, too.
async fn subscribe(api: &Api) -> Option<watch::Receiver<String>> {
    let (listener, uri) = match telemetry::listen().await {
        Ok(listening) => listening,
        Err(error) => {
            tracing::warn!(%error, "No address for Lambda's telemetry");
            return None;
        }
    };
    match api.subscribe(&uri).await {
        Ok(true) => {
            let (sender, done) = watch::channel(String::new());
            tokio::spawn(telemetry::serve(listener, sender));
            tracing::info!("Lambda tells the end of each invocation at {uri}");
            Some(done)
        }
        Ok(false) => {
            tracing::info!("Lambda's telemetry is not offered: silence counts as the end");
            None
        }
        Err(error) => {
            let error = with_causes(&error);
            tracing::warn!(
                error,
                "Lambda's telemetry cannot be had: silence counts as the end"
            );
            None
        }
    }
}

/// Lives through invocations; never ends for a daemon that is no extension. Dropped at any moment, it
/// leaves a daemon that can be stopped.
pub fn life(extension: Option<Extension>, daemon: &Daemon) -> impl Future<Output = End> + use<> {
    let flusher = daemon.flusher();
    async move {
        match extension {
            Some(extension) => Life::of(extension, flusher).run().await,
            None => std::future::pending().await,
        }
    }
}

struct Life {
    api: Api,
    done: Option<watch::Receiver<String>>,
    /// Whether what was to be told was told the last time.
    is_told: bool,
    flusher: Flusher,
    /// The invocation under way.
    request_id: String,
    /// When it is over, since the Unix epoch.
    deadline: Duration,
}

impl Life {
    fn of(extension: Extension, flusher: Flusher) -> Self {
        Self {
            api: extension.api,
            is_told: extension.done.is_some(),
            done: extension.done,
            flusher,
            request_id: String::new(),
            deadline: Duration::ZERO,
        }
    }

    async fn run(mut self) -> End {
        let mut step = Step::AskNext;
        loop {
            let event = match step {
                Step::AskNext => match self.next().await {
                    Ok(event) => event,
                    Err(end) => return end,
                },
                Step::AwaitDone => self.await_done().await,
                Step::AwaitQuiet => self.await_quiet().await,
                Step::Flush => self.flush().await,
            };
            step = step.after(event);
        }
    }

    /// The next invocation, or the end.
    async fn next(&mut self) -> Result<Event, End> {
        let asked = clock::since_epoch();
        let next = match self.api.next().await {
            Ok(next) => next,
            Err(error) => {
                let error = ExtensionError::Next(error);
                self.api.exit_error(&with_causes(&error)).await;
                return Err(End::Failed(error));
            }
        };
        let paused = clock::since_epoch().saturating_sub(asked);
        self.flusher.wake(paused > LONG_PAUSE);
        match next {
            Next::Invoke {
                request_id,
                deadline,
            } => {
                self.request_id = request_id;
                self.deadline = deadline;
                let is_told = self.is_told();
                Ok(Event::Invoked { is_told })
            }
            Next::ShutDown { reason, deadline } => {
                let left = deadline.saturating_sub(clock::since_epoch());
                let grace = left.saturating_sub(STOP_MARGIN);
                Err(End::ShutDown { reason, grace })
            }
        }
    }

    /// Whether the function's end will be told: after one that was not, only once another has been.
    fn is_told(&mut self) -> bool {
        let heard = self
            .done
            .as_ref()
            .is_some_and(|done| done.has_changed().unwrap_or(false));
        self.is_told |= heard;
        self.is_told
    }

    async fn await_done(&mut self) -> Event {
        let (left, id) = (self.left(), &self.request_id);
        let Some(done) = &mut self.done else {
            return Event::Done;
        };
        let told = tokio::time::timeout(left, done.wait_for(|told| told == id)).await;
        self.is_told = matches!(told, Ok(Ok(_)));
        if !self.is_told {
            tracing::warn!(
                request_id = id,
                "The end of the invocation was not told: silence counts as the end"
            );
        }
        Event::Done
    }

    async fn await_quiet(&self) -> Event {
        let quiet = async {
            let mut received = self.flusher.received();
            loop {
                tokio::time::sleep(QUIET).await;
                let now = self.flusher.received();
                if now == received {
                    return;
                }
                received = now;
            }
        };
        if tokio::time::timeout(self.left(), quiet).await.is_err() {
            tracing::debug!("Documents arrive until the end of the invocation's time");
        }
        Event::Done
    }

    async fn flush(&self) -> Event {
        let within = self.left().min(FLUSH_MAX);
        if !self.flusher.flush(within).await {
            tracing::warn!("Documents stay in memory until the next invocation");
        }
        Event::Flushed
    }

    /// What is left of the invocation's time, but for a margin.
    fn left(&self) -> Duration {
        let left = self.deadline.saturating_sub(clock::since_epoch());
        left.saturating_sub(MARGIN)
    }
}
