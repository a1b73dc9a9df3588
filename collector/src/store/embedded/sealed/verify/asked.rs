//! The search index of a sealed file against its views: some views, spread over the file, are read for
//! what expressions may ask about them, and the index has to answer each as one does that the views make.
//! Its bytes need not be the same: what was merged and what was built at once are laid out differently.
//!
//! Memory: one index, and a set of rows for each of two answers.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::SealedFile;
use super::super::terms::{OpenIndex, opened};
use crate::filter::Expression;
use crate::filter::ast::{
    AnnotationTest, Clause, Comparison, NodePattern, NumberOp, TextOp, TraceTerm,
};
use crate::filter::keyword::{FlagKeyword, NumberKeyword, TextKeyword};
use crate::search::{IndexBuilder, Plan, SearchError};
use crate::store::StoreError;
use crate::trace::summary::AnnotationValue;
use crate::trace::view::TraceView;

/// Views of an index that are looked at for what is asked.
const VIEWS_MAX: u32 = 32;
/// Expressions that an index is asked.
const ASKED_MAX: usize = 400;

const FLAGS: [FlagKeyword; 6] = [
    FlagKeyword::Ok,
    FlagKeyword::Error,
    FlagKeyword::Fault,
    FlagKeyword::Throttle,
    FlagKeyword::Partial,
    FlagKeyword::Inferred,
];

impl SealedFile {
    /// Whether the search index, if there is one, answers as the views do.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub(super) fn has_sound_index(&self) -> Result<bool, StoreError> {
        if !self.has_search_index() || !self.has_current_views() {
            return Ok(true);
        }
        let Ok(Some(extents)) = self.index_extents() else {
            return Ok(false);
        };
        let reads = Rc::default();
        let mut views = self.views();
        for (place, (rows, _)) in extents.iter().enumerate() {
            let mut asked = Asked::new(*rows);
            for view in views.by_ref().take(*rows as usize) {
                asked.add(&view?);
            }
            let derived = asked.builder.finish().and_then(opened);
            let derived = derived.map_err(|error| self.index_error(error))?;
            let stored = self.search_index(&extents, place, &reads);
            let is_sound = stored.and_then(|stored| answers_as(&stored, &derived, asked.asked));
            if !is_sound.unwrap_or(false) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether an index answers what is asked as the one does that the views make.
fn answers_as(
    stored: &OpenIndex<'_>,
    derived: &OpenIndex<'_>,
    asked: BTreeMap<String, (Expression, Option<u32>)>,
) -> Result<bool, SearchError> {
    let rows = derived.rows();
    for (expression, row) in asked.into_values() {
        let plan = Plan::of(&expression);
        let ours = plan.candidates(stored, 0..rows)?;
        let theirs = plan.candidates(derived, 0..rows)?;
        // what is exact is all there is, and what is not is that and more
        let is_missing = theirs.is_exact && !theirs.rows.is_subset(&ours.rows);
        let is_wrong = ours.is_exact && !ours.rows.is_subset(&theirs.rows);
        let has_lost_it = row.is_some_and(|row| !ours.rows.contains(row));
        if is_missing || is_wrong || has_lost_it {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The index that views make, and expressions about some of them, each with a row that satisfies it.
struct Asked {
    builder: IndexBuilder,
    step: u32,
    asked: BTreeMap<String, (Expression, Option<u32>)>,
}

impl Asked {
    fn new(rows: u32) -> Self {
        Self {
            builder: IndexBuilder::default(),
            step: rows.div_ceil(VIEWS_MAX).max(1),
            asked: BTreeMap::new(),
        }
    }

    fn add(&mut self, view: &TraceView) {
        let row = self.builder.rows();
        self.builder.add(view);
        if !row.is_multiple_of(self.step) {
            return;
        }
        for term in terms_of(view) {
            let name = term.to_string();
            let clause = Some(Clause::Term(term));
            let expression = Expression { clause };
            let row = expression.matches(view).then_some(row);
            if self.asked.len() < ASKED_MAX || self.asked.contains_key(&name) {
                let known = self.asked.entry(name).or_insert((expression, None));
                known.1 = known.1.or(row);
            }
        }
    }
}

/// What may be asked about a view.
fn terms_of(view: &TraceView) -> Vec<TraceTerm> {
    let mut terms: Vec<TraceTerm> = Vec::new();
    for flag in FLAGS {
        terms.push(TraceTerm::Field(Comparison::Flag(flag, true)));
        terms.push(TraceTerm::Field(Comparison::Flag(flag, false)));
    }
    let summary = &view.summary;
    let lengths = [
        (NumberKeyword::ResponseTime, summary.response_time),
        (NumberKeyword::Duration, summary.duration),
    ];
    for (keyword, length) in lengths {
        let than = length.map(|length| (NumberOp::GreaterOrEqual, length.seconds_ms()));
        terms.push(TraceTerm::Field(Comparison::Number(keyword, than)));
    }
    for http in view.facts.entities.iter().flat_map(|entity| &entity.http) {
        let texts = [
            (TextKeyword::HttpUrl, &http.url),
            (TextKeyword::HttpMethod, &http.method),
            (TextKeyword::HttpUserAgent, &http.user_agent),
            (TextKeyword::HttpClientIp, &http.client_ip),
        ];
        for (keyword, text) in texts {
            let than = text.clone().map(|text| (TextOp::Equal, text));
            terms.push(TraceTerm::Field(Comparison::Text(keyword, than)));
        }
    }
    for annotation in &summary.annotations {
        terms.push(TraceTerm::Annotation {
            key: annotation.key.clone(),
            test: match &annotation.value {
                AnnotationValue::Bool(is) => AnnotationTest::Flag(*is),
                AnnotationValue::Number(number) => AnnotationTest::Number(NumberOp::Equal, *number),
                AnnotationValue::Text(text) => AnnotationTest::Text(TextOp::Equal, text.clone()),
            },
        });
    }
    let names = view
        .nodes
        .iter()
        .map(|node| NodePattern::Name(node.name.clone()));
    let mut before = NodePattern::Any;
    for name in names {
        let fault = Clause::Term(Comparison::Flag(FlagKeyword::Fault, true));
        for filter in [None, Some(fault)] {
            let node = name.clone();
            terms.push(TraceTerm::Service { node, filter });
        }
        let (source, target) = (std::mem::replace(&mut before, name.clone()), name);
        terms.push(TraceTerm::Edge {
            source,
            target,
            filter: None,
        });
    }
    terms
}
