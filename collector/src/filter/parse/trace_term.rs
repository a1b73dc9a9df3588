//! Terms about whole traces: services, calls, annotations, root causes and groups.
//! Source: `spec/filter-expressions.md` sections 1.1 and 2.2 to 6.

use super::super::GroupRef;
use super::super::ast::{
    AnnotationTest, Clause, GroupBy, GroupTerm, NodePattern, NumberOp, TraceTerm,
};
use super::super::error::FilterError;
use super::super::keyword::{CauseList, Keyword, Scope};
use super::super::lex::{Token, TokenKind};
use super::Parser;
use super::term::{CallTerms, Fields, Operator, Terms, keyword_of, text_operator, truth};

/// What may stand outside of all braces.
#[derive(Clone, Copy)]
pub(super) struct TraceTerms;

impl Terms for TraceTerms {
    type Term = TraceTerm;

    fn term<'t>(
        self,
        parser: &mut Parser<'t>,
        token: &Token<'t>,
    ) -> Result<Clause<TraceTerm>, FilterError> {
        match token.kind {
            TokenKind::Annotation(key) => parser.annotation(key).map(Clause::Term),
            TokenKind::Word(word) => parser.trace_term(token, word),
            _ => Err(parser.unexpected(token, trace_keyword())),
        }
    }
}

fn trace_keyword() -> String {
    let others = "annotation.key, service(), edge(), rootcause..., group.name, group.arn, '!', '('";
    format!("{}, {others}", keyword_of(Scope::Trace))
}

impl<'t> Parser<'t> {
    /// The term that a word begins; it was read.
    fn trace_term(
        &mut self,
        token: &Token<'t>,
        word: &str,
    ) -> Result<Clause<TraceTerm>, FilterError> {
        if let Some((list, scope)) = CauseList::find(word) {
            return self.root_cause(list, scope).map(Clause::Term);
        }
        match word.to_ascii_lowercase().as_str() {
            "service" => self.service().map(Clause::Term),
            "edge" => self.edge().map(Clause::Term),
            "rootcause.json" => self.root_cause_json(),
            "group.name" => self.group_term(token, GroupBy::Name),
            "group.arn" => self.group_term(token, GroupBy::Arn),
            _ if Keyword::find(word, Scope::Trace).is_none() => {
                Err(self.unexpected(token, trace_keyword()))
            }
            _ => {
                let comparison = self.comparison(token, word, Scope::Trace)?;
                Ok(Clause::Term(TraceTerm::Field(comparison)))
            }
        }
    }

    fn annotation(&mut self, key: &str) -> Result<TraceTerm, FilterError> {
        let key = key.to_owned();
        let Some((operator, _)) = self.operator()? else {
            let test = AnnotationTest::Exists;
            return Ok(TraceTerm::Annotation { key, test });
        };
        let value = self.next()?;
        let test = match (operator, self.literal(&value)) {
            (Operator::Number(operator), Some(Literal::Number(number))) => {
                Some(AnnotationTest::Number(operator, number))
            }
            (Operator::Number(NumberOp::Equal), Some(Literal::Flag(is))) => {
                Some(AnnotationTest::Flag(is))
            }
            (Operator::Number(NumberOp::NotEqual), Some(Literal::Flag(is))) => {
                Some(AnnotationTest::Flag(!is))
            }
            (operator, Some(Literal::Text(text))) => {
                text_operator(operator).map(|operator| AnnotationTest::Text(operator, text))
            }
            _ => None,
        };
        test.map(|test| TraceTerm::Annotation { key, test })
            .ok_or_else(|| {
                let expected = match operator {
                    Operator::Number(NumberOp::Equal | NumberOp::NotEqual) => {
                        "a string in quotation marks, a number, true or false"
                    }
                    Operator::Number(_) => "a number",
                    Operator::Text(_) => "a string in quotation marks",
                };
                self.unexpected(&value, expected)
            })
    }

