//! The catalog, as clients ask it.

use crate::tds::Tds;

fn texts(rows: &[&[&str]]) -> Vec<Vec<Option<String>>> {
    let text = |text: &&str| Some((*text).to_owned()).filter(|text| text != "null");
    rows.iter().map(|row| row.iter().map(text).collect()).collect()
}

fn with_tables() -> Tds {
    let server = Tds::start();
    server.execute(
        "shop",
        "create schema [sales & co]; \
         create table [sales & co].[a]]b.c] (id int identity(5, 2), [order] nvarchar(40) not null, \
           total as id * 2 persisted, ssn char(9) masked with (function = 'default()'), v rowversion, \
           constraint pk primary key ([order] desc, id)); \
         create unique index ux on [sales & co].[a]]b.c] (ssn) where ssn is not null; \
         insert [sales & co].[a]]b.c] ([order], ssn) values (N'x', '1'), (N'y', '2'); \
         create view v as select id, total from [sales & co].[a]]b.c]; \
         create synonym s for [sales & co].[a]]b.c]",
    );
    server
}

#[test]
fn columns_and_keys_are_told() {
    let server = with_tables();
    let found = server.rows(
        "shop",
        "select c.name, t.name, c.max_length, c.is_nullable, c.is_identity, c.is_computed, c.is_masked \
         from sys.columns c join sys.types t on t.user_type_id = c.user_type_id \
         where c.object_id = object_id(N'[sales & co].[a]]b.c]') order by c.column_id",
    );
    let expected = texts(&[
        &["id", "int", "4", "0", "1", "0", "0"],
        &["order", "nvarchar", "80", "0", "0", "0", "0"],
        &["total", "int", "4", "1", "0", "1", "0"],
        &["ssn", "char", "9", "1", "0", "0", "1"],
        &["v", "timestamp", "8", "0", "0", "0", "0"],
    ]);
    assert_eq!(found, expected);
    let key = server.rows(
        "shop",
        "select i.name, c.name, ic.key_ordinal, ic.is_descending_key, i.has_filter from sys.indexes i \
         join sys.index_columns ic on ic.object_id = i.object_id and ic.index_id = i.index_id \
         join sys.columns c on c.object_id = ic.object_id and c.column_id = ic.column_id \
         where i.is_unique = 1 order by i.is_primary_key desc, ic.key_ordinal",
    );
    let expected = texts(&[
        &["pk", "order", "1", "1", "0"],
        &["pk", "id", "2", "0", "0"],
        &["ux", "ssn", "1", "0", "1"],
    ]);
    assert_eq!(key, expected);
}

#[test]
fn a_query_is_described() {
    let server = with_tables();
    let mut session = server.session("shop");
    let rows = session.rows(
        "select name, system_type_name, is_nullable from sys.dm_exec_describe_first_result_set(\
         N'select *, cast(1.50 as decimal(9, 3)), sysutcdatetime() as at from s', null, 0)",
    );
    let expected = texts(&[
        &["id", "int", "0"],
        &["order", "nvarchar(40)", "0"],
        &["total", "int", "1"],
        &["ssn", "char(9)", "1"],
        &["v", "timestamp", "0"],
        &["null", "decimal(9,3)", "1"],
        &["at", "datetime2(7)", "0"],
    ]);
    assert_eq!(rows, expected);
}

#[test]
fn queries_with_all_their_parts_are_answered() {
    let server = with_tables();
    let sql = "with n as (select value as n from generate_series(1, 9)) \
               select k, c from (select n % 3 as k, count_big(*) as c, row_number() over (order by n % 3 desc) as r \
                 from n where n <> 5 group by n % 3) as g order by k offset 1 row fetch next 5 rows only";
    // Windows over groups are not there: the query says so, and the same is asked in two steps.
    assert!(server.try_execute("shop", sql).unwrap_err().contains("windows over groups"));
    let sql = "with n as (select value as n from generate_series(1, 9)), \
                 g as (select n % 3 as k, count_big(*) as c from n where n <> 5 group by n % 3 having count_big(*) > 1) \
               select top (9) k, c, row_number() over (order by k desc) from g \
               union all select null, max(v.total), count(distinct ssn) from v right join [sales & co].[a]]b.c] b on b.id = v.id \
               order by k desc";
    let expected =
        texts(&[&["2", "2", "1"], &["1", "3", "2"], &["0", "3", "3"], &["null", "14", "2"]]);
    assert_eq!(server.rows("shop", sql), expected);
    let borders = "select k0 from (select id as k0, row_number() over (order by id) as n from s) as walk where n > 1 and n % 1 = 0 order by n";
    assert_eq!(server.rows("shop", borders), texts(&[&["7"]]));
}

