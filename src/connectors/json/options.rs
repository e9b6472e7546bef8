//! The options of a JSON source.

use super::object::Unknown;
use super::shape::Shape;
use crate::config::{Options, Problem};
use crate::connectors::store_options::{READ, STORES, of_stores};
use crate::connectors::{OptionDoc, Role};
use crate::stores::Access;

/// The options, for the manual.
pub(super) static DOCS: &[OptionDoc] = &of_stores::<{ OWN.len() + STORES }>(OWN, READ);

const OWN: &[OptionDoc] = &[
    doc("path", None, "a path, a glob, or a list of them"),
    doc("columns", None, "types of some or all columns, such as `{id: bigint, tags: json}`"),
    doc("infer", Some("sample"), "look at a `sample` or at `all` rows to find columns and types"),
    doc("split_bytes", Some("by size"), "about how many bytes of a file are one split"),
    doc("unknown_fields", Some("refuse"), "`refuse` or `ignore` keys that the schema lacks"),
];

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Source), default, summary }
}

/// What the user asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    /// Paths and globs.
    pub(super) paths: Vec<String>,
    /// Declared columns, in the order written.
    pub(super) columns: Vec<(String, Shape)>,
    /// Whether all rows are looked at to find the schema.
    pub(super) infer_all: bool,
    /// Bytes in a split.
    pub(super) split_bytes: u64,
    /// What happens to unknown keys.
    pub(super) unknown: Unknown,
}

impl Asked {
    /// What `options` say, and everything that is wrong with them.
    pub(super) fn read(options: &Options) -> (Self, Access, Vec<Problem>) {
        let reader = options.reader();
        let paths = reader.list("path");
        if paths.is_empty() && reader.node("path").is_none() {
            reader.required("path");
        }
        let mut columns = Vec::new();
        for (name, place, text) in reader.pairs("columns") {
            match Shape::declared(&text) {
                Ok(shape) => columns.push((name, shape)),
                Err(error) => reader.problem(Problem {
                    message: error.message().to_owned(),
                    place: Some(place),
                    hint: error.advice().map(|hint| format!("{hint}, json")),
                }),
            }
        }
        let asked = Asked {
            paths,
            columns,
            infer_all: reader.one_of("infer", &["sample", "all"]) == "all",
            split_bytes: reader.number("split_bytes", 0, 1..=1 << 40),
            unknown: match reader.one_of("unknown_fields", &["refuse", "ignore"]) {
                "ignore" => Unknown::Ignore,
                _ => Unknown::Refuse,
            },
        };
        let access = Access::read(&reader, &asked.paths);
        (asked, access, reader.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_option_is_a_problem() {
        let options =
            Options::of_arguments(&[("columns", "x"), ("split_bytes", "0"), ("infer", "none")]);
        let messages: Vec<_> = Asked::read(&options).2.into_iter().map(|p| p.message).collect();
        assert_eq!(
            messages,
            [
                "`path` is missing",
                "`columns` must be a map, not `x`",
                "`infer` must be one of sample, all, not `none`",
                "`split_bytes` must be a whole number from 1 to 1099511627776, not `0`",
            ]
        );
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let (asked, _, problems) = Asked::read(&Options::of_arguments(&[("path", "a.json")]));
        assert_eq!(problems, []);
        let expected = Asked {
            paths: vec!["a.json".to_owned()],
            columns: Vec::new(),
            infer_all: false,
            split_bytes: 0,
            unknown: Unknown::Refuse,
        };
        assert_eq!(asked, expected);
    }
}
