//! What a search read and what it passed over, as people read it: sums over all its pages.

use radiograph_protocol::api::traces::{ClauseExplained, SearchExplained};

/// What all pages of a search took.
#[derive(Default)]
pub(super) struct Explained(SearchExplained);

impl Explained {
    /// Adds a page. All pages of a search have the same terms in the same order; one of which nothing
    /// was asked has none.
    pub(super) fn add(&mut self, page: SearchExplained) {
        let sum = &mut self.0;
        sum.traces_read += page.traces_read;
        sum.traces_pruned += page.traces_pruned;
        sum.files += page.files;
        sum.files_pruned += page.files_pruned;
        sum.files_unindexed += page.files_unindexed;
        sum.blocks_read += page.blocks_read;
        sum.blocks_pruned += page.blocks_pruned;
        sum.index_frames_read += page.index_frames_read;
        if sum.clauses.is_empty() {
            sum.clauses = page.clauses;
            return;
        }
        for (sum, page) in sum.clauses.iter_mut().zip(page.clauses) {
            sum.asked += page.asked;
            sum.kept += page.kept;
            sum.exact += page.exact;
            sum.inexact += page.inexact;
            sum.not_indexed += page.not_indexed;
            sum.skipped += page.skipped;
        }
    }

    /// A line for all of it, one for the files, and one for each term of the filter.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self(sum) = self;
        let mut lines = vec![
            format!(
                "{} traces were read, about {} passed over unread since they cannot match",
                sum.traces_read, sum.traces_pruned
            ),
            format!(
                "files: {} in the window, {} of them passed over, {} without a search index; \
                 blocks: {} read, {} passed over; parts of search indexes read: {}",
                sum.files,
                sum.files_pruned,
                sum.files_unindexed,
                sum.blocks_read,
                sum.blocks_pruned,
                sum.index_frames_read
            ),
        ];
        lines.extend(sum.clauses.iter().map(line_of));
        lines
    }
}

/// What a term did to the traces that it was asked about.
fn line_of(term: &ClauseExplained) -> String {
    let clause = &term.clause;
    if term.asked == 0 {
        return format!("  {clause}: not asked, the terms before it left nothing");
    }
    let how = match (term.exact, term.inexact, term.not_indexed) {
        (_, 0, 0) => "",
        (0, 0, _) => ", as the search index does not know",
        (_, _, 0) => ", some of which may not match",
        _ => ", some of which may not match, since not every search index knows",
    };
    format!("  {clause}: left {} of {}{how}", term.kept, term.asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> SearchExplained {
        let term = |clause: &str| ClauseExplained {
            clause: clause.to_owned(),
            ..ClauseExplained::default()
        };
        SearchExplained {
            traces_read: 3,
            traces_pruned: 997,
            files: 6,
            files_pruned: 5,
            blocks_read: 1,
            blocks_pruned: 80,
            index_frames_read: 14,
            clauses: vec![
                ClauseExplained {
                    asked: 1000,
                    kept: 3,
                    exact: 1,
                    ..term("annotation.order = \"o7\"")
                },
                ClauseExplained {
                    asked: 3,
                    kept: 3,
                    inexact: 1,
                    ..term("duration > 1")
                },
                ClauseExplained {
                    skipped: 1,
                    ..term("fault")
                },
            ],
            ..SearchExplained::default()
        }
    }

    #[test]
    fn pages_are_summed_and_each_term_says_what_it_left() {
        let mut explained = Explained::default();
        explained.add(page());
        let mut second = page();
        second.clauses.truncate(2);
        if let Some(term) = second.clauses.first_mut() {
            (term.exact, term.not_indexed, term.kept) = (0, 1, 1000);
        }
        explained.add(second);
        assert_eq!(
            explained.lines(),
            [
                "6 traces were read, about 1994 passed over unread since they cannot match",
                "files: 12 in the window, 10 of them passed over, 0 without a search index; \
                 blocks: 2 read, 160 passed over; parts of search indexes read: 28",
                "  annotation.order = \"o7\": left 1003 of 2000, some of which may not match, since not every \
                 search index knows",
                "  duration > 1: left 6 of 6, some of which may not match",
                "  fault: not asked, the terms before it left nothing",
            ]
        );
    }

    #[test]
    fn a_term_that_no_index_knows_says_so() {
        let term = ClauseExplained {
            clause: "user".to_owned(),
            asked: 5,
            kept: 5,
            not_indexed: 2,
            ..ClauseExplained::default()
        };
        assert_eq!(
            line_of(&term),
            "  user: left 5 of 5, as the search index does not know"
        );
    }
}
