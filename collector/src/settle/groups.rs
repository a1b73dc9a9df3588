//! How many traces are settled in one go: pure.

/// Documents of a group of several traces: 4 MB of usual ones, stitched in about 100 ms. A trace with
/// more is a group of its own.
pub(super) const DOCUMENTS_MAX: u32 = 4000;

/// Cuts items with their numbers of documents into groups, in order.
pub(crate) fn groups<T>(items: impl IntoIterator<Item = (T, u32)>) -> Vec<Vec<T>> {
    let mut groups = Vec::new();
    let (mut group, mut documents) = (Vec::new(), 0_u32);
    for (item, more) in items {
        documents = documents.saturating_add(more);
        if documents > DOCUMENTS_MAX && !group.is_empty() {
            groups.push(std::mem::take(&mut group));
            documents = more;
        }
        group.push(item);
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_full_before_its_documents_are_too_many() {
        let items = [("a", 1600), ("b", 2400), ("c", 1), ("d", 3999), ("e", 1)];
        let expected = [vec!["a", "b"], vec!["c", "d"], vec!["e"]];
        assert_eq!(groups(items), expected);
        assert_eq!(groups::<()>([]), Vec::<Vec<()>>::new());
    }

    #[test]
    fn what_is_too_large_for_any_group_stands_alone() {
        let items = [("a", 1), ("b", u32::MAX), ("c", 4001), ("d", 0), ("e", 7)];
        let expected = [vec!["a"], vec!["b"], vec!["c"], vec!["d", "e"]];
        assert_eq!(groups(items), expected);
    }
}
