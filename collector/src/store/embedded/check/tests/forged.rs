//! What no checksum tells: everything derived is derived again.

use super::*;
use crate::store::embedded::sealed::tests::{forge_index, forge_totals};

#[test]
fn totals_that_are_no_sum_are_found_and_derived_again() {
    let place = Place::make();
    forge_totals(&place.path().join(SEALED));
    let report = place.verify();
    let lines = told(&report);
    assert_eq!(report.problems, 1, "{lines:#?}");
    assert!(
        lines[0].contains("the totals are not the sum of the views"),
        "{lines:?}"
    );
    let documents = place.documents();
    assert_eq!(place.repair().actions[0].lost, "");
    assert_eq!(place.verify().problems, 0);
    assert_eq!(place.documents(), documents);
}

#[test]
fn a_search_index_of_other_views_is_found_and_built_again() {
    let place = Place::make();
    for file in [SEALED, MERGED] {
        forge_index(&place.path().join(file));
        let report = place.verify();
        let lines = told(&report);
        assert_eq!(report.problems, 1, "{lines:#?}");
        let what = "the search index is not that of the views";
        assert!(lines[0].contains(what), "{lines:?}");
        let repaired = place.repair();
        assert_eq!(repaired.actions.len(), 1);
        assert_eq!(repaired.actions[0].lost, "");
        assert_eq!(place.verify().problems, 0);
    }
}

#[test]
fn a_view_that_is_not_that_of_its_documents_is_found_and_derived_again() {
    let place = Place::make();
    let store = place.open();
    let documents = documents_of(&store.shared, trace(5));
    let derive::Derived::View(view) = derive::derive(&store.shared, &documents).0 else {
        panic!("trace 5 has a view")
    };
    let mut view = *view;
    view.summary.has_fault = true;
    let encoded = postcard::to_stdvec(&view).unwrap();
    let forged = NewView { view, encoded };
    store.queue.tell(Work::PutViews(vec![forged])).unwrap();
    drop(store);
    for is_sealed in [false, true] {
        if is_sealed {
            place.open().seal_all(true).unwrap();
        }
        let place = place.copy();
        let report = place.verify();
        let lines = told(&report);
        assert_eq!(report.problems, 1, "{lines:#?}");
        let what = format!(
            "trace {} has a view that is not the one of its documents",
            trace(5)
        );
        assert!(lines[0].contains(&what), "{lines:?}");
        let repaired = place.repair();
        assert_eq!((repaired.actions.len(), repaired.views), (0, 1));
        assert_eq!(place.verify().problems, 0);
    }
}
