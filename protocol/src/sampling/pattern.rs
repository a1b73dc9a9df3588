//! The patterns of sampling rules: `*` is any run of characters, `?` exactly one, all else literal.
//!
//! Whole text, any case, no escapes (`spec/sampling.md` section 2). Patterns come from users and
//! texts from the network, so there is no recursion: on a mismatch the matcher goes back to the
//! last star only, which bounds the work by pattern length × text length. No allocation.

use std::str::Chars;

/// Whether the pattern matches the whole text, upper and lower case being the same.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut matcher = Matcher::new(pattern, text);
    loop {
        if let Some(verdict) = matcher.step() {
            return verdict;
        }
    }
}

struct Matcher<'a> {
    pattern: Chars<'a>,
    text: Chars<'a>,
    /// What follows the last star, and the text from the end of the run that the star now stands
    /// for. Earlier stars need no second try: what they left over, the last one can take.
    retry: Option<(Chars<'a>, Chars<'a>)>,
}

impl<'a> Matcher<'a> {
    fn new(pattern: &'a str, text: &'a str) -> Self {
        Self {
            pattern: pattern.chars(),
            text: text.chars(),
            retry: None,
        }
    }

    /// Compares one character; `Some` once the answer is known.
    fn step(&mut self) -> Option<bool> {
        let mut pattern = self.pattern.clone();
        let mut text = self.text.clone();
        match (pattern.next(), text.next()) {
            (Some('*'), _) => {
                self.retry = Some((pattern.clone(), self.text.clone()));
                self.pattern = pattern;
            }
            (Some(wanted), Some(found)) if wanted == '?' || is_same_letter(wanted, found) => {
                self.pattern = pattern;
                self.text = text;
            }
            (None, None) => return Some(true),
            // a longer run of the last star would leave even less text for the rest
            (Some(_), None) => return Some(false),
            (_, Some(_)) => {
                let Some((after_star, run_end)) = &mut self.retry else {
                    return Some(false);
                };
                run_end.next();
                self.pattern = after_star.clone();
                self.text = run_end.clone();
            }
        }
        None
    }
}

fn is_same_letter(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_whole_texts_in_any_case() {
        let long = "n".repeat(64);
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything at all", true),
            ("**", "", true),
            ("?", "", false),
            ("?", "a", true),
            ("?", "ab", false),
            ("?*", "ab", true),
            ("*?", "", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a--b--c", true),
            ("a*b*c", "a--b--c-", false),
            ("a*b*c", "acb", false),
            ("*ab", "aab", true),
            ("*aab", "aaab", true),
            ("/CART/*", "/cart/1", true),
            ("/cart/*", "/cart", false),
            ("shop.test", "shop.test:8080", false),
            ("shop.test*", "shop.test:8080", true),
            ("[ab]", "a", false),
            (r"\*", "*", false),
            ("Straße-?", "straße-é", true),
            ("É*", "école", true),
            (&long, &long, true),
            ("?*?", &long, true),
            (&long, "n", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn hostile_pattern_takes_at_most_pattern_times_text_steps() {
        let pattern = "a*".repeat(60) + "b";
        let text = "a".repeat(2000);
        let mut matcher = Matcher::new(&pattern, &text);
        let mut steps = 1;
        let verdict = loop {
            match matcher.step() {
                Some(verdict) => break verdict,
                None => steps += 1,
            }
        };
        assert!(!verdict);
        assert!(
            steps <= 2 * (pattern.len() + text.len()),
            "one mismatch per character of the text, but {steps} steps"
        );
        let periodic = "*".to_owned() + &"a".repeat(60) + "b";
        let mut matcher = Matcher::new(&periodic, &text);
        let steps = std::iter::from_fn(|| matcher.step().is_none().then_some(())).count();
        assert!(
            steps <= (periodic.len() + 1) * (text.len() + 1),
            "{steps} steps"
        );
    }

    /// The definition, as it is read out of the specification; exponential.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                (0..=text.len()).any(|run_chars| reference(rest, &text[run_chars..]))
            }
            (['?', rest @ ..], [_, others @ ..]) => reference(rest, others),
            ([wanted, rest @ ..], [found, others @ ..]) => {
                wanted.to_lowercase().eq(found.to_lowercase()) && reference(rest, others)
            }
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn property_matcher_agrees_with_the_definition(
            pattern in "[abA*?é]{0,7}",
            text in "[abBÉ]{0,9}",
        ) {
            let pattern_chars: Vec<char> = pattern.chars().collect();
            let text_chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(matches(&pattern, &text), reference(&pattern_chars, &text_chars));
        }
    }
}
