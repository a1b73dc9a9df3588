//! From views to an index.
//!
//! Rows number themselves in the order in which views are added; where the file's order is known only
//! later, [`IndexBuilder::finish_in_order`] puts them in order. Memory: 32 bytes a row for the columns,
//! and about what the index takes.

use super::column::millis;
use super::content::Content;
use super::field::{CausePart, TextField, TraceFlag, call_flags, segment_flags};
use super::source::SearchError;
use crate::filter::keyword::FlagKeyword;
use crate::trace::facts::NodeAt;
use crate::trace::summary::{AnnotationValue, RootCause};
use crate::trace::view::TraceView;

/// An index that is being filled.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    content: Content,
    /// Places of the nodes of the view that is being added.
    places: Vec<Option<u32>>,
}

impl IndexBuilder {
    /// Adds the view of the next row.
    pub(crate) fn add(&mut self, view: &TraceView) {
        let row = self.rows();
        self.add_flags(row, view);
        let summary = &view.summary;
        let content = &mut self.content;
        content
            .response_times
            .push(summary.response_time.map(millis));
        content.durations.push(summary.duration.map(millis));
        self.add_graph(row, view);
        self.add_texts(row, view);
        self.add_annotations(row, view);
        self.add_causes(row, view, &summary.fault_root_causes, false);
        self.add_causes(row, view, &summary.error_root_causes, true);
    }

    /// Views so far.
    pub(crate) fn rows(&self) -> u32 {
        u32::try_from(self.content.durations.len()).unwrap_or(u32::MAX)
    }

    /// The index's bytes.
    ///
    /// # Errors
    /// When a part of it cannot be encoded.
    pub(crate) fn finish(self) -> Result<Vec<u8>, SearchError> {
        self.content.write()
    }

    /// The index's bytes, with other numbers for the rows: a place for each, no two the same.
    ///
    /// # Errors
    /// When a part of it cannot be encoded.
    pub(crate) fn finish_in_order(mut self, places: &[u32]) -> Result<Vec<u8>, SearchError> {
        let rows = self.rows();
        self.content.renumber(&|row| {
            let place = places.get(row as usize).copied();
            place.filter(|place| *place < rows)
        });
        self.content.write()
    }

    fn add_flags(&mut self, row: u32, view: &TraceView) {
        let summary = &view.summary;
        let root = view.root().and_then(|root| view.entity(root.entity));
        let is_ok = root.is_some_and(|root| call_flags(root) & 1 == 1);
        let mut segments = view.facts.segments.iter();
        let inferred = crate::trace::facts::SegmentKind::Inferred;
        for (flag, rows) in TraceFlag::ALL.into_iter().zip(&mut self.content.flags) {
            let is_set = match flag {
                TraceFlag::Ok => is_ok,
                TraceFlag::HasRoot => root.is_some(),
                TraceFlag::Error => summary.has_error,
                TraceFlag::Fault => summary.has_fault,
                TraceFlag::Throttle => summary.has_throttle,
                TraceFlag::Partial => summary.is_partial,
                TraceFlag::Inferred => segments.any(|segment| segment.kind == inferred),
                TraceFlag::FaultCause => !summary.fault_root_causes.is_empty(),
                TraceFlag::ErrorCause => !summary.error_root_causes.is_empty(),
                TraceFlag::TimeCause => !summary.response_time_root_causes.is_empty(),
            };
            if is_set {
                rows.insert(row);
            }
        }
    }

