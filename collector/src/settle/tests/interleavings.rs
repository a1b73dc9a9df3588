//! Documents come and traces are settled in any order, with deaths in between: once everything is
//! settled, the views are those of settling all of it at the end.

use std::collections::BTreeSet;

use super::*;

const TRACES: u32 = 4;

/// A document: its trace, its number, what it links to.
type Sent = (u32, u32, Vec<(u32, u32)>);

#[derive(Debug, Clone)]
enum Step {
    Append(Sent),
    /// Settles those of these traces that have new documents.
    Settle(BTreeSet<u32>),
    /// The process dies: what is unsettled the store must tell.
    Die,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let link = (0..TRACES, 0..3_u32);
    let links = prop::collection::vec(link, 0..3);
    let step = prop_oneof![
        5 => (0..TRACES, 0..3_u32, links).prop_map(Step::Append),
        3 => prop::collection::btree_set(0..TRACES, 1..4).prop_map(Step::Settle),
        1 => Just(Step::Die),
    ];
    prop::collection::vec(step, 1..25)
}

async fn play(store: &MemoryStore, steps: &[Step]) {
    let mut touched = BTreeSet::new();
    for step in steps {
        match step {
            Step::Append((of, number, links)) => {
                append(store, trace(*of), &[&segment(*of, *number, links)]).await;
                touched.insert(trace(*of));
            }
            Step::Settle(numbers) => {
                let due = numbers.iter().map(|number| trace(*number));
                let due: Vec<_> = due.filter(|id| touched.remove(id)).collect();
                settle(store, &due).await.unwrap();
            }
            Step::Die => touched = store.unsettled().await.unwrap().into_iter().collect(),
        }
    }
    let rest: Vec<_> = touched.into_iter().collect();
    settle(store, &rest).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn property_any_interleaving_ends_in_the_views_of_settling_all_at_the_end(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (store, at_the_end) = (MemoryStore::default(), MemoryStore::default());
            play(&store, &steps).await;
            let appends = steps.iter().filter(|step| matches!(step, Step::Append(_)));
            let appends: Vec<_> = appends.cloned().collect();
            play(&at_the_end, &appends).await;
            assert_eq!(all_views(&store).await, all_views(&at_the_end).await);
            assert_eq!(all_totals(&store).await, all_totals(&at_the_end).await);
            assert_eq!(store.unsettled().await.unwrap(), []);
        });
    }
}
