//! Spans in, documents out. Spans are built from JSON (`build`), documents are compared as JSON, and
//! every document a test makes must pass the checks of PutTraceSegments.

mod aws;
mod body;
mod build;
mod cause;
mod fields;
mod golden;
mod http;
mod kinds;
mod name;
mod properties;
