//! The keys of a load, looked at in its stage tables before anything is published.

use super::field::{Column, same_name};
use super::job::Jobs;
use super::name::TableName;
use super::quote::{columns, identifier};
use super::statement::union;
use crate::error::{Error, Result};
use crate::sink::Mode;
use crate::source::Refused;

/// The columns of `key` as the table calls them.
pub(super) fn of_table(key: &[String], all: &[Column]) -> Vec<String> {
    let named = |key: &String| {
        let column = all.iter().find(|column| same_name(&column.name, key));
        column.map_or_else(|| key.clone(), |column| column.name.clone())
    };
    key.iter().map(named).collect()
}

/// Refuses a load with a key that is NULL, or that two rows have where rows are updated.
pub(super) async fn check(
    jobs: &Jobs<'_>,
    stages: &[TableName],
    key: &[String],
    mode: &Mode,
) -> Result<()> {
    let rows = jobs.rows("could not look at the keys of the load", &sql(stages, key, mode)).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let values: Vec<String> = key
        .iter()
        .zip(row)
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={}", Refused::shown(value.as_bytes())),
            None => format!("{name}=NULL"),
        })
        .collect();
    let is_null = row.iter().take(key.len()).any(Option::is_none);
    let message = match is_null {
        true => "a row of the load has no key, but NULL".to_owned(),
        false => format!("two rows of the load have the same key, {mode}"),
    };
    Err(Error::data(message)
        .at("key", values.join(", "))
        .hint("leave such rows out in a model, or choose another key"))
}

/// Asks for one key that cannot be.
fn sql(stages: &[TableName], key: &[String], mode: &Mode) -> String {
    let of: Vec<Column> = key
        .iter()
        .map(|name| Column::new(name, super::field::Kind::Json, super::field::Mode::Nullable))
        .collect();
    let null = key.iter().map(|name| format!("{} IS NULL", identifier(name)));
    let mut wrong: Vec<String> = null.collect();
    if matches!(mode, Mode::Merge(_)) {
        wrong.push("COUNT(*) > 1".to_owned());
    }
    let names = columns("", key.iter().map(String::as_str));
    format!(
        "SELECT {names}, COUNT(*) FROM ({}) AS incoming GROUP BY {names} HAVING {} LIMIT 1",
        union(stages, &of),
        wrong.join(" OR ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_merge_minds_keys_that_occur_twice() {
        let stage = TableName { project: "p".into(), dataset: "d".into(), table: "s".into() };
        let key = vec!["a".to_owned()];
        let asked = |mode: &Mode| sql(std::slice::from_ref(&stage), &key, mode);
        assert_eq!(
            asked(&Mode::Merge(key.clone())),
            "SELECT `a`, COUNT(*) FROM (SELECT `a` FROM `p`.`d`.`s`) AS incoming \
             GROUP BY `a` HAVING `a` IS NULL OR COUNT(*) > 1 LIMIT 1"
        );
        assert!(!asked(&Mode::DeleteInsert(key.clone())).contains("> 1"));
    }
}
