//! `information_schema`.

use super::session::Failure;
use super::state::State;

/// The SQLite table of one in `information_schema`.
pub(crate) fn schema_table(name: &str) -> Result<String, Failure> {
    let name = name.to_lowercase();
    match ["tables", "columns", "schemata"].contains(&name.as_str()) {
        true => Ok(format!("information_schema.{name}")),
        false => Err(Failure::detail(format!(
            "Table [{name}] does not exist in database [information_schema]."
        ))),
    }
}

const SCHEMA: &str = r#"
    drop table if exists temp."information_schema.tables";
    drop table if exists temp."information_schema.columns";
    drop table if exists temp."information_schema.schemata";
    create temp table "information_schema.schemata" (CATALOG_NAME, SCHEMA_NAME);
    create temp table "information_schema.tables" (TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME,
        TABLE_TYPE, ENGINE, VERSION, ROW_FORMAT, TABLE_ROWS, AVG_ROW_LENGTH, DATA_LENGTH,
        MAX_DATA_LENGTH, INDEX_LENGTH, DATA_FREE, AUTO_INCREMENT, CREATE_TIME, UPDATE_TIME,
        CHECK_TIME, TABLE_COLLATION, CHECKSUM, CREATE_OPTIONS, TABLE_COMMENT);
    create temp table "information_schema.columns" (TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME,
        COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, DATA_TYPE,
        CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,
        DATETIME_PRECISION, CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_TYPE, COLUMN_KEY, EXTRA,
        PRIVILEGES, COLUMN_COMMENT, COLUMN_SIZE, DECIMAL_DIGITS, GENERATION_EXPRESSION, SRS_ID);
"#;

/// Fills `information_schema` with what is there now. Counts of rows lag behind, as they do.
pub(crate) fn fill_information_schema(state: &mut State) -> Result<(), Failure> {
    let lite = |e: rusqlite::Error| Failure::detail(e);
    state.sqlite.execute_batch(SCHEMA).map_err(lite)?;
    for name in &state.databases {
        let sql = r#"insert into "information_schema.schemata" values ('internal', ?)"#;
        state.sqlite.execute(sql, [name]).map_err(lite)?;
    }
    for table in state.tables.values() {
        let rows = i64::try_from(table.rows_known).expect("fits");
        let sql = r#"insert into "information_schema.tables" (TABLE_CATALOG, TABLE_SCHEMA,
            TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, TABLE_COLLATION, TABLE_COMMENT)
            values ('internal', ?, ?, 'BASE TABLE', 'Doris', ?, 'utf-8', ?)"#;
        let row = rusqlite::params![table.database, table.name, rows, table.comment];
        state.sqlite.execute(sql, row).map_err(lite)?;
        for (n, column) in table.columns.iter().enumerate() {
            let (data, whole) = column.kind.schema_texts();
            let sizes = sizes(&column.kind);
            let key = if column.key { table.model.column_key() } else { "" };
            let sql = r#"insert into "information_schema.columns" (TABLE_CATALOG, TABLE_SCHEMA,
                TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, DATA_TYPE,
                CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,
                DATETIME_PRECISION, COLUMN_TYPE, COLUMN_KEY, EXTRA, PRIVILEGES, COLUMN_COMMENT,
                COLUMN_SIZE, DECIMAL_DIGITS)
                values ('internal', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, ?)"#;
            let row = rusqlite::params![
                table.database,
                table.name,
                column.name,
                i64::try_from(n + 1).expect("small"),
                column.default,
                if column.nullable { "YES" } else { "NO" },
                data,
                sizes[0],
                sizes[0],
                sizes[1],
                sizes[2],
                sizes[3],
                whole,
                key,
                column.comment,
                sizes[0].or(sizes[1]),
                sizes[2],
            ];
            state.sqlite.execute(sql, row).map_err(lite)?;
        }
    }
    let counts: Vec<_> = state.tables.iter().map(|(n, t)| (n.clone(), state.count(t))).collect();
    for (name, count) in counts {
        if let Some(table) = state.tables.get_mut(&name) {
            table.rows_known = count;
        }
    }
    Ok(())
}

/// Bytes, digits, scale, digits of a second.
fn sizes(kind: &super::kinds::Kind) -> [Option<i64>; 4] {
    use super::kinds::Kind;
    match kind {
        Kind::Char(n) | Kind::Varchar(n) => [i64::try_from(*n).ok(), None, None, None],
        Kind::Text => [Some(2_147_483_643), None, None, None],
        Kind::Decimal(digits, scale) => [None, Some((*digits).into()), Some((*scale).into()), None],
        Kind::DateTime(digits) => [None, None, None, Some((*digits).into())],
        Kind::TinyInt => [None, Some(3), Some(0), None],
        Kind::SmallInt => [None, Some(5), Some(0), None],
        Kind::Int => [None, Some(10), Some(0), None],
        Kind::BigInt => [None, Some(19), Some(0), None],
        Kind::LargeInt => [None, Some(39), Some(0), None],
        _ => [None; 4],
    }
}
