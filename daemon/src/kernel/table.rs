//! The kernel's table of UDP sockets: `/proc/net/udp` and `/proc/net/udp6`.
//!
//! Columns between white space: the tenth is the inode, the thirteenth the drops, since Linux 2.6.27.
//! Lines are read one at a time: a busy host has thousands.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// Inode and drops of each socket in the file. Lines that are no socket's are left out.
pub(super) fn read(path: &str) -> io::Result<impl Iterator<Item = (u64, u32)>> {
    let lines = BufReader::new(File::open(path)?).lines();
    Ok(lines.map_while(Result::ok).filter_map(|line| parse(&line)))
}

/// Inode and drops of one line; `None` for the heading and for what is cut short.
fn parse(line: &str) -> Option<(u64, u32)> {
    let mut columns = line.split_ascii_whitespace();
    let inode = columns.nth(9)?.parse().ok()?;
    let drops = columns.nth(2)?;
    // Kernels before 5.x print the counter with a sign.
    let drops = drops
        .parse()
        .or_else(|_| drops.parse::<i32>().map(i32::cast_unsigned))
        .ok()?;
    Some((inode, drops))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_as_linux_writes_them() {
        let heading = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                       uid  timeout inode ref pointer drops            ";
        let ipv4 = " 1234: 0100007F:07D0 00000000:0000 07 00000000:00033900 00:00000000 00000000  \
                    1000        0 3213213 2 0000000000000000 18911        ";
        let ipv6 = "  913: 00000000000000000000000000000000:07D0 00000000000000000000000000000000:0000 \
                    07 00000000:00000000 00:00000000 00000000     0        0 22 2 ffff9c5d 0";
        let signed = ipv4.replace("18911", "-2");
        let cases = [
            ("the heading", heading, None),
            ("an IPv4 socket", ipv4, Some((3_213_213, 18_911))),
            ("an IPv6 socket", ipv6, Some((22, 0))),
            (
                "a counter with a sign",
                &signed,
                Some((3_213_213, u32::MAX - 1)),
            ),
            ("an empty line", "", None),
            (
                "a line cut short",
                ipv4.split(" 18911").next().unwrap(),
                None,
            ),
            (
                "a drop count that is none",
                &ipv4.replace("18911", "x"),
                None,
            ),
            ("an inode that is none", &ipv4.replace("3213213", "x"), None),
        ];
        for (name, line, expected) in cases {
            assert_eq!(parse(line), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn property_any_line_has_an_outcome(line in "[ -~]{0,200}", number in any::<u64>()) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            if words.len() < 13 {
                prop_assert_eq!(parse(&line), None);
            }
            let built = format!("a a a a a a a a a {number} a a 5");
            prop_assert_eq!(parse(&built), Some((number, 5)));
        }
    }
}
