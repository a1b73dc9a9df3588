//! The init phase: extensions first, then the runtime, until all of them ask for an event.

use std::io;
use std::time::Duration;

use radiograph_collector::clock;
use serde_json::json;

use super::Environment;
use crate::lambda::documents::Span;
use crate::lambda::extensions::Extensions;
use crate::lambda::function::{VERSION, log_stream};
use crate::lambda::invocation::Failure;
use crate::lambda::options::Language;
use crate::lambda::process::{Process, Start};
use crate::lambda::telemetry::Kind;
use crate::lambda::variables::{Surroundings, variables};

/// Lambda lets an initialization take so long; here a longer timeout of the function counts for it too.
const INIT_MAX: Duration = Duration::from_secs(10);

impl Environment {
    /// Initializes; from when to when, and what came of it.
    pub(super) async fn begin(&mut self) -> (Span, Result<(), Failure>) {
        let start = clock::now();
        let function = &self.shared.function;
        self.telemetry.begin();
        let mut record = phase();
        for (key, value) in [
            ("functionName", function.name.as_str()),
            ("functionVersion", VERSION),
        ] {
            record.insert(key.to_owned(), value.into());
        }
        self.telemetry
            .emit(Kind::Platform, "platform.initStart", &record.into());
        let begun = self.initialize().await;
        let end = clock::now();
        self.is_initialized = begun.is_ok();
        let mut record = phase();
        let status = begun.as_ref().map_or_else(Failure::status, |()| "success");
        record.insert("status".to_owned(), status.into());
        self.telemetry.emit(
            Kind::Platform,
            "platform.initRuntimeDone",
            &record.clone().into(),
        );
        let duration = end.since(start).seconds_ms() * 1000.0;
        record.insert("metrics".to_owned(), json!({"durationMs": duration}));
        self.telemetry
            .emit(Kind::Platform, "platform.initReport", &record.into());
        self.flush().await;
        (Span { start, end }, begun)
    }

    async fn initialize(&mut self) -> Result<(), Failure> {
        let deadline = clock::instant() + INIT_MAX.max(self.shared.function.timeout);
        self.extensions = Extensions::default();
        self.start_extensions()?;
        self.until(deadline, Self::have_extensions_registered)
            .await?;
        self.start_runtime()?;
        self.until(deadline, |this| {
            this.waiting.is_some() && this.extensions.are_ready()
        })
        .await
    }

    fn have_extensions_registered(&self) -> bool {
        self.processes
            .iter()
            .all(|process| self.extensions.has(&process.name))
    }

    fn start_extensions(&mut self) -> Result<(), Failure> {
        let shared = std::sync::Arc::clone(&self.shared);
        for file in &shared.extensions {
            let name = file.file_name().map_or_else(
                || "extension".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            );
            let variables = self.variables(None);
            let serial = self.next_serial();
            self.start(Start {
                serial,
                name,
                kind: Kind::Extension,
                file,
                arguments: &[],
                directory: &shared.function.root,
                variables: &variables,
            })?;
        }
        Ok(())
    }

    fn start_runtime(&mut self) -> Result<(), Failure> {
        let shared = std::sync::Arc::clone(&self.shared);
        let variables = self.variables(shared.program.language);
        let serial = self.next_serial();
        self.start(Start {
            serial,
            name: "runtime".to_owned(),
            kind: Kind::Function,
            file: &shared.program.file,
            arguments: &shared.program.arguments,
            directory: &shared.function.root,
            variables: &variables,
        })
    }

    fn start(&mut self, start: Start<'_>) -> Result<(), Failure> {
        let file = start.file.display().to_string();
        let not_started = |error: io::Error| Failure::NotStarted(format!("{file}: {error}"));
        let process =
            Process::start(start, &self.log, self.own_calls.clone()).map_err(not_started)?;
        self.processes.push(process);
        Ok(())
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn variables(&self, language: Option<Language>) -> Vec<(&'static str, String)> {
        let surroundings = Surroundings {
            runtime_api: self.runtime_api,
            daemon: self.shared.segments.address(),
            log_stream: log_stream(clock::now(), fastrand::u128(..)),
            language,
            dummy_credentials: self.shared.dummy_credentials,
        };
        let mut variables = variables(&self.shared.function, &surroundings);
        // AWS's base images have their runtime in a directory of its own and say so themselves
        let is_given = std::env::var_os("LAMBDA_RUNTIME_DIR").is_some();
        variables.retain(|(name, _)| !(is_given && *name == "LAMBDA_RUNTIME_DIR"));
        variables
    }
}

fn phase() -> serde_json::Map<String, serde_json::Value> {
    [("initializationType", "on-demand"), ("phase", "init")]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect()
}
