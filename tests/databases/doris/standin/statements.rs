//! Statements: tables made and changed, rows put, taken away and asked for.

use super::{state_of, with_tables};
use crate::doris::stand::Doris;

#[test]
fn create_table_keeps_its_rules() {
    let doris = Doris::start();
    let tail = "distributed by hash (a) buckets 1 properties ('replication_num'='1')";
    for (columns, key, tail, said) in [
        (
            "a string, b int",
            "duplicate key (a)",
            tail,
            "String Type should not be used in key column[a].",
        ),
        ("a double, b int", "unique key (a)", tail, "Float or double can not used as a key"),
        ("b int, a int", "duplicate key (a)", tail, "Key columns should be a ordered prefix"),
        ("a varchar(65534)", "duplicate key (a)", tail, "VARCHAR size must be between 1 and 65533"),
        (
            "a decimal(39,0)",
            "duplicate key (a)",
            tail,
            "Precision of decimal must between 1 and 38",
        ),
        (
            "a int, a int",
            "duplicate key (a)",
            tail,
            "1060 errCode = 2, detailMessage = Duplicate column name",
        ),
        ("a int, b int", "unique key (b)", tail, "Key columns should be"),
        ("a string, b int", "", tail, "The olap table first column could not be"),
        ("a int", "duplicate key (a)", "", "should contain distribution desc"),
        (
            "a int",
            "duplicate key (a)",
            "distributed by hash (a) buckets 1",
            "Failed to find enough backend",
        ),
        ("a time", "duplicate key (a)", tail, "TIME type is not supported"),
    ] {
        let said_it =
            doris.try_sql(&format!("create table x ({columns}) {key} {tail}")).unwrap_err();
        assert!(said_it.contains(said), "{columns}: {said_it}");
    }
    let wrong =
        doris.try_sql(&format!("create table _x (a int) duplicate key (a) {tail}")).unwrap_err();
    assert!(wrong.starts_with("1103 ") && wrong.contains("Incorrect table name '_x'"), "{wrong}");
    let create = format!("create table x (a int) duplicate key (a) {tail}");
    doris.sql(&create);
    assert!(doris.try_sql(&create).unwrap_err().starts_with("1050 "));
    doris.sql(&create.replace("table x", "table if not exists x"));
    assert!(doris.try_sql("drop table y").unwrap_err().starts_with("1051 "));
    let missing = doris.try_sql("select * from y").unwrap_err();
    assert_eq!(
        missing,
        "1105 errCode = 2, detailMessage = Table [y] does not exist in database [shop]."
    );
}

#[test]
fn a_table_is_shown_as_it_was_made() {
    let doris = Doris::start();
    doris.sql(
        "CREATE TABLE `wide` (`k` bigint NOT NULL COMMENT 'the \"key\"', `s` varchar(10) NULL DEFAULT 'x', \
         `a` array<struct<n:int,t:string>>, `m` map<string,decimal(10,2)>, `j` json) ENGINE=OLAP UNIQUE KEY(`k`) \
         COMMENT 'about' DISTRIBUTED BY HASH(`k`) BUCKETS AUTO PROPERTIES (\"replication_num\" = \"1\")",
    );
    assert_eq!(
        doris.definition("wide"),
        "CREATE TABLE `wide` (\n  `k` bigint NOT NULL COMMENT \"the \\\"key\\\"\",\n  \
         `s` varchar(10) NULL DEFAULT \"x\",\n  `a` array<struct<n:int,t:text>> NULL,\n  \
         `m` map<text,decimal(10,2)> NULL,\n  `j` json NULL\n) ENGINE=OLAP\nUNIQUE KEY(`k`)\n\
         COMMENT \"about\"\nDISTRIBUTED BY HASH(`k`) BUCKETS AUTO\nPROPERTIES (\n\
         \"replication_allocation\" = \"tag.location.default: 1\",\n\
         \"enable_unique_key_merge_on_write\" = \"true\"\n);"
    );
    let columns = doris.sql(
        "select column_name, column_type, column_key, is_nullable from information_schema.columns \
         where table_schema = 'shop' and table_name = 'wide' order by ordinal_position limit 2",
    );
    let texts: Vec<String> = columns.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(
        texts,
        [
            r#"[Some("k"), Some("bigint(20)"), Some("UNI"), Some("NO")]"#,
            r#"[Some("s"), Some("varchar(10)"), Some(""), Some("YES")]"#,
        ]
    );
    let comment = "select table_comment from information_schema.tables where table_name = 'wide'";
    assert_eq!(doris.sql(comment), [[Some("about".to_owned())]]);
    assert_eq!(doris.sql("desc wide")[0][1].as_deref(), Some("bigint"));
}

#[test]
fn tables_are_swapped_without_comparing_them() {
    let doris = with_tables();
    doris.sql("insert into t values (1, 'a', 1, null)");
    doris.sql("insert into u values (7, 'seven'), (8, 'eight')");
    doris.sql("alter table t replace with table u properties('swap' = 'true')");
    assert_eq!((doris.count("t"), doris.count("u")), (Some(2), Some(1)));
    doris.sql("alter table t replace with table u properties('swap' = 'false')");
    assert_eq!((doris.count("t"), doris.tables()), (Some(1), vec!["t".to_owned()]));
    doris.sql("alter table t modify comment 'of load 7'");
    assert_eq!(doris.comment("t").as_deref(), Some("of load 7"));
}

