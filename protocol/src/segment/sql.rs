//! The `sql` block of a database call. Source: `spec/segment-document.md` section 4.

use std::borrow::Cow;

use super::lenient::json_object;

json_object! {
    /// `sql`, all optional.
    pub struct Sql<'a> {
        /// URL of the database, without secrets.
        url: Cow<'a, str> = "url",
        /// The query with its literals removed.
        sanitized_query: Cow<'a, str> = "sanitized_query",
        /// Kind of database.
        database_type: Cow<'a, str> = "database_type",
    }
}
