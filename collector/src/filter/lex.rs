//! Text to tokens, one at a time: an error further on must not hide one that comes first.
//!
//! Written by hand, and the parser with it, although parser libraries are at hand: clients see where
//! and in which words AWS reports an error, and that decides the shape of both.
//! Source: `spec/filter-expressions.md` sections 1.1 and 8.

use serde_json::{Map, Value};

use super::ast::NumberOp;
use super::error::FilterError;

/// One token and the bytes it takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind<'t> {
    /// A keyword, a word operator or an unquoted string.
    Word(&'t str),
    /// `annotation.key` or `annotation[key]`: the key.
    Annotation(&'t str),
    /// A string, without its quotation marks and escapes.
    Text(String),
    /// A number.
    Number(f64),
    /// A symbol that compares.
    Compare(NumberOp),
    /// `!`
    Bang,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `{`
    BraceOpen,
    /// `}`
    BraceClose,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// `#`, after which only [`Lexer::objects`] reads.
    Hash,
    /// The end of the text.
    End,
}

/// Reads tokens from a text.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

const ANNOTATION: &str = "annotation";

#[cfg(test)]
thread_local! {
    /// Tokens begun and bytes passed over on this thread: what reading costs.
    pub(super) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What may stand between tokens.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.')
}

/// Whether an annotation's key may have it without brackets.
pub(super) fn is_key(c: char) -> bool {
    is_word(c) || matches!(c, ':' | '-')
}

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte that is read next.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The next token; the end of the text again and again after it was reached.
    pub(super) fn next(&mut self) -> Result<Token<'t>, FilterError> {
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
        self.skip(is_blank);
        let start = self.at;
        let kind = match self.rest().chars().next() {
            None => TokenKind::End,
            Some('"') => self.string()?,
            Some(c) if c.is_alphabetic() || c == '_' => self.word()?,
            Some(c) if c.is_ascii_digit() || c == '-' => self.number()?,
            Some(_) => self.symbol()?,
        };
        let end = self.at;
        Ok(Token { kind, start, end })
    }

    /// The JSON array of objects that follows, and where it ends.
    pub(super) fn objects(
        &mut self,
        term_start: usize,
    ) -> Result<Vec<Map<String, Value>>, FilterError> {
        let rest = self.rest();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let error = match values.next() {
            Some(Ok(objects)) => {
                self.at += values.byte_offset();
                return Ok(objects);
            }
            Some(Err(error)) if !error.is_eof() => error,
            _ => return Err(self.wrong_json(self.text.len(), self.text.len(), term_start)),
        };
        let line = error.line().saturating_sub(1);
        let lines: usize = rest.split_inclusive('\n').take(line).map(str::len).sum();
        // serde_json counts bytes, and may point into the middle of a character
        let mut at = self.at + lines + error.column().saturating_sub(1);
        while !self.text.is_char_boundary(at) {
            at = at.saturating_sub(1);
        }
        let at = at.min(self.text.len());
        let after = self.text.get(at..).unwrap_or_default();
        let end = at + after.chars().next().map_or(0, char::len_utf8);
        Err(self.wrong_json(at, end, term_start))
    }

    fn wrong_json(&self, at: usize, end: usize, term_start: usize) -> FilterError {
        let quoted = self.text.get(term_start..end).unwrap_or_default();
        FilterError::syntax(self.text, at, quoted, "a JSON array of objects")
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes what satisfies `wanted`.
    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        #[cfg(test)]
        STEPS.set(STEPS.get() + length);
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn word(&mut self) -> Result<TokenKind<'t>, FilterError> {
        let start = self.at;
        let first = self.skip(|c| is_word(c) && c != '.');
        let is_annotation = first.eq_ignore_ascii_case(ANNOTATION);
        if is_annotation && self.rest().starts_with('[') {
            return self.bracketed_key(start);
        }
        if is_annotation && self.rest().starts_with('.') {
            self.at += 1;
            let key = self.skip(is_key);
            if !key.is_empty() {
                return Ok(TokenKind::Annotation(key));
            }
        }
        self.skip(is_word);
        let word = self.text.get(start..self.at).unwrap_or_default();
        Ok(TokenKind::Word(word))
    }

    fn bracketed_key(&mut self, start: usize) -> Result<TokenKind<'t>, FilterError> {
        self.at += 1;
        let key = self.skip(|c| c != ']');
        if self.rest().is_empty() {
            return Err(self.wrong_from(start, self.text.len(), "']' behind the annotation's key"));
        }
        self.at += 1;
        let key = key.trim_matches(is_blank);
        if key.is_empty() {
            return Err(self.wrong_from(start, start, "an annotation's key between the brackets"));
        }
        Ok(TokenKind::Annotation(key))
    }

    fn string(&mut self) -> Result<TokenKind<'t>, FilterError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            value.push_str(self.skip(|c| !matches!(c, '"' | '\\')));
            let mut next = self.rest().chars();
            match (next.next(), next.next()) {
                (Some('"'), _) => {
                    self.at += 1;
                    return Ok(TokenKind::Text(value));
                }
                (Some('\\'), Some(escaped @ ('"' | '\\'))) => {
                    self.at += 2;
                    value.push(escaped);
                }
                (Some(_), Some(other)) => {
                    let at = self.at;
                    self.at += 1 + other.len_utf8();
                    return Err(self.wrong_from(start, at, r#"'\"' or '\\' behind a backslash"#));
                }
                _ => {
                    self.at = self.text.len();
                    return Err(self.wrong_from(start, self.at, "the string's closing '\"'"));
                }
            }
        }
    }

    fn number(&mut self) -> Result<TokenKind<'t>, FilterError> {
        let rest = self.rest();
        let number = rest.get(..number_length(rest)).unwrap_or_default();
        let Ok(value) = number.parse() else {
            return self.symbol();
        };
        self.at += number.len();
        Ok(TokenKind::Number(value))
    }

    fn symbol(&mut self) -> Result<TokenKind<'t>, FilterError> {
        let start = self.at;
        let mut next = self.rest().chars();
        let (first, second) = (next.next(), next.next());
        let (kind, length) = match (first, second) {
            (Some('!'), Some('=')) => (TokenKind::Compare(NumberOp::NotEqual), 2),
            (Some('<'), Some('=')) => (TokenKind::Compare(NumberOp::LessOrEqual), 2),
            (Some('>'), Some('=')) => (TokenKind::Compare(NumberOp::GreaterOrEqual), 2),
            (Some('='), _) => (TokenKind::Compare(NumberOp::Equal), 1),
            (Some('<'), _) => (TokenKind::Compare(NumberOp::Less), 1),
            (Some('>'), _) => (TokenKind::Compare(NumberOp::Greater), 1),
            (Some('!'), _) => (TokenKind::Bang, 1),
            (Some('('), _) => (TokenKind::Open, 1),
            (Some(')'), _) => (TokenKind::Close, 1),
            (Some('{'), _) => (TokenKind::BraceOpen, 1),
            (Some('}'), _) => (TokenKind::BraceClose, 1),
            (Some(','), _) => (TokenKind::Comma, 1),
            (Some(':'), _) => (TokenKind::Colon, 1),
            (Some('#'), _) => (TokenKind::Hash, 1),
            (other, _) => {
                self.at += other.map_or(0, char::len_utf8);
                return Err(self.wrong_from(start, start, "a keyword, a value or an operator"));
            }
        };
        self.at += length;
        Ok(kind)
    }

    /// An error at `at` that quotes from `start` to where reading stopped.
    fn wrong_from(&self, start: usize, at: usize, expected: &str) -> FilterError {
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        FilterError::syntax(self.text, at, quoted, expected)
    }
}

/// Bytes of the number that a text begins with; a bare sign is none.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let at = |place: usize| bytes.get(place).copied();
    let digits_from = |place: usize| {
        let rest = bytes.get(place..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut length = usize::from(at(0) == Some(b'-'));
    match digits_from(length) {
        0 => return 0,
        digits => length += digits,
    }
    if at(length) == Some(b'.') {
        let digits = digits_from(length + 1);
        length += if digits > 0 { digits + 1 } else { 0 };
    }
    if matches!(at(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(at(length + 1), Some(b'+' | b'-')));
        let digits = digits_from(length + 1 + sign);
        length += if digits > 0 { 1 + sign + digits } else { 0 };
    }
    length
}
