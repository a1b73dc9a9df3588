//! Promises about documents.

use super::sample::trace;
use super::{Record, Subject, append, documents_of};

/// A trace's documents are those appended to it, in one call or several.
pub async fn appended_documents_are_found_by_trace(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a", "b"]).await;
    append(subject, trace(2), &["c"]).await;
    append(subject, trace(1), &["d"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "b", "d"]);
    assert_eq!(documents_of(subject, trace(2)).await, ["c"]);
}

/// What `append` acknowledged is there after reopening.
pub async fn appended_documents_survive_reopening(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a", "b"]).await;
    subject.reopen().await;
    append(subject, trace(1), &["c"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "b", "c"]);
    subject.reopen().await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "b", "c"]);
}

/// The same text of the same trace is one document: within a call, across calls and reopenings.
pub async fn a_repeated_document_is_stored_once(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a", "a", "b"]).await;
    append(subject, trace(1), &["b", "a"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "b"]);
    subject.reopen().await;
    append(subject, trace(1), &["a"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a", "b"]);
}

/// Traces do not share documents.
pub async fn the_same_text_in_two_traces_is_two_documents(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    append(subject, trace(2), &["a"]).await;
    assert_eq!(documents_of(subject, trace(1)).await, ["a"]);
    assert_eq!(documents_of(subject, trace(2)).await, ["a"]);
}

/// The answer is in the order of the ids, without unknown ones, each once.
pub async fn unknown_and_repeated_ids_leave_the_answer_alone(subject: &mut dyn Subject) {
    append(subject, trace(1), &["a"]).await;
    append(subject, trace(2), &["b"]).await;
    let asked = [trace(2), trace(9), trace(1), trace(2)];
    let found = subject.store().documents(&asked).await.unwrap();
    let found: Vec<_> = found.iter().map(|found| found.trace_id).collect();
    assert_eq!(found, [trace(2), trace(1)]);
    assert_eq!(subject.store().documents(&[]).await.unwrap(), []);
}

/// Nothing is done to a document's text.
pub async fn documents_of_any_size_and_script_come_back_as_they_were(subject: &mut dyn Subject) {
    let large = "{\"ключ\":\"значение\"}\n".repeat(50_000);
    let texts = ["", " ", "ÿ\u{0}RG", large.as_str()];
    append(subject, trace(1), &texts).await;
    subject.reopen().await;
    let mut expected = texts.map(str::to_owned);
    expected.sort();
    assert_eq!(documents_of(subject, trace(1)).await, expected);
}

/// Nothing to do is done.
pub async fn an_empty_append_returns_at_once(subject: &mut dyn Subject) {
    subject.store().append(Vec::new()).await.unwrap();
    assert_eq!(super::unsettled(subject).await, [].into());
}

/// Appends at the same time, with documents in common, are all kept, each document once.
pub async fn concurrent_appends_are_all_kept(subject: &mut dyn Subject) {
    let callers: Vec<_> = (0..16_u32)
        .map(|caller| {
            let store = subject.store();
            let texts = ["shared".to_owned(), format!("own {caller:02}")];
            let records = texts.map(|document| Record {
                trace_id: trace(1),
                document,
            });
            tokio::spawn(async move { store.append(records.to_vec()).await })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    let mut expected: Vec<_> = (0..16).map(|caller| format!("own {caller:02}")).collect();
    expected.push("shared".to_owned());
    assert_eq!(documents_of(subject, trace(1)).await, expected);
    subject.reopen().await;
    assert_eq!(documents_of(subject, trace(1)).await, expected);
}
