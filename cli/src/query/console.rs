//! Where the collector's console shows a trace.

/// The address of a trace's page.
pub(super) fn link(endpoint: &str, trace_id: &str) -> String {
    format!("{}/#/traces/{trace_id}", endpoint.trim_end_matches('/'))
}
