//! What the system knows of this process, and of others, and how many files this one may open. Reads
//! `/proc/<process>/status`, where there is one.

use std::time::Duration;

/// The process, from its start on.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    started: Duration,
}

/// The process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessNow {
    /// Its start since the Unix epoch.
    pub started: Duration,
    /// Memory that it occupies; unknown elsewhere than on Linux.
    pub resident_bytes: Option<u64>,
}

impl Process {
    /// Started at this time since the Unix epoch.
    #[must_use]
    pub const fn started(at: Duration) -> Self {
        Self { started: at }
    }

    /// What the system says of it now.
    #[must_use]
    pub fn now(&self) -> ProcessNow {
        let status = std::fs::read_to_string("/proc/self/status").ok();
        ProcessNow {
            started: self.started,
            resident_bytes: status.as_deref().and_then(resident_bytes),
        }
    }
}

/// The most memory that a running process has had resident, in bytes; none once it has ended, or where the
/// system does not tell.
#[must_use]
pub fn resident_bytes_max(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    bytes_of(&status, "VmHWM:")
}

/// Lets this process have as many files and connections open as the system allows it. What it is given at
/// its start is for programs that use `select`, and is 1,024 mostly.
///
/// # Errors
/// The system refuses; nothing has changed then.
#[cfg(unix)]
pub fn raise_open_files_max() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

fn resident_bytes(status: &str) -> Option<u64> {
    bytes_of(status, "VmRSS:")
}

/// A line in the text of `/proc/self/status`, whose kB are units of 1024 bytes.
fn bytes_of(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_read_as_linux_writes_it() {
        let status =
            "Name:\tradiograph-daem\nVmHWM:\t    9000 kB\nVmRSS:\t    7168 kB\nThreads:\t4\n";
        assert_eq!(resident_bytes(status), Some(7_340_032));
        assert_eq!(bytes_of(status, "VmHWM:"), Some(9_216_000));
        for status in [
            "",
            "VmRSS:\n",
            "VmRSS:\tx kB\n",
            "VmRSS:\t1 MB\n",
            "VmRSS:\t99999999999999999999 kB",
        ] {
            assert_eq!(resident_bytes(status), None, "{status:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_occupies_memory() {
        let now = Process::started(Duration::ZERO).now();
        assert!(now.resident_bytes.unwrap() > 100_000, "{now:?}");
    }
}
