//! A Merkle tree over the lines of a segment (RFC 9162, 2.1, with SHA-256): one root stands for all of them. A path of
//! a few hashes shows that a line is one of them to who has no other line.

use crate::chain::Link;

/// A tree that grows by a leaf at a time, and keeps one hash for each whole subtree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(Vec<(u32, Link)>);

/// The hash of a line, its break left out.
pub(crate) fn leaf(line: &[u8]) -> Link {
    Link::over(&[&[0], line])
}

fn node(left: &Link, right: &Link) -> Link {
    Link::over(&[&[1], &left.bytes(), &right.bytes()])
}

impl Tree {
    /// Adds a leaf on the right, and hashes each pair that is now whole.
    pub(crate) fn push(&mut self, leaf: Link) {
        let (mut level, mut hash) = (0, leaf);
        while let Some((_, left)) = self.0.pop_if(|(last, _)| *last == level) {
            (level, hash) = (level + 1, node(&left, &hash));
        }
        self.0.push((level, hash));
    }

    /// The root over all leaves; that of none is the hash of nothing.
    pub(crate) fn root(&self) -> Link {
        let mut whole = self.0.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = whole.next() else { return Link::over(&[]) };
        whole.fold(last, |right, left| node(&left, &right))
    }

    /// The root over these leaves.
    pub(crate) fn root_of(leaves: &[Link]) -> Link {
        let mut tree = Self::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree.root()
    }
}

/// The hashes that lead from a leaf to the root, the nearest first.
pub(crate) fn path(leaves: &[Link], index: usize) -> Vec<Link> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut found, beside) = match index.checked_sub(left.len()) {
        None => (path(left, index), Tree::root_of(right)),
        Some(index) => (path(right, index), Tree::root_of(left)),
    };
    found.push(beside);
    found
}

/// The root that a leaf and its path lead to, in a tree of so many leaves; `None` if no such tree has such a path.
pub(crate) fn climb(leaf: Link, index: u64, leaves: u64, path: &[Link]) -> Option<Link> {
    let mut last = leaves.checked_sub(1).filter(|last| index <= *last)?;
    let (mut at, mut hash) = (index, leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node(beside, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: usize) -> Vec<Link> {
        (0..count).map(|n| leaf(n.to_string().as_bytes())).collect()
    }

    /// The tree of RFC 9162, word for word.
    fn plain(leaves: &[Link]) -> Link {
        match leaves {
            [] => Link::first(b""),
            [one] => *one,
            _ => {
                let half = (1..).map(|n| 1 << n).find(|n| 2 * n >= leaves.len()).unwrap_or(1).max(1);
                let half = if leaves.len() == 2 { 1 } else { half };
                node(&plain(&leaves[..half]), &plain(&leaves[half..]))
            }
        }
    }

    #[test]
    fn the_roots_are_those_that_others_publish() {
        // The tree of certificate-transparency-go's and of RFC 6962's test data, over these eight leaves.
        let data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let leaves: Vec<Link> = data.iter().map(|hex| leaf(&bytes(hex))).collect();
        for (count, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(Tree::root_of(&leaves[..count]).to_string(), root, "{count}");
        }
    }

    proptest! {
        #[test]
        fn every_leaf_of_every_tree_climbs_to_the_root_and_no_other_does(count in 1usize..200, at in any::<prop::sample::Index>(), odd in any::<prop::sample::Index>()) {
            let all = leaves(count);
            let (index, root) = (at.index(count), Tree::root_of(&all));
            prop_assert_eq!(root, plain(&all));
            let path = path(&all, index);
            let climbed = |leaf, index: usize, path: &[Link]| climb(leaf, index as u64, count as u64, path);
            prop_assert_eq!(climbed(all[index], index, &path), Some(root));
            prop_assert_ne!(climbed(leaf(b"another"), index, &path), Some(root));
            let other = odd.index(count);
            prop_assert!(other == index || climbed(all[index], other, &path) != Some(root));
            prop_assert!(path.is_empty() || climbed(all[index], index, &path[1..]) != Some(root));
            prop_assert_eq!(climbed(all[index], count, &path), None);
        }
    }
}
