//! Which types fit which, and what new columns are made of.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};

use super::Database;
use crate::connectors::postgres::encode::{
    Encoder, fits, new_type, source_type, widened, wished_type,
};
use crate::error::Kind;

fn field(kind: DataType, source: &str) -> Field {
    let field = Field::new("v", kind, true);
    if source.is_empty() {
        return field;
    }
    let source = format!("postgres:{source}");
    field.with_metadata(HashMap::from([(source_type::KEY.to_owned(), source)]))
}

fn list(kind: DataType) -> DataType {
    DataType::new_list(kind, true)
}

#[test]
fn a_type_fits_where_no_value_of_it_changes() {
    use DataType as D;
    let database = Database::new("fits");
    database.psql("create domain price as numeric(6,2); create type mood as enum ('sad')");
    let instant = D::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let wall = D::Timestamp(TimeUnit::Second, None);
    let cases = [
        (D::Int32, "", "bigint", true, None),
        (D::Int64, "", "integer", false, Some("bigint")),
        (D::UInt64, "", "bigint", false, Some("numeric(20,0)")),
        (D::UInt64, "", "numeric(20,0)", true, None),
        (D::UInt64, "", "numeric(19,0)", false, Some("numeric(20,0)")),
        (D::UInt16, "", "smallint", false, Some("integer")),
        (D::Int8, "", "boolean", false, None),
        (D::Float64, "", "real", false, Some("double precision")),
        (D::Float64, "", "numeric", false, None),
        (D::Int64, "", "double precision", false, None),
        (D::Decimal128(20, 4), "", "numeric(12,2)", false, Some("numeric(20,4)")),
        (D::Decimal128(12, 2), "", "numeric(12,4)", false, Some("numeric(14,4)")),
        (D::Decimal128(12, 2), "", "numeric(14,4)", true, None),
        (D::Decimal128(12, 2), "", "integer", false, Some("numeric(12,2)")),
        (D::Decimal128(12, 2), "", "numeric", true, None),
        (D::Decimal128(5, 0), "numeric(3,-2)", "numeric(3,-2)", true, None),
        (D::Utf8, "", "numeric", false, None),
        (D::Utf8, "numeric", "numeric", true, None),
        (D::Utf8, "price", "price", true, None),
        (D::Utf8, "", "date", false, None),
        (D::Utf8, "date", "date", true, None),
        (D::Utf8, "date", "timestamp", false, None),
        (D::Utf8, "timestamp(3) without time zone", "timestamp(6)", true, None),
        (D::Utf8, "", "uuid", true, None),
        (D::Utf8, "", "jsonb", true, None),
        (D::Utf8, "", "mood", true, None),
        (D::Utf8, "", "tsvector", false, None),
        (D::Utf8, "tsvector", "tsvector", true, None),
        (D::Utf8, "tsvector", "tsquery", false, None),
        (D::Utf8, "", "bytea", false, None),
        (D::Int64, "", "text", false, None),
        (D::Binary, "", "text", false, None),
        (D::FixedSizeBinary(16), "", "uuid", true, None),
        (D::FixedSizeBinary(15), "", "uuid", false, None),
        (instant.clone(), "", "timestamptz", true, None),
        (instant, "", "timestamp", false, None),
        (wall.clone(), "", "timestamptz", false, None),
        (wall, "", "timestamp", true, None),
        (D::Date32, "", "timestamp", false, None),
        (list(D::Int32), "", "integer[]", true, None),
        (list(D::Int32), "", "bigint[]", true, None),
        (list(D::Int64), "", "integer[]", false, None),
        (list(list(D::Int32)), "", "integer[]", true, None),
        (list(D::Int32), "", "integer", false, None),
        (D::Int32, "", "integer[]", false, None),
        (D::Utf8, "integer[]", "integer[]", true, None),
        (D::Utf8, "", "integer[]", false, None),
        (list(D::Utf8), "int4range[]", "int4range[]", true, None),
        (list(D::Utf8), "", "int4range[]", false, None),
        (D::Null, "", "int4range", true, None),
        (list(D::Null), "", "integer", false, None),
        (list(D::Null), "", "integer[]", true, None),
        (D::Utf8, "interval", "interval(3)", false, None),
        (D::Utf8, "interval(3)", "interval(3)", true, None),
        (D::Utf8, "numeric[]", "numeric(5,2)[]", false, None),
        (D::Utf8, "character varying(9)", "varchar(3)", true, None),
        (D::Dictionary(Box::new(D::Int8), Box::new(D::Utf8)), "", "text", true, None),
    ];
    for (at, (kind, source, column, expected, wider)) in cases.into_iter().enumerate() {
        database.psql(&format!("create table t{at} (v {column})"));
        let columns = database.columns(&format!("t{at}"));
        let field = field(kind, source);
        let found = (fits(&field, &columns[0]), widened(&field, &columns[0]));
        assert_eq!(found, (expected, wider.map(str::to_owned)), "{field:?} {column}");
    }
}

