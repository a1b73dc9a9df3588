//! The rows that may satisfy `service(node) { filter }` or `edge(a, b) { filter }`.
//!
//! A filter has to hold of one segment or call; what is known is per row and node or edge. So one flag,
//! or several of which one suffices, are exact, and AND may keep too much.

use std::ops::Deref;

use super::algebra::{Found, evaluate, is_union};
use super::family::MemberEntry;
use super::field::flag_bit;
use super::leaf::Search;
use super::source::{SearchError, Source, Span};
use crate::filter::ast::{CallSide, CallTerm, Clause, Comparison, NodePattern, TextOp};
use crate::filter::keyword::{FlagKeyword, TextKeyword};
use crate::trace::node::NodeKey;

type NodeEntry = MemberEntry<NodeKey>;

impl<S: Deref<Target: Source>> Search<'_, S> {
    pub(super) fn service(
        &self,
        node: &NodePattern,
        filter: Option<&Clause<Comparison>>,
    ) -> Result<Found, SearchError> {
        let nodes = self.index.nodes()?;
        let mut found = self.other(nodes.other)?;
        let members = nodes.members.iter();
        for member in members.filter(|member| node.selects_segment_of(&member.key)) {
            found.unite(
                self.with_filter(member, filter, &mut |comparison, is_negated| {
                    self.of_segment(member, comparison, is_negated)
                })?,
            );
        }
        // no other pattern means clients
        if let NodePattern::Id { kind: Some(_), .. } = node {
            let clients = self.index.clients()?;
            found.unite(self.other(clients.other)?);
            let members = clients.members.iter();
            for member in members.filter(|member| node.selects_client_of(&member.key)) {
                found.unite(
                    self.with_filter(member, filter, &mut |comparison, is_negated| {
                        self.of_client(member, comparison, is_negated)
                    })?,
                );
            }
        }
        Ok(found)
    }

    pub(super) fn edge(
        &self,
        source: &NodePattern,
        target: &NodePattern,
        filter: Option<&Clause<CallTerm>>,
    ) -> Result<Found, SearchError> {
        let edges = self.index.edges()?;
        let nodes = self.index.nodes()?;
        let node = |at: u32| {
            let node = nodes.members.get(at as usize);
            node.ok_or(SearchError::damaged("the edges"))
        };
        let mut found = self.other(edges.other)?;
        for member in &edges.members {
            let (caller, callee) = member.key;
            let caller = caller.map(node).transpose()?;
            let callee = node(callee)?;
            let is_source = match caller {
                Some(caller) => source.selects_segment_of(&caller.key),
                None => source.selects_calling_client_of(&callee.key.name),
            };
            if !is_source || !target.selects_segment_of(&callee.key) {
                continue;
            }
            found.unite(self.with_filter(member, filter, &mut |term, is_negated| {
                let segment = match term.of {
                    CallSide::Call => {
                        return self.of_call(member, &term.comparison, is_negated);
                    }
                    CallSide::Source => caller,
                    CallSide::Destination => Some(callee),
                };
                // a client has no segment: nothing holds of it
                let Some(segment) = segment else {
                    return self.all_if(member, is_negated);
                };
                let mut found = self.of_segment(segment, &term.comparison, is_negated)?;
                // another segment of the node may have been meant
                found.rows &= self.index.reader.set(member.rows)?;
                found.is_exact = false;
                Ok(found)
            })?);
        }
        Ok(found)
    }

    /// Rows with members that are not told apart.
    fn other(&self, span: Span) -> Result<Found, SearchError> {
        let rows = self.index.reader.set(span)?;
        Ok(match rows.is_empty() {
            true => Found::none(),
            false => Found::inexact(rows),
        })
    }

    fn with_filter<K, T>(
        &self,
        member: &MemberEntry<K>,
        filter: Option<&Clause<T>>,
        term: &mut dyn FnMut(&T, bool) -> Result<Found, SearchError>,
    ) -> Result<Found, SearchError> {
        let rows = || self.index.reader.set(member.rows);
        let Some(filter) = filter else {
            return Ok(Found::exact(rows()?));
        };
        let mut found = evaluate(filter, false, &rows, term)?;
        found.is_exact &= is_union(filter, false);
        Ok(found)
    }

    fn of_segment(
        &self,
        member: &NodeEntry,
        comparison: &Comparison,
        is_negated: bool,
    ) -> Result<Found, SearchError> {
        match comparison {
            Comparison::Flag(keyword, is) => self.flag_of(member, *keyword, *is, is_negated),
            Comparison::Text(TextKeyword::Name, test) => {
                let holds = passes(Some(&member.key.name), test.as_ref());
                self.all_if(member, holds != is_negated)
            }
            Comparison::Text(TextKeyword::Type, test) => {
                let holds = passes(member.key.kind.as_deref(), test.as_ref());
                self.all_if(member, holds != is_negated)
            }
            Comparison::Text(TextKeyword::AccountId, test) => {
                let holds = passes(member.key.account_id.as_deref(), test.as_ref());
                self.all_if(member, holds != is_negated)
            }
            Comparison::Number(..) | Comparison::Text(..) => self.perhaps(member),
        }
    }

    /// A client shows the segment of the root it called, of which the name is known.
    fn of_client(
        &self,
        member: &MemberEntry<String>,
        comparison: &Comparison,
        is_negated: bool,
    ) -> Result<Found, SearchError> {
        match comparison {
            Comparison::Flag(keyword, is) => self.flag_of(member, *keyword, *is, is_negated),
            Comparison::Text(TextKeyword::Name, test) => {
                let holds = passes(Some(&member.key), test.as_ref());
                self.all_if(member, holds != is_negated)
            }
            Comparison::Number(..) | Comparison::Text(..) => self.perhaps(member),
        }
    }

    fn of_call<K>(
        &self,
        member: &MemberEntry<K>,
        comparison: &Comparison,
        is_negated: bool,
    ) -> Result<Found, SearchError> {
        match comparison {
            // calls have neither
            Comparison::Flag(FlagKeyword::Inferred | FlagKeyword::Root, _) => {
                self.all_if(member, is_negated)
            }
            Comparison::Flag(keyword, is) => self.flag_of(member, *keyword, *is, is_negated),
            Comparison::Number(..) | Comparison::Text(..) => self.perhaps(member),
        }
    }

    /// Rows where some segment or call has the flag, or has it not.
    fn flag_of<K>(
        &self,
        member: &MemberEntry<K>,
        keyword: FlagKeyword,
        is: bool,
        is_negated: bool,
    ) -> Result<Found, SearchError> {
        let Some(bit) = flag_bit(keyword) else {
            return self.all_if(member, is_negated);
        };
        let reader = &self.index.reader;
        let mut deviations = member.deviations.iter();
        let deviation = deviations.find(|(flag, ..)| *flag == bit);
        let (some, all) = deviation.map_or_else(Default::default, |(_, some, all)| (*some, *all));
        let is_usual = (member.usual >> bit & 1 == 1) == (is != is_negated);
        Ok(Found::exact(match is_usual {
            true => reader.set(member.rows)? - reader.set(all)?,
            false => reader.set(some)?,
        }))
    }

    fn all_if<K>(&self, member: &MemberEntry<K>, is_so: bool) -> Result<Found, SearchError> {
        match is_so {
            true => Ok(Found::exact(self.index.reader.set(member.rows)?)),
            false => Ok(Found::none()),
        }
    }

    fn perhaps<K>(&self, member: &MemberEntry<K>) -> Result<Found, SearchError> {
        Ok(Found::inexact(self.index.reader.set(member.rows)?))
    }
}

/// Whether a value passes, which it never does when it is missing.
fn passes(value: Option<&str>, test: Option<&(TextOp, String)>) -> bool {
    value.is_some_and(|value| test.is_none_or(|(operator, than)| operator.holds(value, than)))
}
