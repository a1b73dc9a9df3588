//! The `sql` block, which makes a call a `Database::SQL` node; other databases stay `remote`.
//! Source: `spec/otel-mapping.md` section 7.

use super::object::{Object, Used};
use super::span::ReadSpan;

const SYSTEM: [&str; 2] = ["db.system", "db.system.name"];
const DATABASE: [&str; 2] = ["db.name", "db.namespace"];
const QUERY: [&str; 2] = ["db.statement", "db.query.text"];
const CONNECTION: &str = "db.connection_string";
const USER: &str = "db.user";

/// `None` unless the database speaks SQL.
pub(super) fn block(span: &ReadSpan<'_>, used: &mut Used) -> Option<Object> {
    let attributes = span.attributes;
    let system = attributes.first_text(&SYSTEM).filter(|name| is_sql(name))?;
    used.extend(SYSTEM.iter().chain(&DATABASE).chain(&QUERY));
    used.extend([CONNECTION, USER]);
    let connection = attributes.text(CONNECTION).unwrap_or("localhost");
    let database = attributes.first_text(&DATABASE).unwrap_or_default();
    let block = Object::default()
        .put("database_type", Some(system))
        .put("user", attributes.text(USER))
        .put("sanitized_query", attributes.first_text(&QUERY))
        // the operation; a connection string in this place helped nobody, says the exporter
        .put("url", (!span.name.is_empty()).then_some(span.name))
        .put(
            "connection_string",
            Some(format!("{connection}/{database}")),
        );
    Some(block)
}

fn is_sql(system: &str) -> bool {
    let known = [
        "db2",
        "derby",
        "hive",
        "mariadb",
        "mssql",
        "mysql",
        "oracle",
        "postgresql",
        "sqlite",
        "teradata",
        "other_sql",
        // the same three by their newer names
        "microsoft.sql_server",
        "oracle.db",
        "ibm.db2",
    ];
    known.contains(&system)
}
