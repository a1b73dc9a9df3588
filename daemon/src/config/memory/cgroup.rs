//! The memory limit of this process's cgroup, version 1 and 2 (Linux, `cgroups(7)`).
//!
//! The limit may be set on any group above ours, so all of them are asked. In a container the path
//! that `/proc/self/cgroup` names may not exist; its root then has the limit.

use std::path::{Path, PathBuf};

/// The smallest limit that is set; none elsewhere than on Linux.
pub(super) fn limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = files(&groups).into_iter().filter_map(|file| {
        let text = std::fs::read_to_string(file).ok()?;
        bytes(&text)
    });
    limits.min()
}

/// The files that may hold a limit for the groups in `/proc/self/cgroup`.
fn files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, name) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|each| each == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            files.push(Path::new(root).join(group).join(name));
        }
    }
    files
}

/// `max` is no limit.
fn bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_up_to_the_root_is_asked() {
        let cases: [(&str, &[&str]); 4] = [
            (
                "0::/system.slice/radiograph.service\n",
                &[
                    "/sys/fs/cgroup/system.slice/radiograph.service/memory.max",
                    "/sys/fs/cgroup/system.slice/memory.max",
                    "/sys/fs/cgroup/memory.max",
                ],
            ),
            ("0::/\n", &["/sys/fs/cgroup/memory.max"]),
            (
                "5:cpu,memory:/docker\n4:devices:/docker\n",
                &[
                    "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                ],
            ),
            ("\nno group\n0:\n", &[]),
        ];
        for (groups, expected) in cases {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(files(groups), expected, "{groups:?}");
        }
    }

    #[test]
    fn a_limit_is_a_number_and_max_is_none() {
        for (text, limit) in [
            ("max\n", None),
            ("", None),
            ("-1", None),
            ("268435456\n", Some(268_435_456)),
        ] {
            assert_eq!(bytes(text), limit, "{text:?}");
        }
    }
}
