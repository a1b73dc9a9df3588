//! Keys that a program prints: `credential_process` of a profile.
//!
//! Source: "Process credential provider" of the AWS SDKs and tools guide. The command is the user's
//! own and runs in a shell, as AWS's SDK for Go runs it; its standard error is the daemon's.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::aws::credentials::{Credentials, CredentialsDocument, CredentialsError};

/// Until the program has ended; some ask a service.
const RUN_MAX: Duration = Duration::from_secs(60);

/// Bytes of its output that are read.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// Runs the program and reads what it prints.
///
/// # Errors
/// When it fails, takes too long or prints no keys.
pub(crate) async fn load(command: &str) -> Result<Credentials, CredentialsError> {
    let problem = |problem: String| CredentialsError::Process { problem };
    let run = tokio::time::timeout(RUN_MAX, output(command)).await;
    let run = run.map_err(|_| problem(format!("no end within {} s", RUN_MAX.as_secs())))?;
    let (status, json) = run.map_err(|error| problem(error.to_string()))?;
    if !status.success() {
        return Err(problem(status.to_string()));
    }
    CredentialsDocument::read(&json, "credential_process")
}

async fn output(command: &str) -> std::io::Result<(std::process::ExitStatus, String)> {
    let (shell, argument) = if cfg!(windows) {
        ("cmd.exe", "/C")
    } else {
        ("sh", "-c")
    };
    let mut child = Command::new(shell)
        .args([argument, command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut text = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(OUTPUT_BYTES_MAX).read_to_end(&mut text).await?;
    }
    let status = child.wait().await?;
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}
