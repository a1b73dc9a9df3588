//! An execution environment: one process of the function with its extensions, one invocation at a time.
//!
//! One task owns all of it and takes what the processes ask for as [`Call`]s. It initializes when the
//! first invocation comes, as Lambda does on demand; after a timeout or a crash everything is killed and
//! the next invocation initializes again. Nothing is frozen between invocations.

mod begin;
mod conclude;
mod end;
mod take;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use radiograph_collector::clock;
use serde_json::json;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::sleep_until;

use super::call::{CALLS_MAX, Call, Event, Reply, RuntimeResult};
use super::documents::Span;
use super::extensions::Extensions;
use super::function::Function;
use super::invocation::{Answer, Failure, FunctionError, Invocation};
use super::log::{self, Log};
use super::process::Process;
use super::program::Program;
use super::runtime_api::{self, RESPONSE_BYTES_MAX};
use super::segments::Segments;
use super::telemetry::Telemetry;

/// What all environments of the function share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The function.
    pub(super) function: Function,
    /// What runs it.
    pub(super) program: Program,
    /// Executables to run as extensions.
    pub(super) extensions: Vec<PathBuf>,
    /// The way to the daemon.
    pub(super) segments: Segments,
    /// Whether credentials are made up.
    pub(super) dummy_credentials: bool,
    /// Whether standard output is the result's alone.
    pub(super) all_to_stderr: bool,
    /// What waits for an environment.
    pub(super) queue: Mutex<mpsc::Receiver<Invocation>>,
}

/// One environment.
#[derive(Debug)]
pub(super) struct Environment {
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    own_calls: mpsc::Sender<Call>,
    calls: mpsc::Receiver<Call>,
    runtime_api: SocketAddr,
    telemetry: Arc<Telemetry>,
    log: Arc<Log>,
    serial: u64,
    processes: Vec<Process>,
    /// Those that have ended by themselves, as long as their last words may not be in the log yet.
    ended: Vec<Process>,
    extensions: Extensions,
    is_initialized: bool,
    /// The runtime's call for the next event, while it waits.
    waiting: Option<Reply<Event>>,
    /// The event that the runtime has to get and did not take yet.
    unsent: Option<Event>,
    /// The invocation that the runtime has.
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    request_id: String,
    result: Option<RuntimeResult>,
}

/// How an invocation went.
#[derive(Debug)]
struct Course {
    initialization: Option<Span>,
    invocation: Option<Span>,
    result: Result<Answer, FunctionError>,
    /// Whether the result is the runtime's own.
    has_answered: bool,
    /// Whether telemetry's subscribers know that the runtime is done.
    is_done_told: bool,
    /// What made it fail, or what broke the environment after the answer.
    broken: Option<Failure>,
}

impl Environment {
    /// An environment that listens and has started nothing yet.
    ///
    /// # Errors
    /// There is no port for its runtime API.
    pub(super) async fn new(
        shared: Arc<Shared>,
        stop: watch::Receiver<bool>,
    ) -> std::io::Result<Self> {
        let (own_calls, calls) = mpsc::channel(CALLS_MAX);
        let runtime_api = runtime_api::serve(own_calls.clone()).await?;
        let telemetry = Arc::new(Telemetry::default());
        let log = Arc::new(Log::new(Arc::clone(&telemetry), shared.all_to_stderr));
        Ok(Self {
            shared,
            stop,
            own_calls,
            calls,
            runtime_api,
            telemetry,
            log,
            serial: 0,
            processes: Vec::new(),
            ended: Vec::new(),
            extensions: Extensions::default(),
            is_initialized: false,
            waiting: None,
            unsent: None,
            current: None,
        })
    }

