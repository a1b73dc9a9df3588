//! Whether a resource policy would keep everybody from changing it. Pure.
//!
//! Policies are not enforced here, so this guards those who take them to AWS. It sees what is plain: a
//! statement that denies everybody, without conditions, an action that covers PutResourcePolicy. What
//! policies say of single principals, by exception (`NotAction`) or under conditions is not weighed.
//! Source: `spec/api.md` section 1.5.

use radiograph_protocol::sampling::pattern::matches;
use serde_json::{Map, Value};

const ACTION: &str = "xray:PutResourcePolicy";

/// Whether nobody could put a policy any more, were this one enforced.
pub(super) fn locks_out(policy: &Map<String, Value>) -> bool {
    let statements = one_or_many(policy.get("Statement"));
    statements.iter().any(denies_everybody)
}

fn denies_everybody(statement: &Value) -> bool {
    let member = |name: &str| statement.get(name);
    let is_deny = member("Effect").and_then(Value::as_str) == Some("Deny");
    let actions = one_or_many(member("Action"));
    let covers = |action: &Value| action.as_str().is_some_and(|text| matches(text, ACTION));
    is_deny
        && member("Condition").is_none()
        && is_everybody(member("Principal"))
        && actions.iter().any(covers)
}

/// `"*"`, or `{"AWS": "*"}`.
fn is_everybody(principal: Option<&Value>) -> bool {
    let named = principal.and_then(|principal| principal.get("AWS"));
    let names = one_or_many(named.or(principal));
    names.iter().any(|name| name.as_str() == Some("*"))
}

/// An array's elements, or the one value that stands in its place.
fn one_or_many(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_plain_denial_for_everybody_locks_out() {
        let deny = |principal: Value, action: Value| json!({"Effect": "Deny", "Principal": principal, "Action": action});
        let rows = [
            (true, json!([deny(json!("*"), json!("xray:*"))])),
            (true, deny(json!({"AWS": "*"}), json!("*"))),
            (
                true,
                json!([deny(
                    json!({"AWS": ["1", "*"]}),
                    json!(["s3:*", "XRAY:putresource?olicy"])
                )]),
            ),
            (false, json!([deny(json!("*"), json!("xray:Get*"))])),
            (false, json!([deny(json!({"AWS": "1"}), json!("*"))])),
            (
                false,
                json!([deny(json!({"Service": "sns.amazonaws.com"}), json!("*"))]),
            ),
            (
                false,
                json!([{"Effect": "Allow", "Principal": "*", "Action": "*"}]),
            ),
            (
                false,
                json!([{"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {}}]),
            ),
            (false, json!([])),
            (false, json!("x")),
        ];
        for (expected, statement) in rows {
            let policy = json!({"Version": "2012-10-17", "Statement": statement});
            assert_eq!(locks_out(policy.as_object().unwrap()), expected, "{policy}");
        }
        assert!(!locks_out(&Map::new()));
    }
}
