//! What may be a tag, each bound just within and just beyond, and how many there may be.

use super::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag::new(key, value)
}

/// Tags `from`, `from + 1` and so on.
fn numbered(from: usize, count: usize) -> BTreeMap<String, String> {
    let numbers = (from..from + count).map(|number| (number.to_string(), String::new()));
    numbers.collect()
}

fn refusal(tags: Vec<Tag>) -> String {
    checked(tags).unwrap_err().to_string()
}

#[test]
fn each_tag_that_may_not_be_has_its_text() {
    let key_length = "Key must have 1 to 128 characters";
    let value_length = "Value must have at most 256 characters";
    let characters = "Tags must consist of letters, digits, spaces and _.:/=+-@";
    let keyless = Tag {
        key: None,
        ..tag("", "v")
    };
    let valueless = Tag {
        value: None,
        ..tag("k", "")
    };
    let rows = [
        (vec![keyless], "Key must not be null"),
        (vec![valueless], "Value must not be null"),
        (vec![tag("", "v")], key_length),
        (vec![tag(&"é".repeat(129), "v")], key_length),
        (vec![tag("k", &"é".repeat(257))], value_length),
        (vec![tag("aws:k", "v")], "Tag keys must not begin with aws:"),
        (vec![tag("k!", "v")], characters),
        (vec![tag("k", "v\n")], characters),
        (vec![tag("k", "a\u{a0}b")], characters),
        (
            vec![tag("k", "1"), tag("j", ""), tag("k", "1")],
            "Containing duplicate tag keys",
        ),
        (
            vec![tag("k", ""); 201],
            "Tags must have at most 200 elements",
        ),
    ];
    for (tags, text) in rows {
        assert_eq!(refusal(tags), format!("InvalidRequestException: {text}"));
    }
}

#[test]
fn tags_within_the_bounds_are_taken_as_they_are() {
    for (key, value) in [
        ("k", ""),
        ("a Z0_.:/=+-@", " _.:/=+-@ 9"),
        ("é中", "ß"),
        ("AWS:k", "aws:v"),
        (&*"é".repeat(128), &*"é".repeat(256)),
    ] {
        let found = checked(vec![tag(key, value)]).unwrap();
        assert_eq!(found.get(key).map(String::as_str), Some(value), "{key}");
    }
    let many = numbered(0, 200);
    let tags = many.keys().map(|key| tag(key, "")).collect();
    assert_eq!(checked(tags).unwrap(), many);
}

#[test]
fn there_are_fifty_in_total_and_those_beyond_are_refused_together() {
    let mut set = TagSet::default();
    set.add(&numbered(0, 48), "r").unwrap();
    let before = set.clone();
    let refused = set.add(&numbered(47, 4), "arn:r").unwrap_err();
    let kind = ApiErrorKind::TooManyTags {
        resource_name: "arn:r".to_owned(),
    };
    assert_eq!(refused.kind, kind);
    assert_eq!(
        refused.to_string(),
        "TooManyTagsException: Exceeding maximum tag count: 50"
    );
    assert_eq!(set, before);
    // of these one is there already
    set.add(&numbered(47, 3), "arn:r").unwrap();
    assert_eq!(set.shown().len(), 50);
    let again = BTreeMap::from([("7".to_owned(), "new".to_owned())]);
    set.add(&again, "arn:r").unwrap();
    assert!(set.shown().contains(&tag("7", "new")));
    assert_eq!(set.shown().len(), 50);
}

#[test]
fn tags_are_shown_by_key_and_taken_away_as_far_as_they_are_there() {
    let tags = vec![tag("b", "1"), tag("B", "2"), tag("a", "3")];
    let mut set = TagSet::checked(tags, "r").unwrap();
    assert_eq!(set.shown(), [tag("B", "2"), tag("a", "3"), tag("b", "1")]);
    set.remove(&["a".to_owned(), "a".to_owned(), "gone".to_owned()]);
    assert_eq!(set.shown(), [tag("B", "2"), tag("b", "1")]);
}

#[test]
fn keys_to_take_away_have_the_length_of_keys() {
    let length = "InvalidRequestException: Key must have 1 to 128 characters";
    for key in [String::new(), "é".repeat(129)] {
        assert_eq!(checked_keys(vec![key]).unwrap_err().to_string(), length);
    }
    let sound = vec!["é".repeat(128), "aws:k".to_owned()];
    assert_eq!(checked_keys(sound.clone()), Ok(sound));
    assert_eq!(
        checked_keys(vec!["k".to_owned(); 200]).map(|k| k.len()),
        Ok(200)
    );
    let refused = checked_keys(vec!["k".to_owned(); 201]).unwrap_err();
    assert_eq!(refused.message, "TagKeys must have at most 200 elements");
}
