//! The statements that publish a load where it has a key.

use super::field::Column;
use super::name::TableName;
use super::quote::{columns, identifier, table};

/// Updates rows with the same key, and adds the others.
pub(super) fn merge(
    target: &TableName,
    stages: &[TableName],
    all: &[Column],
    key: &[String],
) -> String {
    let others = names(all).filter(|name| !key.iter().any(|key| key == name));
    let updates = others.map(|name| {
        let name = identifier(name);
        format!("{name} = incoming.{name}")
    });
    let updates = updates.collect::<Vec<_>>().join(", ");
    let matched = match updates.is_empty() {
        true => String::new(),
        false => format!("WHEN MATCHED THEN UPDATE SET {updates} "),
    };
    format!(
        "MERGE INTO {} AS existing USING ({}) AS incoming ON {} {matched}\
         WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        table(target),
        union(stages, all),
        same_key(key),
        columns("", names(all)),
        columns("incoming.", names(all)),
    )
}

/// Deletes the rows whose key occurs in the load, then adds its rows: one transaction.
pub(super) fn delete_insert(
    target: &TableName,
    stages: &[TableName],
    all: &[Column],
    key: &[String],
) -> String {
    let keys: Vec<Column> =
        all.iter().filter(|column| key.contains(&column.name)).cloned().collect();
    format!(
        "BEGIN TRANSACTION; \
         DELETE FROM {target} AS existing \
         WHERE EXISTS (SELECT 1 FROM ({}) AS incoming WHERE {}); \
         INSERT INTO {target} ({}) {}; \
         COMMIT TRANSACTION;",
        union(stages, &keys),
        same_key(key),
        columns("", names(all)),
        union(stages, all),
        target = table(target),
    )
}

/// The rows of all stage tables.
pub(super) fn union(stages: &[TableName], of: &[Column]) -> String {
    let names = columns("", names(of));
    let each = stages.iter().map(|stage| format!("SELECT {names} FROM {}", table(stage)));
    each.collect::<Vec<_>>().join(" UNION ALL ")
}

fn same_key(key: &[String]) -> String {
    let same = key.iter().map(|name| {
        let name = identifier(name);
        format!("existing.{name} = incoming.{name}")
    });
    same.collect::<Vec<_>>().join(" AND ")
}

fn names(columns: &[Column]) -> impl Iterator<Item = &str> {
    columns.iter().map(|column| column.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::bigquery::field::{Kind, Mode};

    fn name(table: &str) -> TableName {
        TableName { project: "p".into(), dataset: "d".into(), table: table.into() }
    }

    fn all() -> Vec<Column> {
        let column = |name: &str| Column::new(name, Kind::Int64, Mode::Nullable);
        vec![column("id"), column("a`b")]
    }

    #[test]
    fn a_merge_updates_what_is_no_key() {
        let stages = [name("s1"), name("s2")];
        assert_eq!(
            merge(&name("t"), &stages, &all(), &["id".to_owned()]),
            "MERGE INTO `p`.`d`.`t` AS existing USING (\
             SELECT `id`, `a\\`b` FROM `p`.`d`.`s1` UNION ALL \
             SELECT `id`, `a\\`b` FROM `p`.`d`.`s2`) AS incoming \
             ON existing.`id` = incoming.`id` \
             WHEN MATCHED THEN UPDATE SET `a\\`b` = incoming.`a\\`b` \
             WHEN NOT MATCHED THEN INSERT (`id`, `a\\`b`) \
             VALUES (incoming.`id`, incoming.`a\\`b`)"
        );
        let only_keys = merge(&name("t"), &stages[..1], &all()[..1], &["id".to_owned()]);
        assert!(!only_keys.contains("WHEN MATCHED"), "{only_keys}");
    }

    #[test]
    fn a_delete_and_an_insert_are_one_transaction() {
        let sql = delete_insert(&name("t"), &[name("s1")], &all(), &["id".to_owned()]);
        assert_eq!(
            sql,
            "BEGIN TRANSACTION; \
             DELETE FROM `p`.`d`.`t` AS existing WHERE EXISTS (SELECT 1 FROM (\
             SELECT `id` FROM `p`.`d`.`s1`) AS incoming WHERE existing.`id` = incoming.`id`); \
             INSERT INTO `p`.`d`.`t` (`id`, `a\\`b`) SELECT `id`, `a\\`b` FROM `p`.`d`.`s1`; \
             COMMIT TRANSACTION;"
        );
    }
}