    /// Handles what is in the queue until it ends or everything is to stop.
    pub(super) async fn serve(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            let next = async { shared.queue.lock().await.recv().await };
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => break,
                Some(call) = self.calls.recv() => {
                    if let Some(failure) = self.take(call) {
                        tracing::warn!(?failure, "environment ended between invocations");
                        self.shut_down(failure.shutdown_reason()).await;
                    }
                }
                invocation = next => match invocation {
                    Some(invocation) => self.handle(invocation).await,
                    None => break,
                },
            }
        }
        self.shut_down("spindown").await;
    }

    async fn handle(&mut self, mut invocation: Invocation) {
        self.log.clear_tail();
        let course = self.run(&mut invocation).await;
        let broken = course.broken.clone();
        self.conclude(invocation, course).await;
        if let Some(failure) = broken {
            self.shut_down(failure.shutdown_reason()).await;
        }
    }

    async fn run(&mut self, invocation: &mut Invocation) -> Course {
        let mut course = Course {
            initialization: None,
            invocation: None,
            result: Err(FunctionError::of("Runtime.Unknown", "")),
            has_answered: false,
            is_done_told: false,
            broken: None,
        };
        let timeout = self.shared.function.timeout;
        let fail = |course: &mut Course, failure: Failure| {
            course.result = Err(failure.error(&invocation.request_id, timeout.as_secs()));
            course.broken = Some(failure);
        };
        if !self.is_initialized {
            let (span, begun) = self.begin().await;
            course.initialization = Some(span);
            self.log.platform(&log::start(&invocation.request_id));
            if let Err(failure) = begun {
                fail(&mut course, failure);
                return course;
            }
        } else {
            self.log.platform(&log::start(&invocation.request_id));
        }
        let (start, deadline) = (clock::now(), clock::instant() + timeout);
        self.hand_over(invocation, start.micros() / 1000 + millis(timeout));
        let responded = self.until(deadline, |this| this.has_result()).await;
        let end = clock::now();
        course.invocation = Some(Span { start, end });
        let result = self
            .current
            .as_mut()
            .and_then(|current| current.result.take());
        match (result, responded) {
            (Some(result), _) => {
                course.result = answered(result);
                course.has_answered = true;
            }
            (None, Err(failure)) => {
                fail(&mut course, failure);
                return course;
            }
            (None, Ok(())) => fail(&mut course, Failure::RuntimeExited("no result".to_owned())),
        }
        if !invocation.wants_log {
            give(invocation, &course.result, None);
        }
        // told while extensions still work: some flush only then, and ask for the next event after it
        course.broken = self
            .until(deadline, |this| this.waiting.is_some())
            .await
            .err();
        if course.broken.is_none() {
            self.telemetry_of_runtime(invocation, &course);
            course.is_done_told = true;
            course.broken = self.until(deadline, Self::is_done).await.err();
        }
        course
    }

    /// Gives the event to the runtime and tells the extensions.
    fn hand_over(&mut self, invocation: &Invocation, deadline_ms: i64) {
        let function_arn = self.shared.function.arn();
        let tracing =
            json!({"type": "X-Amzn-Trace-Id", "value": invocation.decision.runtime_header});
        self.extensions.invoke(&json!({
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": function_arn,
            "tracing": tracing,
        }));
        self.telemetry_of_start(invocation);
        self.current = Some(Current {
            request_id: invocation.request_id.clone(),
            result: None,
        });
        let event = Event {
            request_id: invocation.request_id.clone(),
            deadline_ms,
            function_arn,
            trace_header: invocation.decision.runtime_header.clone(),
            client_context: invocation.client_context.clone(),
            payload: invocation.payload.clone(),
        };
        self.unsent = Some(event);
        if let Some(waiting) = self.waiting.take() {
            self.send(waiting);
        }
    }

    /// Gives the runtime the event that it has to get, if there is one; else it waits.
    fn send(&mut self, waiting: Reply<Event>) {
        match self.unsent.take() {
            // one that hung up meanwhile asks again, or has died, which is told by itself
            Some(event) => self.unsent = waiting.send(event).err(),
            None => self.waiting = Some(waiting),
        }
    }

    fn has_result(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.result.is_some())
    }

    /// Whether runtime and extensions wait for the next invocation.
    fn is_done(&self) -> bool {
        self.waiting.is_some() && self.extensions.are_done()
    }

    /// Takes calls until something is so.
    ///
    /// # Errors
    /// The deadline passes, a process ends or reports an error, or everything is to stop.
    async fn until(
        &mut self,
        deadline: Instant,
        is_so: impl Fn(&Self) -> bool,
    ) -> Result<(), Failure> {
        while !is_so(self) {
            tokio::select! {
                biased;
                Some(call) = self.calls.recv() => {
                    if let Some(failure) = self.take(call) {
                        return Err(failure);
                    }
                }
                () = stopped(&mut self.stop) => return Err(Failure::Stopped),
                () = sleep_until(deadline.into()) => return Err(Failure::TimedOut),
            }
        }
        Ok(())
    }
}

/// The caller's answer for what the runtime sent.
fn answered(result: RuntimeResult) -> Result<Answer, FunctionError> {
    match result {
        RuntimeResult::Response(payload) => Ok(Answer {
            payload,
            is_error: false,
            log_tail: None,
        }),
        RuntimeResult::Error(error) => Err(error),
        RuntimeResult::TooLarge => Err(FunctionError::of(
            "Function.ResponseSizeTooLarge",
            &format!(
                "Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
            ),
        )),
    }
}

/// Answers the caller, once.
fn give(
    invocation: &mut Invocation,
    result: &Result<Answer, FunctionError>,
    log_tail: Option<Vec<u8>>,
) {
    let Some(caller) = invocation.answer.take() else {
        return;
    };
    let (payload, is_error) = match result {
        Ok(answer) => (answer.payload.clone(), false),
        Err(error) => (error.body.clone(), true),
    };
    // one that hung up, or never waited
    drop(caller.send(Answer {
        payload,
        is_error,
        log_tail,
    }));
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // an error means that whoever could say so has gone, which is an end too
    drop(stop.wait_for(|is_stopping| *is_stopping).await);
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
