//! Due times, step by step, with times handed in.

use super::*;
use crate::clock;

const A: TraceId = TraceId::from_bits(1);
const B: TraceId = TraceId::from_bits(2);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What is due then, of nine at most, and done at once.
fn settled(schedule: &mut Schedule, now: Instant) -> Vec<TraceId> {
    let due = schedule.due(now, 9);
    due.iter().for_each(|due| schedule.finished(due.trace_id));
    due.into_iter().map(|due| due.trace_id).collect()
}

const fn with_documents(trace_id: TraceId) -> Due {
    Due {
        trace_id,
        has_new_documents: true,
    }
}

const fn for_links(trace_id: TraceId) -> Due {
    Due {
        trace_id,
        has_new_documents: false,
    }
}

#[test]
fn a_trace_is_due_after_a_quiet_moment() {
    let (mut schedule, start) = (Schedule::default(), clock::instant());
    schedule.touch(A, start);
    assert_eq!(settled(&mut schedule, start + ms(249)), []);
    assert_eq!(schedule.next_due(start), Some(start + ms(250)));
    assert_eq!(settled(&mut schedule, start + ms(250)), [A]);
    assert!(schedule.is_empty());
    assert_eq!(schedule.next_due(start), None);
}

#[test]
fn a_trace_that_is_never_quiet_is_due_all_the_same() {
    let (mut schedule, start) = (Schedule::default(), clock::instant());
    for at in (0..600).step_by(100) {
        schedule.touch(A, start + ms(at));
        assert_eq!(settled(&mut schedule, start + ms(at)), []);
    }
    assert_eq!(settled(&mut schedule, start + ms(600)), [A]);
}

#[test]
fn the_longest_waiting_goes_first_and_no_more_than_asked_for() {
    let (mut schedule, start) = (Schedule::default(), clock::instant());
    schedule.touch(B, start);
    schedule.touch(A, start + ms(1));
    assert_eq!(schedule.due(start + ms(999), 1), [with_documents(B)]);
    assert_eq!(schedule.len(), 2);
    schedule.finished(B);
    assert_eq!(schedule.len(), 1);
    assert_eq!(schedule.due(start + ms(999), 1), [with_documents(A)]);
}

#[test]
fn a_trace_is_not_due_while_it_is_settled_and_what_came_meanwhile_is_not_forgotten() {
    let (mut schedule, start) = (Schedule::default(), clock::instant());
    schedule.touch(A, start);
    assert_eq!(schedule.due(start + ms(250), 9), [with_documents(A)]);
    schedule.touch(A, start + ms(251));
    schedule.touch(A, start + ms(252));
    schedule.touch_linking(A);
    assert_eq!(schedule.due(start + ms(999), 9), []);
    assert_eq!(schedule.next_due(start), None);
    schedule.finished(A);
    assert_eq!(schedule.next_due(start), Some(start + ms(502)));
    assert_eq!(schedule.due(start + ms(502), 9), [with_documents(A)]);
    schedule.finished(A);
    assert!(schedule.is_empty());
}

#[test]
fn a_link_that_went_stale_while_its_trace_is_settled_is_looked_at_again() {
    let (mut schedule, start) = (Schedule::default(), clock::instant());
    schedule.touch_linking(A);
    assert_eq!(schedule.due(start, 9), [for_links(A)]);
    schedule.touch_linking(A);
    assert_eq!(schedule.due(start, 9), []);
    schedule.finished(A);
    assert_eq!(schedule.due(start, 9), [for_links(A)]);
    schedule.finished(A);
    assert!(schedule.is_empty());
}

#[test]
fn a_trace_that_waits_for_a_link_is_due_at_once_and_once() {
    let (mut schedule, start) = (Schedule::default(), clock::instant());
    schedule.touch_linking(A);
    schedule.touch_linking(A);
    assert_eq!((schedule.next_due(start), schedule.len()), (Some(start), 0));
    schedule.touch(B, start);
    schedule.touch_linking(B);
    assert_eq!(schedule.due(start, 9), [for_links(A)], "B waits for more");
    assert_eq!(schedule.due(start + ms(250), 9), [with_documents(B)]);
    schedule.finished(A);
    schedule.finished(B);
    assert!(schedule.is_empty());
}

#[test]
fn neither_new_documents_nor_links_keep_the_others_waiting() {
    let (mut schedule, start) = (Schedule::default(), clock::instant());
    for number in 1..=20 {
        schedule.touch(TraceId::from_bits(number), start);
        schedule.touch_linking(TraceId::from_bits(100 + number));
    }
    let due = schedule.due(start + ms(250), 8);
    assert_eq!(due.iter().filter(|due| due.has_new_documents).count(), 6);
    assert_eq!(due.len(), 8);
    let rest = schedule.due(start + ms(250), 99);
    assert_eq!(rest.len(), 32);
}
