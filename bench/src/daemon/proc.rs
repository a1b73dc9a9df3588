//! What the system says of a process: CPU, memory, the bound socket and what was dropped there.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::ClockId;
use nix::unistd::Pid;

/// Lets the calling thread, and the threads and processes that it starts later, run on so many cores
/// alone: on two, that every machine is a 2-core machine; sender and sink on one. They are the first
/// of those that it may use already.
///
/// # Errors
/// When the system refuses.
pub fn pin(cores: usize) -> anyhow::Result<()> {
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread)?;
    let usable = (0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true));
    let mut set = CpuSet::new();
    for core in usable.take(cores) {
        set.set(core)?;
    }
    Ok(sched_setaffinity(this_thread, &set)?)
}

/// Cores of what is measured.
pub const MEASURED_CORES: usize = 2;

/// Cores of sender and sink.
pub const DRIVER_CORES: usize = 1;

/// A process id as the system's calls want it.
#[must_use]
pub fn pid(process: u32) -> Pid {
    Pid::from_raw(i32::try_from(process).unwrap_or(i32::MAX))
}

/// CPU that the process has used, all its threads, user and system; to the nanosecond, where
/// `/proc/<pid>/stat` counts in hundredths of a second.
///
/// # Errors
/// When the process is gone.
pub fn cpu(process: u32) -> anyhow::Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(pid(process)).context("the process's CPU clock")?;
    Ok(clock.now()?.into())
}

/// CPU by thread: name and what it has used.
///
/// # Errors
/// When the process is gone.
pub fn cpu_by_thread(process: u32) -> anyhow::Result<Vec<(String, u32, Duration)>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let folder = entry?.path();
        let name = fs::read_to_string(folder.join("comm"))?.trim().to_owned();
        let used = fs::read_to_string(folder.join("schedstat"))?;
        let used = used.split(' ').next().unwrap_or_default().parse()?;
        let thread = folder.file_name().unwrap_or_default().to_string_lossy();
        threads.push((name, thread.parse()?, Duration::from_nanos(used)));
    }
    Ok(threads)
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// Resident at most so far.
    pub peak: u64,
}

/// Reads the memory of a process.
///
/// # Errors
/// When the process is gone.
pub fn memory(process: u32) -> anyhow::Result<Memory> {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let bytes = |name: &str| -> anyhow::Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line
            .context("no memory line")?
            .trim()
            .trim_end_matches(" kB");
        Ok(kilobytes.parse::<u64>()? * 1024)
    };
    Ok(Memory {
        resident: bytes("VmRSS:")?,
        peak: bytes("VmHWM:")?,
    })
}

/// What a reader must know of the machine: what else it does, and the largest receive buffer.
#[must_use]
pub fn surroundings() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let buffer = read("/proc/sys/net/core/rmem_max");
    let buffer = buffer.trim();
    format!(
        "measured on {MEASURED_CORES} cores, sender and sink on {DRIVER_CORES} of them; load average \
         before: {load}; net.core.rmem_max {buffer}"
    )
}

/// What the kernel dropped at the UDP sockets bound to this port; `None` while there is none.
#[must_use]
pub fn drops(port: u16) -> Option<u64> {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(fs::read_to_string);
    let text = tables.into_iter().flatten().collect::<String>();
    let port = format!(":{port:04X}");
    let mut drops = None;
    for line in text.lines() {
        let mut columns = line.split_ascii_whitespace();
        if columns.nth(1).is_some_and(|local| local.ends_with(&port)) {
            let count = columns.last().and_then(|count| count.parse::<u64>().ok());
            drops = Some(drops.unwrap_or(0) + count.unwrap_or(0));
        }
    }
    drops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_socket_is_seen_with_its_drops() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(drops(port), Some(0));
        drop(socket);
        assert_eq!(drops(port), None);
    }

    #[test]
    fn this_process_has_memory_and_has_used_the_cpu() {
        let process = std::process::id();
        let memory = memory(process).unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        let by_thread: Duration = cpu_by_thread(process)
            .unwrap()
            .iter()
            .map(|each| each.2)
            .sum();
        assert!(by_thread > Duration::ZERO && cpu(process).unwrap() > Duration::ZERO);
    }
}
