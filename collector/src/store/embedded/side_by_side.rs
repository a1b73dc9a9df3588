//! The same work on many things, side by side on as many threads as there are cores, its results taken in
//! order. For opening: what runs meanwhile is nothing else.
//!
//! Results that wait for an earlier one are kept, whatever their number: they are to be small.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::bounded;

use crate::store::StoreError;

/// Threads at most: beyond, reading is bound by the disk and taking by the one that takes.
const THREADS_MAX: usize = 8;

/// Works on each thing, and hands what came of it to `take`, in the order of the things. Blocking.
///
/// # Errors
/// The first of `take`; what lies behind is not taken then.
pub(super) fn in_order<T: Sync, R: Send>(
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
    take: impl FnMut(&T, R) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    on_threads(cores.min(THREADS_MAX), things, work, take)
}

fn on_threads<T: Sync, R: Send>(
    threads: usize,
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(&T, R) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = bounded(threads);
    let do_next = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        things.get(number).map(|thing| (number, work(thing)))
    };
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..threads.min(things.len()) {
            let sender = sender.clone();
            let working = thread::Builder::new().spawn_scoped(scope, || {
                // nobody receives any more once taking has failed
                while let Some(done) = do_next()
                    && sender.send(done).is_ok()
                {}
                drop(sender);
            });
            started += usize::from(working.is_ok());
        }
        drop(sender);
        let mut rest = things.iter();
        let mut waiting = BTreeMap::new();
        let mut taken = 0;
        // where no thread could be started, this one works
        let here = std::iter::from_fn(|| if started == 0 { do_next() } else { None });
        for (number, done) in receiver.into_iter().chain(here) {
            waiting.insert(number, done);
            while let Some(done) = waiting.remove(&taken) {
                let Some(thing) = rest.next() else {
                    break;
                };
                take(thing, done)?;
                taken += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_taken_in_order_whatever_the_number_of_threads() {
        for threads in [0, 1, 2, 5] {
            let things: Vec<u32> = (0..100).collect();
            let mut taken = Vec::new();
            let done = on_threads(
                threads,
                &things,
                |thing| thing * 2,
                |thing, double| {
                    taken.push((*thing, double));
                    Ok(())
                },
            );
            done.unwrap();
            let expected: Vec<_> = things.iter().map(|thing| (*thing, thing * 2)).collect();
            assert_eq!(taken, expected, "{threads} threads");
        }
    }

    #[test]
    fn nothing_is_taken_behind_an_error() {
        let things: Vec<u32> = (0..1000).collect();
        let mut taken = 0;
        let failed = on_threads(
            3,
            &things,
            |thing| *thing,
            |_, number| {
                taken += 1;
                if number == 7 {
                    return Err(StoreError::Closed);
                }
                Ok(())
            },
        );
        assert!(matches!(failed, Err(StoreError::Closed)), "{failed:?}");
        assert_eq!(taken, 8);
    }

    #[test]
    fn no_things_are_no_work() {
        let nothing: [u32; 0] = [];
        in_order(&nothing, |_| panic!("no work"), |_, ()| Ok(())).unwrap();
    }
}
