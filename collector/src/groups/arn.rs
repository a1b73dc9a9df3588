//! ARNs of groups: `arn:aws:xray:<region>:<account>:group/<GroupName>/<52 base-32 characters>`; the
//! default group's ends at its name. Source: `spec/api.md` section 1.7.

use super::group_set::DEFAULT_NAME;

/// Where ARNs say that a group lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The region.
    pub region: String,
    /// The account.
    pub account_id: String,
}

const BASE_32: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl Home {
    /// The ARN of the default group.
    #[must_use]
    pub fn default_group(&self) -> String {
        let Self { region, account_id } = self;
        format!("arn:aws:xray:{region}:{account_id}:group/{DEFAULT_NAME}")
    }

    /// The ARN of a group made now: random bytes keep it apart from earlier ones of its name.
    #[must_use]
    pub fn group(&self, name: &str, random: [u8; 32]) -> String {
        let Self { region, account_id } = self;
        let suffix = base_32(random);
        format!("arn:aws:xray:{region}:{account_id}:group/{name}/{suffix}")
    }
}

/// 52 characters of five bits each, the last one of the one bit that is left.
fn base_32(bytes: [u8; 32]) -> String {
    let mut text = String::with_capacity(52);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        held = held << 8 | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(character(held >> bits));
        }
        held &= (1 << bits) - 1;
    }
    text.push(character(held << (5 - bits)));
    text
}

fn character(five_bits: u32) -> char {
    let place = usize::try_from(five_bits & 31).unwrap_or_default();
    BASE_32.get(place).map_or('A', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_base_32_of_its_bytes() {
        // RFC 4648: 256 bits of ones are 51 times 31, then one bit followed by four zeros
        assert_eq!(base_32([0xff; 32]), "7".repeat(51) + "Q");
        assert_eq!(base_32([0; 32]), "A".repeat(52));
        let mut bytes = [0; 32];
        bytes[..6].copy_from_slice(b"foobar");
        // "foobar" alone is MZXW6YTBOI======
        assert!(
            base_32(bytes).starts_with("MZXW6YTBOI"),
            "{}",
            base_32(bytes)
        );
    }

    #[test]
    fn each_group_has_an_arn_of_its_home() {
        let home = Home {
            region: "eu-west-1".to_owned(),
            account_id: "111122223333".to_owned(),
        };
        assert_eq!(
            home.default_group(),
            "arn:aws:xray:eu-west-1:111122223333:group/Default"
        );
        let arn = home.group("slow", [1; 32]);
        let suffix = arn.strip_prefix("arn:aws:xray:eu-west-1:111122223333:group/slow/");
        assert_eq!(suffix.map(str::len), Some(52));
        assert_ne!(arn, home.group("slow", [2; 32]));
    }
}