    /// The value that a token is; the words true and false are no strings here.
    fn literal(&self, token: &Token<'_>) -> Option<Literal> {
        match token.kind {
            TokenKind::Number(number) => Some(Literal::Number(number)),
            TokenKind::Word(word) => {
                Some(truth(word).map_or_else(|| Literal::Text(word.to_owned()), Literal::Flag))
            }
            _ => self.string_of(token).map(Literal::Text),
        }
    }

    fn service(&mut self) -> Result<TraceTerm, FilterError> {
        self.expect(&TokenKind::Open, "'('")?;
        let node = if self.peek()?.kind == TokenKind::Close {
            NodePattern::Any
        } else {
            self.node()?
        };
        self.expect(&TokenKind::Close, "')'")?;
        let filter = self.braces(Fields(Scope::Segment))?;
        self.refuse_operator("'{', AND, OR or another term")?;
        Ok(TraceTerm::Service { node, filter })
    }

    fn edge(&mut self) -> Result<TraceTerm, FilterError> {
        self.expect(&TokenKind::Open, "'('")?;
        let (source, target) = if self.peek()?.kind == TokenKind::Close {
            (NodePattern::Any, NodePattern::Any)
        } else {
            let source = self.node()?;
            self.expect(&TokenKind::Comma, "',' and a second node")?;
            (source, self.node()?)
        };
        self.expect(&TokenKind::Close, "')'")?;
        let filter = self.braces(CallTerms)?;
        self.refuse_operator("'{', AND, OR or another term")?;
        Ok(TraceTerm::Edge {
            source,
            target,
            filter,
        })
    }

    fn root_cause(&mut self, list: CauseList, scope: Scope) -> Result<TraceTerm, FilterError> {
        match self.braces(Fields(scope))? {
            Some(filter) => Ok(TraceTerm::RootCause { list, filter }),
            None => {
                let token = self.next()?;
                Err(self.unexpected(&token, "'{'"))
            }
        }
    }

    fn root_cause_json(&mut self) -> Result<Clause<TraceTerm>, FilterError> {
        let negates = self.equality()?;
        self.expect(&TokenKind::Hash, "'#' and a JSON array of objects")?;
        let objects = self.lexer.objects(self.term_start)?;
        self.taken_end = self.lexer.position();
        Ok(negated_if(negates, TraceTerm::RootCauseJson(objects)))
    }

    fn group_term(
        &mut self,
        token: &Token<'t>,
        by: GroupBy,
    ) -> Result<Clause<TraceTerm>, FilterError> {
        self.check_groups(token)?;
        let negates = self.equality()?;
        let at = self.peek()?.start;
        let value = self.string_value()?;
        let group = match by {
            GroupBy::Name => GroupRef::Name(&value),
            GroupBy::Arn => GroupRef::Arn(&value),
        };
        let expression = self.group(group, at)?;
        let term = GroupTerm {
            by,
            value,
            expression,
        };
        Ok(negated_if(negates, TraceTerm::Group(term)))
    }

    /// `=` is false, `!=` is true; nothing else may follow.
    fn equality(&mut self) -> Result<bool, FilterError> {
        let token = self.next()?;
        match token.kind {
            TokenKind::Compare(NumberOp::Equal) => Ok(false),
            TokenKind::Compare(NumberOp::NotEqual) => Ok(true),
            _ => Err(self.unexpected(&token, "'=' or '!='")),
        }
    }

    /// Services and calls compare with nothing.
    fn refuse_operator(&mut self, expected: &str) -> Result<(), FilterError> {
        match self.operator()? {
            Some((_, token)) => Err(self.unexpected(&token, expected)),
            None => Ok(()),
        }
    }
}

/// What an annotation is compared with.
enum Literal {
    Flag(bool),
    Number(f64),
    Text(String),
}

fn negated_if(negates: bool, term: TraceTerm) -> Clause<TraceTerm> {
    let term = Clause::Term(term);
    if negates {
        Clause::Not(Box::new(term))
    } else {
        term
    }
}
