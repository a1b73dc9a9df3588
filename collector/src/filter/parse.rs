//! Tokens to an [`Expression`], by recursive descent with a bound on its depth.
//! Source: `spec/filter-expressions.md` sections 1.1 and 8.

use std::sync::Arc;

use radiograph_protocol::limits::FILTER_CHARS_MAX;

use super::ast::{Clause, Expression};
use super::error::FilterError;
use super::lex::{Lexer, Token, TokenKind};
use super::spelled::TermPlace;
use super::{DEFAULT_GROUP, GroupRef};

mod node;
mod term;
mod trace_term;

pub(super) use node::selector_node;
use term::Terms;
use trace_term::TraceTerms;

/// Parentheses, braces and `!` that may stand inside each other; `!(` counts once, so that
/// `!x = 1` is as deep as its clearer form `!(x = 1)`.
pub(super) const DEPTH_MAX: usize = 64;

/// What terms about groups mean.
#[derive(Clone, Copy)]
pub(super) enum Groups<'g> {
    /// The expression of each.
    Known(&'g dyn Fn(GroupRef<'_>) -> Option<Expression>),
    /// They are errors.
    Refused,
}

/// Reads one text.
pub(super) struct Parser<'t> {
    text: &'t str,
    lexer: Lexer<'t>,
    peeked: Option<Token<'t>>,
    groups: Groups<'t>,
    /// Groups found so far: a text may name one a thousand times.
    known_groups: Vec<(String, Arc<Expression>)>,
    /// Where the term that is being read begins: what an error quotes.
    term_start: usize,
    /// Where the token that was taken last ends.
    taken_end: usize,
    /// Where each term stands that was begun so far.
    places: Vec<TermPlace>,
    depth: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, groups: Groups<'t>) -> Result<Self, FilterError> {
        if let Some((offset, _)) = text.char_indices().nth(FILTER_CHARS_MAX) {
            return Err(FilterError::other(
                text,
                offset,
                "Filter expression too long".to_owned(),
                format!("at most {FILTER_CHARS_MAX} characters"),
            ));
        }
        Ok(Self {
            text,
            lexer: Lexer::new(text),
            peeked: None,
            groups,
            known_groups: Vec::new(),
            term_start: 0,
            taken_end: 0,
            places: Vec::new(),
            depth: 0,
        })
    }

    /// The whole text as an expression about traces.
    pub(super) fn expression(self) -> Result<Expression, FilterError> {
        self.expression_in_place().map(|(expression, _)| expression)
    }

    /// The same, with where its terms stand.
    pub(super) fn expression_in_place(
        mut self,
    ) -> Result<(Expression, Vec<TermPlace>), FilterError> {
        if self.peek()?.kind == TokenKind::End {
            return Ok((Expression::default(), self.places));
        }
        let clause = self.or_clause(TraceTerms)?;
        self.close(&TokenKind::End, "AND, OR or the end")?;
        let expression = Expression {
            clause: Some(clause),
        };
        Ok((expression, self.places))
    }

    fn or_clause<T: Terms>(&mut self, terms: T) -> Result<Clause<T::Term>, FilterError> {
        let mut clauses = vec![self.and_clause(terms)?];
        while self.takes_word("OR")? {
            clauses.push(self.and_clause(terms)?);
        }
        Ok(joined(clauses, Clause::Or))
    }

    fn and_clause<T: Terms>(&mut self, terms: T) -> Result<Clause<T::Term>, FilterError> {
        let mut clauses = vec![self.unary(terms)?];
        loop {
            let goes_on = match self.peek()?.kind {
                TokenKind::Word(word) if word.eq_ignore_ascii_case("OR") => false,
                TokenKind::Word(word) if word.eq_ignore_ascii_case("AND") => {
                    self.next()?;
                    true
                }
                TokenKind::Close | TokenKind::BraceClose | TokenKind::End => false,
                _ => true,
            };
            if !goes_on {
                return Ok(joined(clauses, Clause::And));
            }
            clauses.push(self.unary(terms)?);
        }
    }

    fn unary<T: Terms>(&mut self, terms: T) -> Result<Clause<T::Term>, FilterError> {
        let token = self.next()?;
        if token.kind != TokenKind::End {
            self.term_start = token.start;
        }
        match token.kind {
            TokenKind::Bang => {
                let is_counted_there = self.peek()?.kind == TokenKind::Open;
                self.depth += usize::from(!is_counted_there);
                self.check_depth(&token)?;
                let negated = self.unary(terms)?;
                self.depth -= usize::from(!is_counted_there);
                Ok(Clause::Not(Box::new(negated)))
            }
            TokenKind::Open => self.nested(&token, terms, &TokenKind::Close, "AND, OR or ')'"),
            _ => self.placed(terms, &token),
        }
    }

    /// The term that begins with a token, and its place.
    fn placed<T: Terms>(
        &mut self,
        terms: T,
        token: &Token<'t>,
    ) -> Result<Clause<T::Term>, FilterError> {
        let at = self.places.len();
        self.places.push(TermPlace::default());
        let clause = terms.term(self, token)?;
        let inner = self.places.len().saturating_sub(at + 1);
        if let Some(place) = self.places.get_mut(at) {
            let span = token.start..self.taken_end;
            *place = TermPlace { span, inner };
        }
        Ok(clause)
    }

    /// What stands between parentheses or braces; `open` was read already.
    fn nested<T: Terms>(
        &mut self,
        open: &Token<'t>,
        terms: T,
        close: &TokenKind<'_>,
        expected: &str,
    ) -> Result<Clause<T::Term>, FilterError> {
        let term_start = self.term_start;
        self.depth += 1;
        self.check_depth(open)?;
        let clause = self.or_clause(terms)?;
        self.close(close, expected)?;
        self.depth -= 1;
        self.term_start = term_start;
        Ok(clause)
    }

    /// The braces behind a service, call or root cause, if there are any.
    fn braces<T: Terms>(&mut self, terms: T) -> Result<Option<Clause<T::Term>>, FilterError> {
        if self.peek()?.kind != TokenKind::BraceOpen {
            return Ok(None);
        }
        let open = self.next()?;
        self.nested(&open, terms, &TokenKind::BraceClose, "AND, OR or '}'")
            .map(Some)
    }

    /// Takes the token that ends a clause. Anything else would have to begin another term.
    fn close(&mut self, kind: &TokenKind<'_>, expected: &str) -> Result<(), FilterError> {
        let token = self.next()?;
        if token.kind == *kind {
            return Ok(());
        }
        if token.kind != TokenKind::End {
            self.term_start = token.start;
        }
        Err(self.unexpected(&token, expected))
    }

    fn check_depth(&self, token: &Token<'t>) -> Result<(), FilterError> {
        if self.depth <= DEPTH_MAX {
            return Ok(());
        }
        Err(FilterError::other(
            self.text,
            token.start,
            "Filter expression too deep".to_owned(),
            format!("at most {DEPTH_MAX} levels of '(', '{{' and '!'"),
        ))
    }

    /// Refuses a term about groups where there must not be one.
    fn check_groups(&self, token: &Token<'t>) -> Result<(), FilterError> {
        match self.groups {
            Groups::Known(_) => Ok(()),
            Groups::Refused => Err(self.unexpected(token, "a term that is not about groups")),
        }
    }

    /// The expression of a group that the text names at `offset`.
    fn group(
        &mut self,
        group: GroupRef<'_>,
        offset: usize,
    ) -> Result<Arc<Expression>, FilterError> {
        let (prefix, name) = match group {
            GroupRef::Name(DEFAULT_GROUP) => return Ok(Arc::default()),
            GroupRef::Name(name) => ('n', name),
            GroupRef::Arn(arn) => ('a', arn),
        };
        let key = format!("{prefix}{name}");
        if let Some((_, known)) = self.known_groups.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(known));
        }
        let found = match self.groups {
            Groups::Known(groups) => groups(group),
            Groups::Refused => None,
        };
        let found = found.map(Arc::new).ok_or_else(|| {
            let message = format!("Group not found: {name}");
            let expected = "the name or ARN of a group that exists".to_owned();
            FilterError::other(self.text, offset, message, expected)
        })?;
        self.known_groups.push((key, Arc::clone(&found)));
        Ok(found)
    }

    fn peek(&mut self) -> Result<&Token<'t>, FilterError> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.lexer.next()?,
        };
        Ok(self.peeked.insert(token))
    }

    fn next(&mut self) -> Result<Token<'t>, FilterError> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.lexer.next()?,
        };
        self.taken_end = token.end;
        Ok(token)
    }

    /// Takes the next token if it is this word.
    fn takes_word(&mut self, word: &str) -> Result<bool, FilterError> {
        let is_it = self
            .peek_word()?
            .is_some_and(|next| next.eq_ignore_ascii_case(word));
        if is_it {
            self.next()?;
        }
        Ok(is_it)
    }

    fn peek_word(&mut self) -> Result<Option<&'t str>, FilterError> {
        match self.peek()?.kind {
            TokenKind::Word(word) => Ok(Some(word)),
            _ => Ok(None),
        }
    }

    /// Takes a token that must be there.
    fn expect(&mut self, kind: &TokenKind<'_>, expected: &str) -> Result<(), FilterError> {
        let token = self.next()?;
        if token.kind == *kind {
            return Ok(());
        }
        Err(self.unexpected(&token, expected))
    }

    /// The error that a token is: quoted from where the term begins.
    fn unexpected(&self, token: &Token<'t>, expected: impl Into<String>) -> FilterError {
        let quoted = self.text.get(self.term_start..token.end);
        FilterError::syntax(self.text, token.start, quoted.unwrap_or_default(), expected)
    }
}

/// One clause as it is, several as a list.
fn joined<T>(mut clauses: Vec<Clause<T>>, list: impl Fn(Vec<Clause<T>>) -> Clause<T>) -> Clause<T> {
    match clauses.pop() {
        Some(only) if clauses.is_empty() => only,
        Some(last) => {
            clauses.push(last);
            list(clauses)
        }
        None => list(clauses),
    }
}