    /// Segments by node, calls by edge, roots by client.
    fn add_graph(&mut self, row: u32, view: &TraceView) {
        let Self { content, places } = self;
        places.clear();
        places.resize(view.nodes.len(), None);
        for segment in &view.facts.segments {
            let known = places.get_mut(segment.node.0 as usize);
            let place = match known {
                Some(Some(place)) => Some(*place),
                known => {
                    let place = content.nodes.place(view.node(segment.node));
                    if let Some(known) = known {
                        *known = place;
                    }
                    place
                }
            };
            if let Some(entity) = view.entity(segment.entity) {
                let flags = segment_flags(segment, entity);
                content.nodes.note(row, place, flags);
            } else {
                // without an account a segment is still there
                content.nodes.other.insert(row);
            }
        }
        let place_of = |NodeAt(at): NodeAt| places.get(at as usize).copied().flatten();
        for call in &view.facts.calls {
            let Some(target) = view.segment(call.target) else {
                continue;
            };
            let source = call.source.map(|source| view.segment(source));
            if source.is_none() {
                let entity = view.entity(target.entity);
                let place = content.clients.place(view.node(target.node).name.as_str());
                let flags = entity.map_or(0, |entity| segment_flags(target, entity));
                let place = place.filter(|_| entity.is_some());
                content.clients.note(row, place, flags);
            }
            let source = match source {
                None => Some(None),
                Some(source) => source.and_then(|source| place_of(source.node)).map(Some),
            };
            let edge = source.zip(place_of(target.node));
            let place = edge.and_then(|edge| content.edges.place(&edge));
            let entity = view.entity(call.entity);
            let place = place.filter(|_| entity.is_some());
            content.edges.note(row, place, entity.map_or(0, call_flags));
        }
        content.nodes.end_row(row);
        content.clients.end_row(row);
        content.edges.end_row(row);
    }

    fn text(&mut self, row: u32, field: TextField, value: &str) {
        if let Some(texts) = self.content.texts.get_mut(field.place()) {
            texts.add(row, value);
        }
    }

    fn add_texts(&mut self, row: u32, view: &TraceView) {
        if let Some(http) = view.http() {
            let values = [
                (TextField::URL, &http.url),
                (TextField::METHOD, &http.method),
                (TextField::USER_AGENT, &http.user_agent),
                (TextField::CLIENT_IP, &http.client_ip),
            ];
            for (field, value) in values {
                if let Some(value) = value {
                    self.text(row, field, value);
                }
            }
            #[expect(
                clippy::cast_precision_loss,
                reason = "numbers compare as doubles, in AWS and here"
            )]
            if let Some(status) = http.status {
                self.content.status.add(row, status as f64);
            }
        }
        let hosts = view.facts.segments.iter();
        for host in hosts.filter_map(|segment| segment.host.as_deref()) {
            let values = [
                (TextField::USER, &host.user),
                (TextField::INSTANCE, &host.instance_id),
                (TextField::RESOURCE, &host.resource_arn),
            ];
            for (field, value) in values {
                if let Some(value) = value {
                    self.text(row, field, value);
                }
            }
            for zone in &host.availability_zones {
                self.text(row, TextField::ZONE, zone);
            }
        }
        for at in &view.summary.services {
            if let Some(account) = &view.node(*at).account_id {
                self.text(row, TextField::ACCOUNT, account);
            }
        }
    }

    fn add_annotations(&mut self, row: u32, view: &TraceView) {
        let annotations = &mut self.content.annotations;
        for annotation in &view.summary.annotations {
            let Some(annotated) = annotations.of(&annotation.key) else {
                annotations.other.insert(row);
                continue;
            };
            match &annotation.value {
                AnnotationValue::Bool(true) => annotated.is_true.insert(row),
                AnnotationValue::Bool(false) => annotated.is_false.insert(row),
                AnnotationValue::Number(number) => annotated.number.add(row, *number),
                AnnotationValue::Text(text) => annotated.text.add(row, text),
            }
            if annotation.value != AnnotationValue::Bool(false) {
                annotated.exists.insert(row);
            }
        }
    }

    fn add_causes(&mut self, row: u32, view: &TraceView, causes: &[RootCause], is_error: bool) {
        let field = |part| TextField::of_cause(is_error, part);
        for service in causes.iter().flat_map(|cause| &cause.services) {
            let node = view.node(service.node);
            self.text(row, field(CausePart::ServiceName), &node.name);
            if let Some(kind) = &node.kind {
                self.text(row, field(CausePart::ServiceType), kind);
            }
            if let Some(account) = &node.account_id {
                self.text(row, field(CausePart::ServiceAccount), account);
            }
            for entity in &service.path {
                self.text(row, field(CausePart::EntityName), &entity.name);
                for (name, message) in &entity.exceptions {
                    self.text(row, field(CausePart::ExceptionName), name);
                    self.text(row, field(CausePart::ExceptionMessage), message);
                }
            }
        }
    }
}

/// The bit of `ok` is the first of a segment's flags.
const _: () = assert!(matches!(super::field::flag_bit(FlagKeyword::Ok), Some(0)));
