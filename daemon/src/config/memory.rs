//! The size of the buffer memory (`spec/daemon.md` section 3.1).

use crate::config::ConfigError;

/// AWS takes 3 MB at least. The bodies counted here live until they are delivered, AWS's only until
/// their batch is formed, so the least is higher.
const DEFAULT_BYTES_MIN: usize = 16 << 20;

/// Refused by AWS's daemon as too little to start.
const MEGABYTES_MIN: i64 = 3;

/// One per cent of the physical memory, at least 16 MiB; that, too, where the system does not say.
pub(crate) fn buffer_bytes_default() -> usize {
    let physical = std::fs::read_to_string("/proc/meminfo").ok();
    let physical = physical.as_deref().and_then(physical_bytes);
    physical.map_or(DEFAULT_BYTES_MIN, |bytes| {
        (bytes / 100).max(DEFAULT_BYTES_MIN)
    })
}

/// A configured number of megabytes above 0.
pub(crate) fn buffer_bytes(megabytes: i64) -> Result<usize, ConfigError> {
    let bytes = usize::try_from(megabytes)
        .ok()
        .and_then(|number| number.checked_mul(1 << 20));
    bytes
        .filter(|_| megabytes >= MEGABYTES_MIN)
        .ok_or_else(|| ConfigError::Value {
            key: "TotalBufferSizeMB",
            value: megabytes.to_string(),
            allowed: "3 MB or more, or 0 for 1 % of the physical memory",
        })
}

/// `MemTotal` of Linux's `/proc/meminfo`.
fn physical_bytes(meminfo: &str) -> Option<usize> {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: usize = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
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
    fn the_default_is_never_below_its_minimum() {
        assert!(buffer_bytes_default() >= DEFAULT_BYTES_MIN);
    }

    #[test]
    fn one_and_two_megabytes_are_refused_as_aws_does() {
        assert_eq!(buffer_bytes(3).unwrap(), 3 << 20);
        for megabytes in [1, 2, i64::MAX] {
            let error = buffer_bytes(megabytes).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("TotalBufferSizeMB: {megabytes} is not")),
                "{error}"
            );
        }
    }
}
