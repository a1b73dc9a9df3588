//! Simple keywords with their operators, about anything that has them.
//! Source: `spec/filter-expressions.md` sections 2 and 4.

use super::super::ast::{CallSide, CallTerm, Clause, Comparison, NumberOp, TextOp};
use super::super::error::FilterError;
use super::super::keyword::{FlagKeyword, Keyword, NumberKeyword, Scope, TextKeyword};
use super::super::lex::{Token, TokenKind, is_word};
use super::Parser;

/// The terms that may stand in one place.
pub(super) trait Terms: Copy {
    /// What they are.
    type Term;

    /// The term that begins with a token.
    fn term<'t>(
        self,
        parser: &mut Parser<'t>,
        token: &Token<'t>,
    ) -> Result<Clause<Self::Term>, FilterError>;
}

/// Comparisons alone.
#[derive(Clone, Copy)]
pub(super) struct Fields(pub(super) Scope);

impl Terms for Fields {
    type Term = Comparison;

    fn term<'t>(
        self,
        parser: &mut Parser<'t>,
        token: &Token<'t>,
    ) -> Result<Clause<Comparison>, FilterError> {
        let TokenKind::Word(word) = token.kind else {
            return Err(parser.unexpected(token, keyword_of(self.0)));
        };
        parser.comparison(token, word, self.0).map(Clause::Term)
    }
}

/// What may stand in the braces of `edge()`.
#[derive(Clone, Copy)]
pub(super) struct CallTerms;

impl Terms for CallTerms {
    type Term = CallTerm;

    fn term<'t>(
        self,
        parser: &mut Parser<'t>,
        token: &Token<'t>,
    ) -> Result<Clause<CallTerm>, FilterError> {
        let TokenKind::Word(word) = token.kind else {
            let expected = format!(
                "{}; with 'source.' or 'destination.' in front {}",
                keyword_of(Scope::Call),
                Scope::Segment.keywords()
            );
            return Err(parser.unexpected(token, expected));
        };
        let sides = [
            ("source.", CallSide::Source),
            ("destination.", CallSide::Destination),
        ];
        let side = sides.into_iter().find_map(|(prefix, side)| {
            let (start, rest) = word.split_at_checked(prefix.len())?;
            start.eq_ignore_ascii_case(prefix).then_some((side, rest))
        });
        let (of, keyword, scope) = match side {
            Some((side, keyword)) => (side, keyword, Scope::Segment),
            None => (CallSide::Call, word, Scope::Call),
        };
        let comparison = parser.comparison(token, keyword, scope)?;
        Ok(Clause::Term(CallTerm { of, comparison }))
    }
}

pub(super) fn keyword_of(scope: Scope) -> String {
    format!("one of the keywords {}", scope.keywords())
}

/// An operator, as far as a keyword may have one.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    Number(NumberOp),
    Text(TextOp),
}

impl<'t> Parser<'t> {
    /// A keyword, which was read, and what it is compared with.
    pub(super) fn comparison(
        &mut self,
        token: &Token<'_>,
        word: &str,
        scope: Scope,
    ) -> Result<Comparison, FilterError> {
        match Keyword::find(word, scope) {
            None => Err(self.unexpected(token, keyword_of(scope))),
            Some(Keyword::Flag(keyword)) => self.flag(keyword),
            Some(Keyword::Number(keyword)) => self.number(keyword),
            Some(Keyword::Text(keyword)) => self.text(keyword),
        }
    }

    fn flag(&mut self, keyword: FlagKeyword) -> Result<Comparison, FilterError> {
        let Some((operator, token)) = self.operator()? else {
            return Ok(Comparison::Flag(keyword, true));
        };
        let negates = match operator {
            Operator::Number(NumberOp::Equal) => false,
            Operator::Number(NumberOp::NotEqual) => true,
            _ => return Err(self.unexpected(&token, "'=' or '!='")),
        };
        let value = self.next()?;
        let is = match &value.kind {
            TokenKind::Word(word) => truth(word),
            TokenKind::Text(text) => truth(text),
            _ => None,
        };
        is.map(|is| Comparison::Flag(keyword, is != negates))
            .ok_or_else(|| self.unexpected(&value, "true or false"))
    }

    fn number(&mut self, keyword: NumberKeyword) -> Result<Comparison, FilterError> {
        let Some((operator, token)) = self.operator()? else {
            return Ok(Comparison::Number(keyword, None));
        };
        let Operator::Number(operator) = operator else {
            return Err(self.unexpected(&token, "'=', '!=', '<', '<=', '>' or '>='"));
        };
        let value = self.next()?;
        match value.kind {
            TokenKind::Number(number) => Ok(Comparison::Number(keyword, Some((operator, number)))),
            _ => Err(self.unexpected(&value, "a number")),
        }
    }

    fn text(&mut self, keyword: TextKeyword) -> Result<Comparison, FilterError> {
        let Some((operator, token)) = self.operator()? else {
            return Ok(Comparison::Text(keyword, None));
        };
        let operator = text_operator(operator).ok_or_else(|| {
            self.unexpected(&token, "'=', '!=', CONTAINS, BEGINSWITH or ENDSWITH")
        })?;
        let value = self.string_value()?;
        Ok(Comparison::Text(keyword, Some((operator, value))))
    }

    /// A string, in quotation marks or not.
    pub(super) fn string_value(&mut self) -> Result<String, FilterError> {
        let value = self.next()?;
        self.string_of(&value)
            .ok_or_else(|| self.unexpected(&value, "a string in quotation marks"))
    }

    /// The string that a token is. A word that looks like an annotation is one too.
    pub(super) fn string_of(&self, token: &Token<'_>) -> Option<String> {
        match &token.kind {
            TokenKind::Text(text) => Some(text.clone()),
            TokenKind::Word(word) => Some((*word).to_owned()),
            TokenKind::Annotation(_) => {
                let written = self.text.get(token.start..token.end)?;
                written.chars().all(is_word).then(|| written.to_owned())
            }
            _ => None,
        }
    }

    /// Takes the operator that follows, if one does.
    pub(super) fn operator(&mut self) -> Result<Option<(Operator, Token<'t>)>, FilterError> {
        let operator = match &self.peek()?.kind {
            TokenKind::Compare(operator) => Operator::Number(*operator),
            TokenKind::Word(word) => {
                let words = [
                    ("CONTAINS", TextOp::Contains),
                    ("BEGINSWITH", TextOp::BeginsWith),
                    ("ENDSWITH", TextOp::EndsWith),
                ];
                let found = words
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(word));
                let Some((_, operator)) = found else {
                    return Ok(None);
                };
                Operator::Text(*operator)
            }
            _ => return Ok(None),
        };
        Ok(Some((operator, self.next()?)))
    }
}

/// The operator for strings; `None` for one that only numbers have.
pub(super) const fn text_operator(operator: Operator) -> Option<TextOp> {
    match operator {
        Operator::Text(operator) => Some(operator),
        Operator::Number(NumberOp::Equal) => Some(TextOp::Equal),
        Operator::Number(NumberOp::NotEqual) => Some(TextOp::NotEqual),
        Operator::Number(_) => None,
    }
}

pub(super) fn truth(word: &str) -> Option<bool> {
    if word.eq_ignore_ascii_case("true") {
        Some(true)
    } else {
        word.eq_ignore_ascii_case("false").then_some(false)
    }
}
