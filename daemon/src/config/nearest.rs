//! The nearest known name to a misspelt one.

/// A name that was cut off counts as so many edits at most.
const EDITS_OF_A_BEGINNING: usize = 2;

/// The known name with the fewest edits, and their number.
pub(crate) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<(&'a str, usize)> {
    // A name from a file can be a megabyte; its beginning is as near as the whole.
    let name: String = name.chars().take(128).collect();
    let edits = |each: &str| {
        let edits = distance(&name, each);
        if each.to_lowercase().starts_with(&name.to_lowercase()) {
            return edits.min(EDITS_OF_A_BEGINNING);
        }
        edits
    };
    known
        .map(|each| (each, edits(each)))
        .min_by_key(|(_, edits)| *edits)
}

/// Edits between two names, whatever the case (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.to_lowercase().chars().enumerate() {
        let mut next = vec![line + 1];
        for ((b, above), diagonal) in other.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            let replaced = diagonal + usize::from(a != *b);
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (one, other, edits) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("Region", "region", 0),
        ] {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }

    #[test]
    fn a_name_of_any_length_has_a_nearest_one() {
        let known = ["Region", "Endpoint"];
        let long = "x".repeat(1 << 20);
        assert!(nearest(&long, known.into_iter()).is_some());
        assert_eq!(nearest("Endpoin", known.into_iter()), Some(("Endpoint", 1)));
        assert_eq!(nearest("end", known.into_iter()), Some(("Endpoint", 2)));
        assert_eq!(nearest("Region", std::iter::empty()), None);
    }
}