#[test]
fn a_changed_type_takes_its_time_and_an_added_column_does_not() {
    let doris = with_tables();
    doris.sql("insert into t (id, name) values (1, 'abc')");
    doris.sql("alter table t add column note varchar(3) default 'new'");
    doris.sql("alter table t modify column name varchar(20)");
    assert_eq!(doris.sql("desc t")[1][1].as_deref(), Some("varchar(5)"));
    let busy = doris.try_sql("alter table t add column more int").unwrap_err();
    assert!(busy.contains("Do not allow doing ALTER ops"), "{busy}");
    let state = || {
        let rows = doris
            .sql("show alter table column where TableName = 't' order by CreateTime desc limit 1");
        rows[0][9].clone().expect("a state")
    };
    assert_eq!([state(), state(), state()], ["RUNNING", "RUNNING", "FINISHED"]);
    assert_eq!(doris.sql("desc t")[1][1].as_deref(), Some("varchar(20)"));
    let row = r#"{"id":1,"name":"abc","price":null,"at":null,"note":"new"}"#;
    assert_eq!(doris.rows("t"), [row]);
    let short = doris.try_sql("alter table t modify column name varchar(2)").unwrap_err();
    assert!(short.contains("Shorten type length is prohibited"), "{short}");
}

#[test]
fn an_insert_is_one_transaction_with_a_label() {
    let doris = with_tables();
    doris.sql("insert into t with label `a-1` values (1, 'a', 1.005, null), (2, null, null, '2026-01-01 00:00:00')");
    let again =
        doris.try_sql("insert into t with label `a-1` select 3, 'c', null, null").unwrap_err();
    assert!(again.contains("Label [a-1] has already been used, relate to txn ["), "{again}");
    let bad = doris
        .try_sql("insert into t with label b values (4, 'ok', 1, null), (5, 'too long', 1, null)");
    assert!(bad.unwrap_err().starts_with("5025 "));
    assert_eq!(doris.labels()["b"], "ABORTED");
    assert_eq!(state_of(&doris, "a-1"), "VISIBLE");
    doris.sql("insert into t with label nothing select * from t where id > 100");
    assert_eq!(state_of(&doris, "nothing"), "UNKNOWN");
    let shown = doris.sql("show load where label = 'a-1'");
    assert_eq!(shown[0][2].as_deref(), Some("FINISHED"));
    assert_eq!(doris.sql("show transaction where label = 'a-1'")[0][3].as_deref(), Some("VISIBLE"));
    assert_eq!(doris.count("t"), Some(2));
}

#[test]
fn update_and_delete_keep_their_rules() {
    let doris = with_tables();
    doris.sql("insert into u values (1, 'a'), (2, 'b'), (3, 'c')");
    doris.sql("insert into t (id) values (1), (2), (3)");
    assert!(
        doris.try_sql("update t set name = 'x' where id = 1").unwrap_err().contains("Only unique")
    );
    assert!(
        doris
            .try_sql("update u set id = 9 where id = 1")
            .unwrap_err()
            .contains("Only value columns")
    );
    doris.sql("update u set name = 'x' where id = 1");
    doris.sql("delete from u where id in (select id from t where id = 2)");
    assert_eq!(doris.rows("u"), [r#"{"id":1,"name":"x"}"#, r#"{"id":3,"name":"c"}"#]);
    assert!(
        doris
            .try_sql("delete from t where id = 1 or id = 2")
            .unwrap_err()
            .contains("duplicate table")
    );
    doris.sql("delete from t where id in (1, 2) and name is null");
    assert_eq!(doris.count("t"), Some(1));
    doris.sql("truncate table t");
    assert_eq!(doris.count("t"), Some(0));
}

#[test]
fn queries_join_group_and_leave_out() {
    let doris = with_tables();
    doris.sql("insert into u values (1, 'a'), (2, 'b'), (3, 'b')");
    doris.sql("insert into t (id, name) values (2, 'b'), (4, 'd')");
    let groups = doris.sql("select `name`, count(*) as n from `shop`.`u` group by name having count(*) > 1 order by n limit 5");
    assert_eq!(groups, [[Some("b".to_owned()), Some("2".to_owned())]]);
    let left =
        doris.sql("select count(*) from u left anti join t on u.id = t.id where u.name <=> 'b'");
    assert_eq!(left, [[Some("1".to_owned())]]);
    let both = doris.sql("with w as (select id from t) select count(*) from shop.u a join w on a.id = w.id where shop.a.name = \"b\"");
    assert_eq!(both, [[Some("1".to_owned())]]);
    doris.sql(r#"insert into u values (9, '''a\\'''), (10, "\"''")"#);
    let texts = doris.sql("select name from u where id > 8 and name <> 'x' order by id").concat();
    assert_eq!(texts, [Some(r"'a\'".to_owned()), Some(r#""''"#.to_owned())]);
    let unknown = doris.try_sql("select nothing from u").unwrap_err();
    assert!(unknown.contains("Unknown column 'nothing'"), "{unknown}");
}
