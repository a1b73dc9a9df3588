//! Which nodes are meant: a name, or `id(...)`. Source: `spec/filter-expressions.md` section 3.

use super::super::ast::NodePattern;
use super::super::error::FilterError;
use super::super::lex::TokenKind;
use super::{Groups, Parser};

/// A text that is nothing but `id(...)`; `None` when it is something else, or `id(...)` with
/// something behind it, which is no expression either.
pub(in super::super) fn selector_node(text: &str) -> Result<Option<NodePattern>, FilterError> {
    let mut parser = Parser::new(text, Groups::Refused)?;
    let is_id = parser
        .peek_word()?
        .is_some_and(|word| word.eq_ignore_ascii_case("id"));
    if !is_id {
        return Ok(None);
    }
    parser.term_start = parser.peek()?.start;
    let node = parser.node()?;
    parser.close(&TokenKind::End, "the end")?;
    Ok(Some(node))
}

impl Parser<'_> {
    /// A node, where there must be one.
    pub(super) fn node(&mut self) -> Result<NodePattern, FilterError> {
        let token = self.next()?;
        match token.kind {
            TokenKind::Text(name) => Ok(NodePattern::Name(name)),
            TokenKind::Word(word) if word.eq_ignore_ascii_case("id") => {
                self.expect(&TokenKind::Open, "'('")?;
                self.id_arguments()
            }
            _ => Err(self.unexpected(&token, "a name in quotation marks or id(...)")),
        }
    }

    fn id_arguments(&mut self) -> Result<NodePattern, FilterError> {
        let (mut name, mut kind, mut account_id) = (None, None, None);
        loop {
            let token = self.next()?;
            let argument = match token.kind {
                TokenKind::Word(word) if word.eq_ignore_ascii_case("name") => Some(&mut name),
                TokenKind::Word(word) if word.eq_ignore_ascii_case("type") => Some(&mut kind),
                TokenKind::Word(word) if word.eq_ignore_ascii_case("account.id") => {
                    Some(&mut account_id)
                }
                _ => None,
            };
            let Some(argument @ None) = argument else {
                return Err(self.unexpected(&token, "name, type or account.id, each once"));
            };
            self.expect(&TokenKind::Colon, "':'")?;
            let value = self.next()?;
            let TokenKind::Text(text) = value.kind else {
                return Err(self.unexpected(&value, "a string in quotation marks"));
            };
            *argument = Some(text);
            let after = self.next()?;
            match after.kind {
                TokenKind::Comma => {}
                TokenKind::Close => {
                    return Ok(NodePattern::Id {
                        name,
                        kind,
                        account_id,
                    });
                }
                _ => return Err(self.unexpected(&after, "',' or ')'")),
            }
        }
    }
}
