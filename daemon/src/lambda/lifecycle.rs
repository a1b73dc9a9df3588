//! What an extension does next. Pure.
//!
//! The one rule: after an invocation the next event is asked for, and only when the memory was flushed,
//! since the environment may be frozen from that moment on.

/// What an extension is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Asks for the next event; the environment may be frozen meanwhile.
    AskNext,
    /// Waits until it is told that the function is done.
    AwaitDone,
    /// Waits until the function has been silent for a moment.
    AwaitQuiet,
    /// Brings what is in memory to its destination or to disk.
    Flush,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// An invocation has begun; whether its end will be told.
    Invoked { is_told: bool },
    /// The function is done, seems so, or has no time left.
    Done,
    /// Nothing is left in memory, or no time.
    Flushed,
}

impl Step {
    /// The step after this event; an event that does not belong to a step changes nothing.
    pub(super) const fn after(self, event: Event) -> Self {
        match (self, event) {
            (Self::AskNext, Event::Invoked { is_told: true }) => Self::AwaitDone,
            (Self::AskNext, Event::Invoked { is_told: false }) => Self::AwaitQuiet,
            (Self::AwaitDone | Self::AwaitQuiet, Event::Done) => Self::Flush,
            (Self::Flush, Event::Flushed) => Self::AskNext,
            (step, Event::Invoked { .. } | Event::Done | Event::Flushed) => step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_invocation_ends_with_a_flush_and_then_the_next_event_is_asked_for() {
        for (is_told, waiting) in [(true, Step::AwaitDone), (false, Step::AwaitQuiet)] {
            let step = Step::AskNext.after(Event::Invoked { is_told });
            assert_eq!(step, waiting);
            let step = step.after(Event::Done);
            assert_eq!(step, Step::Flush);
            assert_eq!(step.after(Event::Flushed), Step::AskNext);
        }
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            any::<bool>().prop_map(|is_told| Event::Invoked { is_told }),
            Just(Event::Done),
            Just(Event::Flushed),
        ]
    }

    proptest! {
        #[test]
        fn property_after_an_invocation_nothing_is_asked_for_before_a_flush(
            events in proptest::collection::vec(event(), 0..40),
        ) {
            let mut step = Step::AskNext;
            let mut is_flushed = true;
            for event in events {
                let before = step;
                step = step.after(event);
                if before == Step::AskNext && step != Step::AskNext {
                    is_flushed = false;
                }
                is_flushed |= before == Step::Flush && event == Event::Flushed;
                prop_assert!(step != Step::AskNext || is_flushed);
            }
        }

        #[test]
        fn property_from_every_step_what_it_waits_for_leads_to_the_next_event(
            events in proptest::collection::vec(event(), 0..40),
        ) {
            let mut step = Step::AskNext;
            for event in events {
                step = step.after(event);
            }
            for _ in 0..2 {
                step = match step {
                    Step::AskNext => Step::AskNext,
                    Step::AwaitDone | Step::AwaitQuiet => step.after(Event::Done),
                    Step::Flush => step.after(Event::Flushed),
                };
            }
            prop_assert_eq!(step, Step::AskNext);
        }
    }
}