#[test]
fn every_field_that_does_not_fit_is_named_with_both_types() {
    let database = Database::new("drift");
    let made = "generated always as (id) stored";
    database.psql(&format!(
        "create table t (id int, at timestamptz, twice int {made}, paid money, ok text)"
    ));
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Second, None), true),
        Field::new("twice", DataType::Int32, true),
        Field::new("paid", DataType::Utf8, true),
        Field::new("ok", DataType::Utf8, true),
    ]);
    let error = Encoder::new(&schema, &database.columns("t")).unwrap_err();
    assert_eq!(error.kind(), Kind::Drift);
    insta::assert_snapshot!(error.report(), @r"
    error: the columns of the load do not fit those of the table
      `id`:    Int64 in the load, integer in the table
      `at`:    Timestamp(s) in the load, timestamp with time zone in the table
      `twice`: Int32 in the load, integer in the table
      `paid`:  Utf8 in the load, money in the table

    hint: cast it in the model, or write the table anew with `mode: replace`; each locale writes amounts of money in its own way: cast it to a decimal in the model, or let the source give it as one; say in the model which zone it is of, such as `cast(x as timestamp with time zone)` for UTC; the server computes this column: leave it out of the model
    ");
}

#[test]
fn a_new_column_has_the_type_of_the_source_while_its_values_fit() {
    use DataType as D;
    let cases = [
        (D::Int32, "", "integer"),
        (D::UInt32, "", "bigint"),
        (D::UInt64, "", "numeric(20,0)"),
        (D::Decimal128(12, 2), "numeric(12,2)", "numeric(12,2)"),
        (D::Decimal128(38, 2), "numeric(12,2)", "numeric(38,2)"),
        (D::Decimal128(5, -3), "", "numeric(8,0)"),
        (D::Decimal128(3, 5), "", "numeric(5,5)"),
        (D::Decimal128(19, 2), "money", "money"),
        (list(D::Decimal128(19, 2)), "money[]", "money[]"),
        (D::Utf8, "money", "text"),
        (D::Utf8, "numeric", "numeric"),
        (D::Utf8, "character varying(20)", "character varying(20)"),
        (D::Utf8, "character(3)", "character(3)"),
        (D::Utf8, "jsonb", "jsonb"),
        (D::Utf8, "inet", "inet"),
        (D::Utf8, "bit varying(5)", "bit varying(5)"),
        (D::Utf8, "interval year to month", "interval year to month"),
        (D::Utf8, "mood", "text"),
        (D::Utf8, "integer", "text"),
        (D::Int64, "integer", "bigint"),
        (list(D::Int32), "integer[]", "integer[]"),
        (list(D::Utf8), "inet[]", "inet[]"),
        (list(list(D::Int16)), "", "smallint[][]"),
        (
            D::Timestamp(TimeUnit::Microsecond, None),
            "timestamp(3) without time zone",
            "timestamp(3) without time zone",
        ),
        (D::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), "", "timestamp with time zone"),
        (D::FixedSizeBinary(16), "", "bytea"),
        (D::FixedSizeBinary(16), "uuid", "uuid"),
        (D::Null, "", "text"),
    ];
    for (kind, source, expected) in cases {
        let field = field(kind, source);
        assert_eq!(new_type(&field).unwrap(), expected, "{field:?}");
    }
    let uuid = [("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())];
    let uuid = field(DataType::FixedSizeBinary(16), "").with_metadata(HashMap::from(uuid));
    assert_eq!(new_type(&uuid).unwrap(), "uuid");
    assert_eq!(wished_type(&field(DataType::Utf8, "app.mood")), Some("app.mood"));
    assert_eq!(wished_type(&field(DataType::Utf8, "inet")), None);
}

#[test]
fn a_struct_of_what_json_cannot_say_has_no_column() {
    let fields = Fields::from(vec![Field::new("a", DataType::Binary, true)]);
    let error = new_type(&field(DataType::Struct(fields), "")).unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    insta::assert_snapshot!(error.report(), @r#"
    error: column `v` has a type that no column of Postgres holds
      type: Struct("a": Binary)

    hint: bytes, intervals and two fields of one name have no form in JSON: leave them out in the model, or write them as text
    "#);
}
