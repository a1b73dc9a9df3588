//! What the books promise, and what they do not.

use super::*;

fn counts(received: u64, waiting: u64, held: u64, lost: u64) -> Counts {
    Counts {
        received,
        waiting,
        held,
        lost,
        ..Counts::default()
    }
}

/// A daemon that was sent the numbers 0 to 9.
fn ten_sent() -> (Books, usize) {
    let mut books = Books::default();
    let life = books.born();
    (0..10).for_each(|number| books.sent(life, number));
    (books, life)
}

fn secure(closed: &Closed) -> Vec<u64> {
    let mut secure: Vec<u64> = closed
        .numbers()
        .filter(|number| closed.fate(*number) == Fate::Secure)
        .collect();
    secure.sort_unstable();
    secure
}

#[test]
fn what_is_acknowledged_is_secure_and_what_is_only_posted_is_not() {
    let mut books = Books::default();
    books.posted([1, 2, 3].into_iter());
    books.acknowledged([2].into_iter());
    let closed = books.close();
    assert_eq!(closed.fate(1), Fate::Possible(Reason::Unacknowledged));
    assert_eq!(closed.fate(2), Fate::Secure);
    assert_eq!(closed.fate(4), Fate::Unsent);
    assert_eq!(
        (books.posted_documents(), books.acknowledged_documents()),
        (3, 1)
    );
}

#[test]
fn a_killed_daemon_that_was_never_asked_may_have_lost_everything() {
    let (mut books, life) = ten_sent();
    books.killed(life);
    let closed = books.close();
    assert_eq!(closed.bounds, [10]);
    assert_eq!(
        closed.fate(0),
        Fate::Bounded {
            life,
            reason: Reason::Killed
        }
    );
}

#[test]
fn what_was_out_of_memory_at_two_polls_is_secure_though_the_daemon_is_killed() {
    let (mut books, life) = ten_sent();
    books.polled(life, 10, counts(10, 0, 0, 0), 0);
    assert_eq!(
        secure(&books.close()),
        Vec::<u64>::new(),
        "one poll is none"
    );
    books.sent(life, 10);
    books.polled(life, 11, counts(11, 0, 0, 0), 0);
    books.killed(life);
    let closed = books.close();
    assert_eq!(secure(&closed), (0..10).collect::<Vec<u64>>());
    assert_eq!(closed.bounds, [1]);
}

#[test]
fn documents_in_memory_drops_and_losses_keep_the_rest_from_being_secure() {
    for (name, polled, drops, bound) in [
        ("waiting", counts(10, 2, 0, 0), 0, 2),
        ("held", counts(10, 0, 3, 0), 0, 3),
        ("lost", counts(10, 0, 0, 4), 0, 4),
        ("dropped", counts(10, 0, 0, 0), 1, 0),
    ] {
        let (mut books, life) = ten_sent();
        books.polled(life, 10, counts(10, 0, 0, 0), 0);
        books.polled(life, 10, polled, drops);
        books.killed(life);
        let closed = books.close();
        assert_eq!(secure(&closed), Vec::<u64>::new(), "{name}");
        assert_eq!(closed.bounds, [bound], "{name}");
    }
}

#[test]
fn datagrams_not_received_yet_count_against_the_bound() {
    let (mut books, life) = ten_sent();
    books.polled(life, 10, counts(6, 0, 0, 0), 0);
    books.polled(life, 10, counts(10, 0, 0, 0), 0);
    books.killed(life);
    assert_eq!(books.close().bounds, [4]);
}

#[test]
fn a_daemon_that_was_asked_to_stop_owes_what_was_sent_before() {
    let (mut books, life) = ten_sent();
    books.stopped(life, 8, 0);
    let closed = books.close();
    assert_eq!(secure(&closed), (0..8).collect::<Vec<u64>>());
    assert_eq!(closed.fate(9), Fate::Possible(Reason::Stopping));
    assert_eq!(closed.bounds, [0]);
    let (mut books, life) = ten_sent();
    books.stopped(life, 8, 2);
    let closed = books.close();
    assert_eq!(
        closed.fate(0),
        Fate::Bounded {
            life,
            reason: Reason::Counted
        }
    );
    assert_eq!(closed.bounds, [2]);
}

#[test]
fn of_several_copies_the_most_certain_counts() {
    let (mut books, first) = ten_sent();
    books.killed(first);
    let second = books.born();
    books.sent(second, 3);
    books.posted([4, 5].into_iter());
    books.acknowledged([5].into_iter());
    books.stopped(second, 1, 0);
    let closed = books.close();
    assert_eq!(secure(&closed), [3, 5]);
    assert_eq!(
        closed.fate(4),
        Fate::Bounded {
            life: first,
            reason: Reason::Killed
        }
    );
}

#[test]
fn repeats_are_counted() {
    let mut books = Books::default();
    books.posted([1, 2].into_iter());
    books.posted([2, 3].into_iter());
    let (first, second) = (books.born(), books.born());
    for (life, number) in [(first, 7), (first, 8), (second, 7), (second, 9)] {
        books.sent(life, number);
    }
    assert_eq!(books.repeats(), (1, 1));
}
