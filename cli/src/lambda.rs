//! `radiograph lambda`: runs a function on this machine as Lambda would, with a complete trace.
//!
//! It serves the Runtime, Extensions and Telemetry APIs to the function's processes and the Invoke API to
//! callers, and sends the two segments that the Lambda service sends. What it deliberately does not do:
//! isolate or limit the function, freeze it between invocations, or try asynchronous calls again.
//! Source: `spec/traces-and-graph.md` example 4, `spec/daemon.md` section 13, Lambda developer guide.

mod call;
mod cause;
mod decision;
mod documents;
mod environment;
mod extensions;
mod extensions_api;
mod function;
mod invocation;
mod invoke_api;
mod invoker;
mod log;
mod once;
mod options;
mod process;
mod program;
mod runtime_api;
mod segments;
mod telemetry;
mod variables;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::{logs, output};

use environment::{Environment, Shared};
use function::{Function, name_from};
use invoker::Invoker;
pub(crate) use options::Options;
use program::program;
use segments::Segments;

/// Runs the function until `stop` ends, or once with `--event`.
///
/// The exit code is 1 when the one invocation failed.
///
/// # Errors
/// There is nothing to run, an address cannot be listened on, or the event is not JSON.
pub(crate) async fn report(
    options: &Options,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    logs::install(options.log_level)?;
    let event = match &options.event {
        Some(event) => Some(once::event(event)?),
        None => None,
    };
    let (queue, waiting) = mpsc::channel(places(options).max(1));
    let shared = Arc::new(shared(options, waiting).await?);
    let invoker = Arc::new(Invoker {
        shared: Arc::clone(&shared),
        queue,
        places: Arc::new(Semaphore::new(places(options))),
    });
    let (stopping, is_stopping) = watch::channel(false);
    let mut environments = JoinSet::new();
    for _ in 0..options.concurrency {
        let environment = Environment::new(Arc::clone(&shared), is_stopping.clone()).await;
        environments.spawn(environment.context("runtime API")?.serve());
    }
    let ran = match event {
        Some(event) => {
            tokio::select! {
                code = once::invoke(&invoker, event) => code,
                () = stop => Ok(ExitCode::FAILURE),
            }
        }
        None => serve(options, Arc::clone(&invoker), stop).await,
    };
    // nobody listens only when all environments have ended
    let _unheard = stopping.send(true);
    while environments.join_next().await.is_some() {}
    ran
}

async fn serve(
    options: &Options,
    invoker: Arc<Invoker>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| format!("--listen {}", options.listen))?;
    let address = listener.local_addr().context("--listen")?;
    let function = &invoker.shared.function;
    let (name, region) = (&function.name, &function.region);
    output::line(format_args!("function: {}", function.arn()))?;
    output::line(format_args!(
        "invoke: http://{address}/2015-03-31/functions/{name}/invocations"
    ))?;
    output::line(format_args!(
        "segments: {}",
        invoker.shared.segments.address()
    ))?;
    output::line(format_args!(
        "try: aws lambda invoke --endpoint-url http://{address} --region {region} --no-sign-request --function-name {name} out.json"
    ))?;
    let serving = axum::serve(listener, invoke_api::router(invoker));
    tokio::select! {
        ended = serving.into_future() => ended.context("--listen").map(|()| ExitCode::SUCCESS),
        () = stop => Ok(ExitCode::SUCCESS),
    }
}

/// Invocations that may be handled or wait.
fn places(options: &Options) -> usize {
    usize::from(options.concurrency) + usize::from(options.queue)
}

async fn shared(
    options: &Options,
    queue: mpsc::Receiver<invocation::Invocation>,
) -> anyhow::Result<Shared> {
    let code = &options.code;
    let root = fs::canonicalize(code).with_context(|| format!("--code {}", code.display()))?;
    let program = program(options, &root)?;
    let mut extensions = Vec::new();
    for file in &options.extensions {
        let found = fs::canonicalize(file);
        extensions.push(found.with_context(|| format!("--extension {}", file.display()))?);
    }
    let segments = Segments::connect(&options.daemon_address).await?;
    Ok(Shared {
        function: function(options, &root),
        program,
        extensions,
        segments,
        dummy_credentials: options.dummy_credentials
            && std::env::var_os("AWS_ACCESS_KEY_ID").is_none(),
        all_to_stderr: options.event.is_some(),
        queue: Mutex::new(queue),
    })
}

fn function(options: &Options, root: &Path) -> Function {
    let named = options.function_name.as_deref().map(name_from);
    let of_directory = || {
        let name = root.file_name().unwrap_or_default();
        name_from(&name.to_string_lossy())
    };
    Function {
        name: named.unwrap_or_else(of_directory),
        handler: options
            .handler
            .clone()
            .unwrap_or_else(|| "bootstrap".to_owned()),
        root: root.to_owned(),
        region: options.region.clone(),
        account_id: options.account_id.clone(),
        memory_mb: options.memory,
        timeout: Duration::from_secs(options.timeout.into()),
        tracing: options.tracing,
    }
}
