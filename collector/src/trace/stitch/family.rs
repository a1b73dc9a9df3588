//! Who hangs under whom: parents, circles cut, children and owners. Entities are in their final order,
//! by (start, id). Source: `spec/traces-and-graph.md` sections 2.2 to 2.4.

use std::mem::take;

use radiograph_protocol::ids::SegmentId;

use super::{Index, Member};

/// Fills in parents, and what follows from who names whom.
pub(super) fn find_parents(entities: &mut [Member<'_>]) {
    let mut by_id: Vec<(SegmentId, usize)> = entities
        .iter()
        .enumerate()
        .map(|(at, member)| (member.entity.id, at))
        .collect();
    by_id.sort_unstable();
    let find = |id| {
        let found = by_id.binary_search_by_key(&id, |(known, _)| *known).ok()?;
        by_id.get(found).map(|(_, at)| *at)
    };
    for at in 0..entities.len() {
        let named = entities.get(at).and_then(|member| member.parent_id);
        let Some(parent) = named.and_then(find) else {
            continue;
        };
        let Some(member) = entities.get_mut(at) else {
            continue;
        };
        member.parent = Some(Index(parent));
        if member.is_segment
            && let Some(parent) = entities.get_mut(parent)
        {
            parent.is_called = true;
        }
    }
    for member in entities {
        member.infers = member.is_call() && !member.is_called;
    }
}

/// Cuts each circle of parent links at its earliest segment, or at its earliest subsegment where it
/// has no segment (section 2.2). Entities are ordered by (start, id), so the earliest is the least.
pub(super) fn cut_circles(entities: &mut [Member<'_>]) {
    // the walk on which an entity was first met; 0 is none
    let mut met = vec![0_usize; entities.len()];
    let mut cuts = Vec::new();
    let mut path = Vec::new();
    for walk in 1..=entities.len() {
        let mut at = Some(Index(walk - 1));
        path.clear();
        while let Some(Index(place)) = at {
            match met.get(place) {
                Some(0) => {}
                Some(known) if *known == walk => {
                    let circle: Vec<Index> = path
                        .iter()
                        .copied()
                        .skip_while(|on| *on != Index(place))
                        .collect();
                    cuts.extend(where_to_cut(entities, &circle));
                    break;
                }
                _ => break,
            }
            if let Some(mark) = met.get_mut(place) {
                *mark = walk;
            }
            path.push(Index(place));
            at = entities.get(place).and_then(|member| member.parent);
        }
    }
    for Index(place) in cuts {
        if let Some(member) = entities.get_mut(place) {
            member.parent = None;
        }
    }
}

fn where_to_cut(entities: &[Member<'_>], circle: &[Index]) -> Option<Index> {
    let is_segment = |at: &&Index| entities.get(at.0).is_some_and(|member| member.is_segment);
    circle
        .iter()
        .filter(is_segment)
        .min()
        .or_else(|| circle.iter().min())
        .copied()
}

/// Fills in children and owners, and returns all entities, each after its parent.
pub(super) fn link_children(entities: &mut [Member<'_>]) -> Vec<Index> {
    let mut order: Vec<Index> = Vec::with_capacity(entities.len());
    for at in 0..entities.len() {
        let Some((parent, is_segment)) = entities.get(at).map(|m| (m.parent, m.is_segment)) else {
            continue;
        };
        match parent.and_then(|Index(parent)| entities.get_mut(parent)) {
            None => order.push(Index(at)),
            Some(parent) if is_segment => parent.callees.push(Index(at)),
            Some(parent) => parent.subsegments.push(Index(at)),
        }
    }
    let mut next = 0;
    while let Some(Index(at)) = order.get(next).copied() {
        next += 1;
        let Some(member) = entities.get_mut(at) else {
            continue;
        };
        let owner = member.owner;
        order.extend(&member.subsegments);
        order.extend(&member.callees);
        let subsegments = take(&mut member.subsegments);
        for Index(child) in &subsegments {
            if let Some(child) = entities.get_mut(*child) {
                child.owner = owner;
            }
        }
        if let Some(member) = entities.get_mut(at) {
            member.subsegments = subsegments;
        }
    }
    order
}
