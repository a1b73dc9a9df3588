//! An expression as text: one spelling of each meaning, which reads back as the same expression.
//! Source: `spec/filter-expressions.md` section 1.1.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{
    AnnotationTest, CallSide, CallTerm, Clause, Comparison, Expression, GroupBy, GroupTerm,
    NodePattern, NumberOp, TextOp, TraceTerm,
};
use super::keyword::Keyword;
use super::lex::is_key;

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.clause.as_ref().map_or(Ok(()), |clause| clause.fmt(f))
    }
}

/// A term that stands behind `!` without parentheses, in a form of its own if it has one.
trait Negated: Display {
    fn fmt_negated(&self, f: &mut Formatter<'_>) -> fmt::Result;
}

impl<T: Negated> Display for Clause<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(clauses) => list(f, clauses, " AND ", |clause| {
                matches!(clause, Self::And(_) | Self::Or(_))
            }),
            // no parentheses around AND: they could make it deeper than what was read
            Self::Or(clauses) => list(f, clauses, " OR ", |clause| matches!(clause, Self::Or(_))),
            Self::Term(term) => term.fmt(f),
            Self::Not(inner) => match inner.as_ref() {
                Self::Term(term) => term.fmt_negated(f),
                Self::Not(_) => write!(f, "!{inner}"),
                Self::And(_) | Self::Or(_) => write!(f, "!({inner})"),
            },
        }
    }
}

fn list<T: Negated>(
    f: &mut Formatter<'_>,
    clauses: &[Clause<T>],
    word: &str,
    is_parenthesized: impl Fn(&Clause<T>) -> bool,
) -> fmt::Result {
    for (place, clause) in clauses.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        if is_parenthesized(clause) {
            write!(f, "({clause})")?;
        } else {
            clause.fmt(f)?;
        }
    }
    Ok(())
}

impl Display for TraceTerm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(comparison) => comparison.fmt(f),
            Self::Annotation { key, test } => {
                if key.chars().all(is_key) {
                    write!(f, "annotation.{key}{test}")
                } else {
                    write!(f, "annotation[{key}]{test}")
                }
            }
            Self::Service { node, filter } => {
                write!(f, "service({node})")?;
                braces(f, filter.as_ref())
            }
            Self::Edge {
                source: NodePattern::Any,
                filter,
                ..
            } => {
                f.write_str("edge()")?;
                braces(f, filter.as_ref())
            }
            Self::Edge {
                source,
                target,
                filter,
            } => {
                write!(f, "edge({source}, {target})")?;
                braces(f, filter.as_ref())
            }
            Self::RootCause { list, filter } => {
                f.write_str(list.spelling())?;
                braces(f, Some(filter))
            }
            Self::RootCauseJson(objects) => {
                write!(f, "rootcause.json = {}", Json(objects))
            }
            Self::Group(group) => group.write(f, "="),
        }
    }
}

impl TraceTerm {
    /// Its print without its braces.
    pub(super) fn without_braces(&self) -> String {
        let mut bare = self.clone();
        match &mut bare {
            Self::Service { filter, .. } => *filter = None,
            Self::Edge { filter, .. } => *filter = None,
            Self::RootCause { list, .. } => return list.spelling().to_owned(),
            Self::Field(_) | Self::Annotation { .. } | Self::RootCauseJson(_) | Self::Group(_) => {}
        }
        bare.to_string()
    }
}

impl Negated for TraceTerm {
    fn fmt_negated(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(comparison) => comparison.fmt_negated(f),
            Self::RootCauseJson(objects) => write!(f, "rootcause.json != {}", Json(objects)),
            Self::Group(group) => group.write(f, "!="),
            Self::Annotation {
                test: AnnotationTest::Exists,
                ..
            }
            | Self::Service { .. }
            | Self::Edge { .. }
            | Self::RootCause { .. } => write!(f, "!{self}"),
            Self::Annotation { .. } => write!(f, "!({self})"),
        }
    }
}

