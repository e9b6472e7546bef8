//! What only some modes do, and what tables are made.

use super::*;
use crate::error::Kind;

async fn error(yard: &Yard, mode: Mode, parts: &[&[Row]]) -> crate::error::Error {
    yard.load(&load("l1", mode), parts).await.unwrap_err()
}

#[tokio::test]
async fn a_missing_table_is_made_with_the_model_of_the_mode() {
    for mode in modes() {
        let yard = Yard::new("");
        yard.load(&load("l1", mode.clone()), PARTS).await.unwrap();
        assert_eq!(yard.rows(), "2=new 3=new 4=new", "{mode}");
        let model = if matches!(mode, Mode::Merge(_)) { "UNIQUE" } else { "DUPLICATE" };
        let definition = yard.doris.definition("t");
        assert!(definition.contains(&format!("{model} KEY(`id`)")), "{mode}: {definition}");
        assert!(definition.contains("`id` bigint NOT NULL"), "{mode}: {definition}");
        assert!(definition.contains("`word` text NULL"), "{mode}: {definition}");
    }
}

#[tokio::test]
async fn a_replaced_table_keeps_its_layout_and_its_comment_while_its_columns_stay() {
    for mode in [Mode::Truncate, Mode::Replace, Mode::DeleteInsert(key(&["id"]))] {
        let yard = yard(&mode);
        yard.load(&load("l1", mode.clone()), PARTS).await.unwrap();
        yard.load(&load("l2", mode.clone()), PARTS).await.unwrap();
        let definition = yard.doris.definition("t");
        assert!(definition.contains("`word` varchar(20)"), "{mode}: {definition}");
        let comment = yard.doris.comment("t").unwrap();
        assert!(comment.starts_with("words [dhow "), "{mode}: {comment}");
        assert_eq!(comment.matches("dhow").count(), 1, "{mode}: {comment}");
    }
}

#[tokio::test]
async fn replace_takes_other_columns() {
    let yard = Yard::new(
        "create table t (day date, id int) duplicate key (day) distributed by hash (day) buckets 1 properties ('replication_num' = '1')",
    );
    yard.load(&load("l1", Mode::Replace), PARTS).await.unwrap();
    assert_eq!(yard.rows(), "2=new 3=new 4=new");
    assert!(yard.doris.definition("t").contains("`id` bigint NOT NULL"));
}

#[tokio::test]
async fn rows_of_one_key_or_without_one_stop_a_merge_before_anything_is_published() {
    let merge = Mode::Merge(key(&["id"]));
    let yard = yard(&merge);
    let found = error(&yard, merge.clone(), &[&[(7, "a")], &[(7, "b")]]).await;
    assert_eq!(found.message(), "two rows of the load have the same key");
    assert!(found.report().contains("id=7"), "{}", found.report());
    assert_eq!(yard.rows(), "1=old 2=old");

    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let rows = RecordBatch::try_from_iter([
        ("id", ids),
        ("word", batch(&[(1, "a"), (2, "b")]).column(1).clone()),
    ])
    .unwrap();
    let delete = Mode::DeleteInsert(key(&["id"]));
    let yard = Yard::new(
        "create table t (id bigint, word varchar(20)) duplicate key (id) distributed by hash (id) \
         buckets 1 properties ('replication_num' = '1')",
    );
    let load = load_of("l2", delete, &rows);
    let sink = yard.sink();
    sink.prepare(&load).await.unwrap();
    let staged = [sink.write(&load, part_of("p", &rows)).await.unwrap()];
    let found = sink.commit(&load, &staged, &high("w")).await.unwrap_err();
    assert_eq!(found.message(), "a row of the load has no key, but NULL");
}

#[tokio::test]
async fn a_mode_that_would_lose_or_double_rows_in_this_table_is_refused() {
    let merge = Mode::Merge(key(&["id"]));
    for (table, mode, message) in [
        (
            table(&merge),
            Mode::Append,
            "appending to `t` would replace rows: it keeps one row of each key",
        ),
        (
            table(&Mode::Append),
            merge.clone(),
            "`t` keeps every row of a key, so none can be merged",
        ),
        (
            table(&merge),
            Mode::Merge(key(&["word"])),
            "the key of `t` is id, and not that of the mode",
        ),
    ] {
        let yard = Yard::new(&table);
        let found = yard.sink().inspect(&load("l1", mode.clone())).await.unwrap_err();
        assert_eq!((found.kind(), found.message()), (Kind::Config, message));
        let found = error(&yard, mode, PARTS).await;
        assert_eq!((found.kind(), found.message()), (Kind::Config, message));
        assert_eq!(yard.rows(), "");
    }
}

#[tokio::test]
async fn columns_are_added_and_widened_where_that_is_allowed() {
    let yard = Yard::new(
        "create table t (flag boolean, id int) duplicate key (flag) distributed by hash (flag) \
         buckets 1 properties ('replication_num' = '1')",
    );
    let fails = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap();
    assert_eq!(fails.schema.unwrap().fields().len(), 2);

    let yard = yard.option("on_schema_change", "widen");
    let target = yard.sink().inspect(&load("l1", Mode::Append)).await.unwrap();
    assert_eq!(
        target.notes,
        [
            "tables that begin with `dhow__` are made in database `shop`; the user needs the \
             privileges SELECT, LOAD, ALTER, CREATE and DROP there",
            "the table changes: alter table `t` modify column `id` BIGINT null",
            "the table changes: alter table `t` add column `word` STRING null",
        ]
    );
    yard.load(&load("l1", Mode::Append), PARTS).await.unwrap();
    assert_eq!(yard.rows(), "2=new 3=new 4=new");
}

#[tokio::test]
async fn starrocks_takes_every_mode_in_its_own_words() {
    let layout = Layout { starrocks: true, ..Layout::default() };
    for mode in modes() {
        for compression in ["none", "gz"] {
            let yard = Yard::with(&layout, "").option("dialect", "starrocks");
            let yard = yard.option("compression", compression);
            yard.load(&load("l1", mode.clone()), &[&[(1, "old"), (2, "old")]]).await.unwrap();
            assert_eq!(yard.rows(), "1=old 2=old", "{mode}");
            yard.load(&load("l2", mode.clone()), PARTS).await.unwrap();
            assert_eq!(yard.rows(), after(&mode), "{mode}");
            assert_eq!(yard.left(), Vec::<String>::new(), "{mode}");
        }
    }
}
