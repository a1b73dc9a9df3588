//! An explanation as lines of text: where a term stands, what it is, what the trace has there.

use std::fmt::{self, Display, Formatter};

use super::found::cut;
use super::{Inside, Reason, Why};

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_match {
            "the trace matches"
        } else {
            "the trace does not match"
        })?;
        reasons(f, &self.reasons, 1)?;
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\n  and {more} terms more"),
        }
    }
}

fn reasons(f: &mut Formatter<'_>, reasons: &[Reason], depth: usize) -> fmt::Result {
    for reason in reasons {
        write!(f, "\n{:1$}", "", depth * 2)?;
        if let Some((line, column)) = reason.place {
            write!(f, "{line}:{column} ")?;
        }
        let clause = cut(&reason.clause);
        if reason.is_negated {
            write!(f, "!({clause})")?;
        } else {
            f.write_str(&clause)?;
        }
        write!(f, ": {}", reason.found)?;
        inside(f, &reason.inside, depth + 1)?;
    }
    Ok(())
}

fn inside(f: &mut Formatter<'_>, insides: &[Inside], depth: usize) -> fmt::Result {
    for inside in insides {
        write!(f, "\n{:1$}{2}", "", depth * 2, inside.of)?;
        reasons(f, &inside.reasons, depth + 1)?;
    }
    Ok(())
}
