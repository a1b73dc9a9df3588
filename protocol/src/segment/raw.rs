//! Documents as text, member by member: how answers are cut out of what was sent.
//!
//! Every value stays a slice of the sender's text, so numbers, unknown members and their order come
//! back unchanged. Source: `spec/traces-and-graph.md` section 6.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lenient::Key;

/// The members of one JSON object in order; of repeated names the last value, at the first place.
#[derive(Debug, Clone)]
pub struct Members<'a>(Vec<Member<'a>>);

impl<'a> Members<'a> {
    /// The members of the object that `text` is; `None` when it is no object.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// All members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// The value of one member.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    /// The texts of the embedded subsegments; none when `subsegments` is missing or no array.
    #[must_use]
    pub fn subsegments(&self) -> Vec<&'a str> {
        let array = self.value("subsegments").map(|value| value.get());
        let elements: Option<Vec<&RawValue>> =
            array.and_then(|text| serde_json::from_str(text).ok());
        elements
            .unwrap_or_default()
            .into_iter()
            .map(RawValue::get)
            .collect()
    }
}

type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// Of repeated names the last value, at the first place.
fn without_repeats(members: Vec<Member<'_>>) -> Vec<Member<'_>> {
    let repeats = |(place, (name, _)): (usize, &Member<'_>)| {
        let mut before = members.iter().take(place);
        before.any(|(known, _)| known == name)
    };
    if members.len() <= COMPARED_MAX && !members.iter().enumerate().any(repeats) {
        return members;
    }
    // an index, since a hostile object has a hundred thousand members
    let mut places: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let mut kept: Vec<Member<'_>> = Vec::new();
    for (name, value) in members {
        match places.get(&name).and_then(|place| kept.get_mut(*place)) {
            Some(member) => member.1 = value,
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

/// Members of an object whose names are compared each with each, which is cheaper than hashing them
/// as long as they are few.
const COMPARED_MAX: usize = 32;

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<Member<'de>>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Self::Value = Vec::new();
                while let Some(Key(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(without_repeats(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}