#[test]
fn what_may_not_be_stored_is_refused() {
    let server = with_tables();
    for (sql, number) in [
        ("insert [sales & co].[a]]b.c] ([order]) values (null)", "515"),
        (
            "set identity_insert [sales & co].[a]]b.c] on; insert [sales & co].[a]]b.c] (id, [order]) values (5, N'X')",
            "2627",
        ),
        ("insert [sales & co].[a]]b.c] ([order], ssn) values (N'z', '0123456789')", "2628"),
        ("insert [sales & co].[a]]b.c] ([order], v) values (N'z', 0x01)", "273"),
        ("create table v (a int)", "2714"),
        ("insert nothing values (1)", "208"),
    ] {
        let refused = server.try_execute("shop", sql).unwrap_err();
        assert!(refused.starts_with(&format!("{number} ")), "{sql}: {refused}");
    }
}

#[test]
fn a_query_is_followed_to_its_tables() {
    let server = with_tables();
    server.execute("shop", "create view w as select total as sum, id + 1 as more from v");
    let rows = server.rows(
        "shop",
        "select name, is_hidden, is_computed_column, source_database, source_schema, source_table, \
         source_column from sys.dm_exec_describe_first_result_set(N'select * from w', null, 1)",
    );
    let table = ["shop", "sales & co", "a]b.c"];
    let of = |name, hidden, computed, column| {
        let [database, schema, table] = table;
        [name, hidden, computed, database, schema, table, column]
    };
    let expected = [
        of("sum", "0", "1", "total"),
        ["more", "0", "0", "null", "null", "null", "null"],
        of("order", "1", "0", "order"),
        of("id", "1", "0", "id"),
    ];
    assert_eq!(rows, texts(&expected.each_ref().map(|row| &row[..])));
    let base = server.rows(
        "shop",
        "select parsename(base_object_name, 2), parsename(base_object_name, 1), \
         parsename(base_object_name, 3) from sys.synonyms",
    );
    assert_eq!(base, texts(&[&["sales & co", "a]b.c", "null"]]));
}

#[test]
fn tables_of_other_kinds_are_told_and_read_as_they_may_be() {
    let server = Tds::start();
    server.execute(
        "shop",
        "alter database shop set allow_snapshot_isolation on; \
         create table m (id int not null primary key) with (memory_optimized = on); \
         create external table x (id int) with (location = 'f'); \
         create table n (id int) as node; insert n values (7); \
         create table s (id int, a int sparse, b int sparse, c xml column_set for all_sparse_columns); \
         insert s (id, b) values (1, 2)",
    );
    let kinds =
        "select name, is_memory_optimized, is_external, is_node from sys.tables order by name";
    let expected = texts(&[
        &["m", "1", "0", "0"],
        &["n", "0", "0", "1"],
        &["s", "0", "0", "0"],
        &["x", "0", "1", "0"],
    ]);
    assert_eq!(server.rows("shop", kinds), expected);
    assert_eq!(server.rows("shop", "select * from s"), texts(&[&["1", "<b>2</b>"]]));
    let node = r#"{"type":"node","schema":"dbo","table":"n","id":0}"#;
    assert_eq!(server.rows("shop", "select * from n"), texts(&[&[node, "7"]]));
    let internal =
        server.rows("shop", "select name from sys.columns where graph_type = 1 and is_hidden = 1");
    let hidden = internal[0][0].clone().unwrap();
    for (sql, number) in [
        (format!("select [{hidden}] from n"), "13908"),
        ("begin transaction; select id from m".to_owned(), "41368"),
        ("set transaction isolation level snapshot; select id from m".to_owned(), "41332"),
        ("set transaction isolation level snapshot; select id from x".to_owned(), "3996"),
    ] {
        let refused = server.try_execute("shop", &sql).unwrap_err();
        assert!(refused.starts_with(&format!("{number} ")), "{sql}: {refused}");
    }
    for sql in ["select id from m", "begin transaction; select id from m with (snapshot); commit"] {
        assert_eq!(server.try_execute("shop", sql), Ok(()), "{sql}");
    }
    let cut =
        "set textsize 3; select cast('abcd' as varchar(max)), cast(0x01020304 as varbinary(4))";
    assert_eq!(server.rows("shop", cut), texts(&[&["abc", "01020304"]]));
}
