//! Dividing a reservoir among demands: the arithmetic of `spec/sampling.md` section 6, item 4.
//!
//! Demands come in the order of the clients' ids, shares go out in the same order. Whoever demands
//! little gets all of it; the rest share evenly; what cannot be divided moves on every minute.

/// Whole requests per second for each demand; unless there are no demands, not even of nothing, they
/// sum up to `reservoir`.
pub(super) fn shares(demands: &[u64], reservoir: u64, minute: u64) -> Vec<u64> {
    let total: u128 = demands.iter().map(|&demand| u128::from(demand)).sum();
    match u64::try_from(total) {
        Ok(total) if total <= reservoir => with_spare(demands, reservoir - total, minute),
        _ => up_to_level(demands, reservoir, minute),
    }
}

/// All demands are met: what is left goes evenly to everyone, so that bursts find quota.
fn with_spare(demands: &[u64], spare: u64, minute: u64) -> Vec<u64> {
    let clients = as_u64(demands.len());
    if clients == 0 {
        return Vec::new();
    }
    let (each, units) = (spare / clients, spare % clients);
    let mut turns = Turns::new(clients, units, minute);
    let demands = demands.iter();
    demands
        .map(|demand| demand + each + turns.next_unit())
        .collect()
}

/// Demands exceed the reservoir: everyone gets at most the level, and the units that are too few to
/// raise it go to those above it in turn.
fn up_to_level(demands: &[u64], reservoir: u64, minute: u64) -> Vec<u64> {
    let level = level(demands, reservoir);
    let given: u64 = demands.iter().map(|&demand| demand.min(level)).sum();
    let above = demands.iter().filter(|&&demand| demand > level).count();
    let mut turns = Turns::new(as_u64(above), reservoir - given, minute);
    let demands = demands.iter();
    demands
        .map(|&demand| {
            if demand > level {
                level + turns.next_unit()
            } else {
                demand
            }
        })
        .collect()
}

/// The largest level at which the demands cut to it fit into the reservoir. There is one below
/// `reservoir`, or the demands would not exceed it.
fn level(demands: &[u64], reservoir: u64) -> u64 {
    let fits = |level: u64| {
        let cut = demands.iter().map(|&demand| u128::from(demand.min(level)));
        cut.sum::<u128>() <= u128::from(reservoir)
    };
    let (mut low, mut high) = (0, reservoir);
    while low < high {
        let middle = high - (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// Who of `count` is given one of `units` in this minute: the `units` from a start that moves on
/// by as many every minute, so that all get their turn.
struct Turns {
    count: u64,
    units: u64,
    start: u64,
    position: u64,
}

impl Turns {
    /// `units` are fewer than `count`, or both are zero.
    fn new(count: u64, units: u64, minute: u64) -> Self {
        let start = u128::from(minute) * u128::from(units) % u128::from(count.max(1));
        Self {
            count,
            units,
            start: u64::try_from(start).unwrap_or(0),
            position: 0,
        }
    }

    /// The next one's unit, 1 or 0.
    fn next_unit(&mut self) -> u64 {
        let turn = (self.position + self.count - self.start) % self.count.max(1);
        self.position += 1;
        u64::from(turn < self.units)
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn worked_examples_of_the_specification() {
        assert_eq!(shares(&[3, 20, 1], 10, 0), [3, 6, 1]);
        assert_eq!(shares(&[3, 1], 10, 0), [6, 4]);
        assert_eq!(shares(&[7; 5], 2, 0), [1, 1, 0, 0, 0]);
        assert_eq!(shares(&[7; 5], 2, 1), [0, 0, 1, 1, 0]);
        assert_eq!(shares(&[7; 5], 2, 2), [1, 0, 0, 0, 1]);
    }

    #[test]
    fn one_client_gets_the_whole_reservoir_whatever_it_demands() {
        for demand in [0, 1, 10, u64::MAX] {
            assert_eq!(shares(&[demand], 10, 3), [10], "{demand}");
        }
    }

    #[test]
    fn remainders_go_in_turn_to_those_above_the_level() {
        assert_eq!(shares(&[1, 9, 9, 9], 9, 0), [1, 3, 3, 2]);
        assert_eq!(shares(&[1, 9, 9, 9], 9, 1), [1, 3, 2, 3]);
        assert_eq!(shares(&[0, 0, 0], 4, 0), [2, 1, 1]);
        assert_eq!(shares(&[0, 0, 0], 4, 1), [1, 2, 1]);
    }

    #[test]
    fn nobody_and_nothing_are_no_special_cases() {
        assert_eq!(shares(&[], 10, 0), [0_u64; 0]);
        assert_eq!(shares(&[5, 0], 0, 7), [0, 0]);
        assert_eq!(shares(&[u64::MAX; 3], 5, u64::MAX).iter().sum::<u64>(), 5);
    }

    proptest! {
        #[test]
        fn property_shares_use_the_reservoir_up_and_favour_nobody(
            demands in prop::collection::vec(0_u64..50, 1..30),
            reservoir in 0_u64..200,
            minute in 0_u64..100_000_000,
        ) {
            let shares = shares(&demands, reservoir, minute);
            prop_assert_eq!(shares.iter().sum::<u64>(), reservoir);
            let total: u64 = demands.iter().sum();
            let pairs: Vec<_> = demands.into_iter().zip(shares).collect();
            if total <= reservoir {
                prop_assert!(pairs.iter().all(|(demand, share)| share >= demand));
            } else {
                prop_assert!(pairs.iter().all(|(demand, share)| share <= demand));
                let most = pairs.iter().map(|&(_, share)| share).max().unwrap();
                let is_unmet = |&&(demand, share): &&(u64, u64)| share < demand;
                for (_, share) in pairs.iter().filter(is_unmet) {
                    prop_assert!(share + 1 >= most, "nobody unmet is two below another");
                }
            }
        }

        #[test]
        fn property_everyone_gets_a_turn(count in 1_usize..40, reservoir in 1_u64..40, from in 0_u64..1000) {
            let demands = vec![100; count];
            let minutes = as_u64(count).div_ceil(reservoir);
            let mut held = vec![0; count];
            for minute in from..from + minutes {
                for (sum, share) in held.iter_mut().zip(shares(&demands, reservoir, minute)) {
                    *sum += share;
                }
            }
            prop_assert!(held.iter().all(|&sum| sum > 0), "{held:?}");
        }
    }
}
