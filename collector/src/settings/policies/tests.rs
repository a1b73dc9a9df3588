//! Each error of the policies, just in and just out, and the order of revisions.

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const EMPTY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
const LOCKING: &str = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"xray:*"}}"#;

fn request(name: &str, document: &str) -> PutResourcePolicyRequest {
    PutResourcePolicyRequest {
        policy_name: Some(name.to_owned()),
        policy_document: Some(document.to_owned()),
        ..PutResourcePolicyRequest::default()
    }
}

fn put(set: &mut PolicySet, name: &str, revision: Option<&str>) -> Result<String, &'static str> {
    let request = PutResourcePolicyRequest {
        policy_revision_id: revision.map(str::to_owned),
        ..request(name, EMPTY)
    };
    let put = set.put(&checked(request).unwrap(), NOW);
    put.map(|policy| policy.policy_revision_id)
        .map_err(|error| error.name())
}

fn check(request: PutResourcePolicyRequest) -> Result<(), &'static str> {
    checked(request).map(|_| ()).map_err(|error| error.name())
}

const REVISION: &str = "InvalidPolicyRevisionIdException";

#[test]
fn revisions_count_up_and_each_condition_is_held_against_the_latest() {
    let mut set = PolicySet::default();
    assert_eq!(put(&mut set, "p", Some("1")), Err(REVISION), "none yet");
    assert_eq!(put(&mut set, "p", Some("0")), Ok("1".to_owned()));
    assert_eq!(put(&mut set, "p", Some("0")), Err(REVISION), "there is one");
    assert_eq!(put(&mut set, "p", None), Ok("2".to_owned()));
    for stale in ["1", "3", "02", "+2", "", "x"] {
        assert_eq!(put(&mut set, "p", Some(stale)), Err(REVISION), "{stale:?}");
    }
    assert_eq!(put(&mut set, "p", Some("2")), Ok("3".to_owned()));
    let name_of = |error: ApiError| error.name();
    let stale = set.delete("p", Some("2")).map_err(name_of);
    assert_eq!(stale, Err(REVISION));
    assert_eq!(set.delete("p", Some("3")), Ok(()));
    let gone = set.delete("p", None).map_err(name_of);
    assert_eq!(gone, Err("InvalidRequestException"));
    assert_eq!(put(&mut set, "p", Some("0")), Ok("1".to_owned()));
}

#[test]
fn the_sixth_policy_is_refused_and_a_known_one_can_still_be_changed() {
    let mut set = PolicySet::default();
    for name in ["e", "a", "c", "b", "d"] {
        assert_eq!(put(&mut set, name, None), Ok("1".to_owned()));
    }
    let refused = Err("PolicyCountLimitExceededException");
    assert_eq!(put(&mut set, "f", None), refused);
    assert_eq!(put(&mut set, "c", None), Ok("2".to_owned()));
    let listed: Vec<_> = set
        .into_policies()
        .into_iter()
        .map(|policy| (policy.policy_name, policy.policy_revision_id))
        .collect();
    let expected = [("a", "1"), ("b", "1"), ("c", "2"), ("d", "1"), ("e", "1")];
    assert_eq!(listed, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn each_unsound_document_has_its_own_error() {
    let padded = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));
    let nested = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let malformed = Err("MalformedPolicyDocumentException");
    let rows = [
        ("smallest", "{}".to_owned(), Ok(())),
        ("just in", padded(5120), Ok(())),
        (
            "just out",
            padded(5121),
            Err("PolicySizeLimitExceededException"),
        ),
        ("empty", String::new(), malformed),
        ("no JSON", "{".to_owned(), malformed),
        ("no object", "[]".to_owned(), malformed),
        ("too deep", nested, malformed),
        (
            "locks out",
            LOCKING.to_owned(),
            Err("LockoutPreventionException"),
        ),
    ];
    for (row, document, expected) in rows {
        assert_eq!(check(request("p", &document)), expected, "{row}");
    }
    let bypassing = PutResourcePolicyRequest {
        bypass_policy_lockout_check: Some(true),
        ..request("p", LOCKING)
    };
    assert_eq!(check(bypassing), Ok(()));
    let invalid = Err("MalformedPolicyDocumentException");
    assert_eq!(check(PutResourcePolicyRequest::default()), invalid);
    let without_document = PutResourcePolicyRequest {
        policy_document: None,
        ..request("p", EMPTY)
    };
    assert_eq!(check(without_document), invalid);
}

#[test]
fn names_and_tokens_have_their_characters_and_lengths() {
    let invalid = Err("MalformedPolicyDocumentException");
    let rows = [
        ("a".to_owned(), Ok(())),
        ("aZ0_+=,.@-".to_owned(), Ok(())),
        ("a".repeat(128), Ok(())),
        ("a".repeat(129), invalid),
        (String::new(), invalid),
        ("a b".to_owned(), invalid),
        ("ä".to_owned(), invalid),
        ("a/b".to_owned(), invalid),
    ];
    for (name, expected) in rows {
        assert_eq!(check(request(&name, EMPTY)), expected, "{name:?}");
    }
    for (chars, is_sound) in [(0, false), (1, true), (100, true), (101, false)] {
        let token = "t".repeat(chars);
        assert_eq!(check_token(Some(&token)).is_ok(), is_sound, "{chars}");
    }
    assert_eq!(check_token(None), Ok(()));
}
