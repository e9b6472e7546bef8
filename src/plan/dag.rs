//! Order and cycles in a graph of names.

use std::collections::{BTreeMap, BTreeSet};

/// Which names each name reads.
pub type Edges = BTreeMap<String, Vec<String>>;

/// The keys of `edges` in an order in which each stands after everything that it reads. Names that
/// are read and are no keys (sources) are left out.
///
/// # Errors
/// The path of a cycle: the first name stands again at its end.
pub fn order(edges: &Edges) -> Result<Vec<String>, Vec<String>> {
    let mut walk = Walk { edges, done: BTreeSet::new(), path: Vec::new(), order: Vec::new() };
    for name in edges.keys() {
        walk.visit(name)?;
    }
    Ok(walk.order)
}

/// `from` and everything that it reads, directly or through others, sorted.
pub fn upstream(edges: &Edges, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(edges.get(&name).into_iter().flatten().cloned());
        }
    }
    found
}

struct Walk<'a> {
    edges: &'a Edges,
    done: BTreeSet<&'a str>,
    path: Vec<&'a str>,
    order: Vec<String>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, name: &'a str) -> Result<(), Vec<String>> {
        if self.done.contains(name) {
            return Ok(());
        }
        if let Some(start) = self.path.iter().position(|passed| *passed == name) {
            let passed = self.path.iter().skip(start).copied();
            return Err(passed.chain([name]).map(str::to_owned).collect());
        }
        let Some(reads) = self.edges.get(name) else { return Ok(()) };
        self.path.push(name);
        for read in reads {
            self.visit(read)?;
        }
        self.path.pop();
        self.done.insert(name);
        self.order.push(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(&str, &[&str])]) -> Edges {
        let reads = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        pairs.iter().map(|(name, names)| ((*name).to_owned(), reads(names))).collect()
    }

    #[test]
    fn a_name_stands_after_everything_that_it_reads() {
        let edges = edges(&[("a", &["c", "source"]), ("b", &["a", "c"]), ("c", &["source"])]);
        assert_eq!(order(&edges), Ok(vec!["c".into(), "a".into(), "b".into()]));
    }

    #[test]
    fn a_cycle_is_shown_as_a_path_that_ends_where_it_began() {
        let edges = edges(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
        assert_eq!(order(&edges), Err(vec!["b".into(), "c".into(), "b".into()]));
    }

    #[test]
    fn a_model_that_reads_itself_is_a_cycle() {
        assert_eq!(order(&edges(&[("a", &["a"])])), Err(vec!["a".into(), "a".into()]));
    }

    #[test]
    fn upstream_is_found_through_other_names() {
        let edges = edges(&[("a", &["b"]), ("b", &["s"]), ("c", &["t"])]);
        let found: Vec<_> = upstream(&edges, "a").into_iter().collect();
        assert_eq!(found, ["a", "b", "s"]);
    }
}