fn braces<T: Display>(f: &mut Formatter<'_>, filter: Option<&T>) -> fmt::Result {
    filter.map_or(Ok(()), |filter| write!(f, " {{ {filter} }}"))
}

struct Json<'e>(&'e [serde_json::Map<String, serde_json::Value>]);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "#{}",
            serde_json::to_string(self.0).map_err(|_| fmt::Error)?
        )
    }
}

impl GroupTerm {
    fn write(&self, f: &mut Formatter<'_>, operator: &str) -> fmt::Result {
        let keyword = match self.by {
            GroupBy::Name => "group.name",
            GroupBy::Arn => "group.arn",
        };
        write!(f, "{keyword} {operator} {}", Quoted(&self.value))
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(keyword, is) => {
                f.write_str(Keyword::Flag(*keyword).spelling())?;
                f.write_str(if *is { "" } else { " = false" })
            }
            Self::Number(keyword, test) => {
                f.write_str(Keyword::Number(*keyword).spelling())?;
                test.map_or(Ok(()), |(operator, number)| {
                    write!(f, " {operator} {}", Number(number))
                })
            }
            Self::Text(keyword, test) => {
                f.write_str(Keyword::Text(*keyword).spelling())?;
                test.as_ref().map_or(Ok(()), |(operator, text)| {
                    write!(f, " {operator} {}", Quoted(text))
                })
            }
        }
    }
}

impl Comparison {
    /// Whether it is printed as a keyword alone.
    const fn is_bare(&self) -> bool {
        matches!(
            self,
            Self::Flag(_, true) | Self::Number(_, None) | Self::Text(_, None)
        )
    }
}

impl Negated for Comparison {
    fn fmt_negated(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_bare() {
            write!(f, "!{self}")
        } else {
            write!(f, "!({self})")
        }
    }
}

impl CallTerm {
    const fn prefix(&self) -> &'static str {
        match self.of {
            CallSide::Call => "",
            CallSide::Source => "source.",
            CallSide::Destination => "destination.",
        }
    }
}

impl Display for CallTerm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix(), self.comparison)
    }
}

impl Negated for CallTerm {
    fn fmt_negated(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.comparison.is_bare() {
            write!(f, "!{self}")
        } else {
            write!(f, "!({self})")
        }
    }
}

impl Display for AnnotationTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => Ok(()),
            Self::Flag(is) => write!(f, " = {is}"),
            Self::Number(operator, number) => write!(f, " {operator} {}", Number(*number)),
            Self::Text(operator, text) => write!(f, " {operator} {}", Quoted(text)),
        }
    }
}

impl Display for NodePattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, kind, account_id) = match self {
            Self::Any => return Ok(()),
            Self::Name(name) => return Quoted(name).fmt(f),
            Self::Id {
                name,
                kind,
                account_id,
            } => (name, kind, account_id),
        };
        let parts = [("name", name), ("type", kind), ("account.id", account_id)];
        let given = parts
            .into_iter()
            .filter_map(|(part, value)| Some((part, value.as_deref()?)));
        f.write_str("id(")?;
        for (place, (part, value)) in given.enumerate() {
            let separator = if place > 0 { ", " } else { "" };
            write!(f, "{separator}{part}: {}", Quoted(value))?;
        }
        f.write_char(')')
    }
}

impl Display for NumberOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

impl Display for TextOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Contains => "CONTAINS",
            Self::BeginsWith => "BEGINSWITH",
            Self::EndsWith => "ENDSWITH",
        })
    }
}

/// A string in quotation marks.
struct Quoted<'e>(&'e str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

/// A number in the shortest form that reads back as the same.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            // what a number too large for a double is read as
            return f.write_str(if self.0 > 0.0 { "1e999" } else { "-1e999" });
        }
        let shortest = format!("{:?}", self.0);
        f.write_str(shortest.strip_suffix(".0").unwrap_or(&shortest))
    }
}
