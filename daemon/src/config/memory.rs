//! The size of the buffer memory (`spec/daemon.md` section 3.1), and what bounds it.
//!
//! AWS's daemon looks at physical memory alone, and is killed in a small container. Ours takes the
//! cgroup's limit for the machine's memory where that is smaller, and never more than a quarter of
//! it, whatever was asked for: the rest is for requests in flight and the process itself.

mod cgroup;

/// AWS takes 3 MB at least. The bodies counted here live until they are delivered, AWS's only until
/// their batch is formed, so the least is higher.
const DEFAULT_BYTES_MIN: u64 = 16 << 20;

/// Refused by AWS's daemon as too little to start.
const MEGABYTES_MIN: i64 = 3;

/// What this process may use, as far as the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    /// Bytes of the machine.
    pub(crate) physical: Option<u64>,
    /// Bytes that the cgroup allows.
    pub(crate) cgroup: Option<u64>,
}

/// A buffer size and what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buffer {
    pub(crate) bytes: usize,
    /// That, and why, it is less than what was asked for.
    pub(crate) warning: Option<String>,
}

impl Memory {
    /// Asks the system.
    pub(crate) fn of_this_process() -> Self {
        let meminfo = std::fs::read_to_string("/proc/meminfo").ok();
        Self {
            physical: meminfo.as_deref().and_then(physical_bytes),
            cgroup: cgroup::limit(),
        }
    }
}

/// The buffer for `asked` megabytes; 0 and less ask for the default.
///
/// # Errors
/// What is allowed instead.
pub(crate) fn buffer_bytes(
    asked: i64,
    physical: Option<u64>,
    cgroup: Option<u64>,
) -> Result<Buffer, &'static str> {
    const ALLOWED: &str = "3 MB or more, or 0 for 1 % of the memory";
    // A limit above what the machine has is none.
    let cgroup = cgroup.filter(|limit| physical.is_none_or(|physical| *limit < physical));
    let ceiling = cgroup.map_or(u64::MAX, |limit| limit / 4);
    let wanted = if asked > 0 {
        let bytes = u64::try_from(asked)
            .ok()
            .and_then(|megabytes| megabytes.checked_mul(1 << 20));
        bytes.filter(|_| asked >= MEGABYTES_MIN).ok_or(ALLOWED)?
    } else {
        let usable = cgroup.or(physical).unwrap_or_default();
        (usable / 100).max(DEFAULT_BYTES_MIN)
    };
    let bytes = usize::try_from(wanted.min(ceiling)).map_err(|_| ALLOWED)?;
    let is_cut = asked > 0 && wanted > ceiling;
    let warning = is_cut.then(|| {
        let limit = cgroup.unwrap_or_default();
        format!(
            "buffer memory of {asked} MB is cut to {bytes} bytes, a quarter of the cgroup's limit of \
             {limit} bytes"
        )
    });
    Ok(Buffer { bytes, warning })
}

/// The buffer of a daemon that nobody has configured.
pub(crate) fn buffer_bytes_default() -> usize {
    let memory = Memory::of_this_process();
    let buffer = buffer_bytes(0, memory.physical, memory.cgroup);
    buffer.map_or(16 << 20, |buffer| buffer.bytes)
}

/// `MemTotal` of Linux's `/proc/meminfo`.
fn physical_bytes(meminfo: &str) -> Option<u64> {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_memory_is_read_from_meminfo() {
        let text = "MemTotal:       16384000 kB\nMemFree: 1 kB\n";
        assert_eq!(physical_bytes(text), Some(16_384_000 << 10));
        for text in ["", "MemFree: 1 kB", "MemTotal: x kB", "MemTotal: 5"] {
            assert_eq!(physical_bytes(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_buffer_follows_the_memory_and_the_cgroup() {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        let cases = [
            ("nothing known", 0, None, None, 16 * MIB),
            ("small machine", 0, Some(512 * MIB), None, 16 * MIB),
            ("big machine", 0, Some(100 * GIB), None, GIB),
            ("cgroup", 0, Some(100 * GIB), Some(10 * GIB), 10 * GIB / 100),
            (
                "cgroup without limit",
                0,
                Some(100 * GIB),
                Some(u64::MAX),
                GIB,
            ),
            (
                "cgroup of 32 MiB",
                0,
                Some(100 * GIB),
                Some(32 * MIB),
                8 * MIB,
            ),
            ("cgroup alone", 0, None, Some(10 * GIB), 10 * GIB / 100),
            ("negative", -5, Some(100 * GIB), None, GIB),
            ("asked for", 64, Some(512 * MIB), None, 64 * MIB),
            ("the least", 3, Some(512 * MIB), None, 3 * MIB),
            (
                "more than the machine has",
                1024,
                Some(512 * MIB),
                None,
                GIB,
            ),
            ("up to a quarter", 64, Some(GIB), Some(256 * MIB), 64 * MIB),
        ];
        for (name, asked, physical, cgroup, bytes) in cases {
            let buffer = buffer_bytes(asked, physical, cgroup).unwrap();
            assert_eq!(u64::try_from(buffer.bytes), Ok(bytes), "{name}");
            assert_eq!(buffer.warning, None, "{name}");
        }
    }

    #[test]
    fn a_buffer_beyond_a_quarter_of_the_cgroup_is_cut_with_a_warning() {
        let buffer = buffer_bytes(65, Some(1 << 30), Some(256 << 20)).unwrap();
        assert_eq!(buffer.bytes, 64 << 20);
        assert_eq!(
            buffer.warning.unwrap(),
            "buffer memory of 65 MB is cut to 67108864 bytes, a quarter of the cgroup's limit of \
             268435456 bytes"
        );
    }

    #[test]
    fn one_and_two_megabytes_are_refused_as_aws_does() {
        for asked in [1, 2, i64::MAX] {
            assert_eq!(
                buffer_bytes(asked, Some(1 << 40), None),
                Err("3 MB or more, or 0 for 1 % of the memory"),
                "{asked}"
            );
        }
    }

    #[test]
    fn the_default_of_this_process_is_not_empty() {
        assert!(buffer_bytes_default() > 0);
    }
}
