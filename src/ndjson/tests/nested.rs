//! Lists, structs and maps.

use arrow::array::{
    Array, FixedSizeListArray, Int32Array, LargeListArray, ListArray, ListViewArray, MapArray,
    StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{Fields, Int32Type};

use super::*;

const SMALL: Form = Form::Integer { bits: 8, quoted: false };

fn list(items: Form, null_items: bool, null_list: NullList) -> Form {
    Form::List { items: Box::new(items), null_items, null_list }
}

fn map(keys: Form, values: Form, null_values: bool) -> Form {
    let (keys, values) = (Box::new(keys), Box::new(values));
    Form::Map { keys, values, null_values, null_map: NullList::Keep }
}

fn numbers() -> Vec<Option<Vec<Option<i32>>>> {
    vec![Some(vec![Some(1), Some(2)]), None, Some(vec![]), Some(vec![None]), Some(vec![Some(-3)])]
}

/// Maps of these entries, `None` for a NULL.
fn maps(keys: ArrayRef, values: ArrayRef, lengths: &[Option<usize>]) -> MapArray {
    let fields = Fields::from(vec![
        Field::new("keys", keys.data_type().clone(), false),
        Field::new("values", values.data_type().clone(), true),
    ]);
    let entries = StructArray::new(fields.clone(), vec![keys, values], None);
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|length| length.unwrap_or(0)));
    let nulls = NullBuffer::from_iter(lengths.iter().map(Option::is_some));
    MapArray::new(field, offsets, entries, Some(nulls), false)
}

#[test]
fn lists_of_all_kinds_are_arrays() {
    let expected = "{\"a\":[1,2]}\n{}\n{\"a\":[]}\n{\"a\":[null]}\n{\"a\":[-3]}\n";
    let form = || list(SMALL, true, NullList::Keep);
    let array = ListArray::from_iter_primitive::<Int32Type, _, _>(numbers());
    let views: ListViewArray = array.clone().into();
    assert_eq!(values(array.clone(), form()), expected);
    assert_eq!(values(views, form()), expected);
    let large = LargeListArray::from_iter_primitive::<Int32Type, _, _>(numbers());
    assert_eq!(values(large, form()), expected);
    let pairs = vec![Some(vec![Some(1), Some(2)]), None, Some(vec![Some(3), None])];
    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(pairs, 2);
    assert_eq!(values(fixed.clone(), form()), "{\"a\":[1,2]}\n{}\n{\"a\":[3,null]}\n");
    assert_eq!(values(fixed.slice(1, 2), form()), "{}\n{\"a\":[3,null]}\n");
    assert_eq!(values(array.slice(3, 2), form()), "{\"a\":[null]}\n{\"a\":[-3]}\n");
}

#[test]
fn a_null_in_the_place_of_a_list_is_refused_or_empty_or_a_null() {
    let array =
        || ListArray::from_iter_primitive::<Int32Type, _, _>(vec![None, Some(vec![Some(1)])]);
    let (text, misfits) = column(array(), list(SMALL, true, NullList::Refuse));
    assert_eq!(text, "{\"a\":[1]}\n");
    assert_eq!(misfits, ["0 a: NULL: the column takes no NULL in the place of a list"]);
    let empty = values(array(), list(SMALL, true, NullList::Empty));
    assert_eq!(empty, "{\"a\":[]}\n{\"a\":[1]}\n");
    let batch = batch(vec![Arc::new(array())]);
    let mut columns = columns(vec![list(SMALL, true, NullList::Keep)]);
    columns[0].required = true;
    assert_eq!(written(&mut lines(&batch, columns), &batch).1, misfits);
}

#[test]
fn an_item_that_does_not_fit_has_its_place() {
    let array = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1)]),
        None,
        Some(vec![Some(2), Some(1000), None]),
        Some(vec![]),
        Some(vec![None]),
    ]);
    let (text, misfits) = column(array, list(SMALL, false, NullList::Keep));
    assert_eq!(text, "{\"a\":[1]}\n{}\n{\"a\":[]}\n");
    let expected = [
        "2 a[1]: 1000: the number is outside of an integer of 8 bits",
        "4 a[0]: NULL: the column takes no NULL",
    ];
    assert_eq!(misfits, expected);
}

#[test]
fn what_stands_behind_a_null_is_not_looked_at() {
    let items = Int32Array::from(vec![1000, 1, 2000]);
    let field = Arc::new(Field::new_list_field(DataType::Int32, true));
    let nulls = NullBuffer::from(vec![false, true, false]);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 1, 2, 3]));
    let array = ListArray::new(field, offsets, Arc::new(items.clone()), Some(nulls.clone()));
    assert_eq!(values(array, list(SMALL, false, NullList::Keep)), "{}\n{\"a\":[1]}\n{}\n");
    let fields = Fields::from(vec![Field::new("x", DataType::Int32, true)]);
    let array = StructArray::new(fields, vec![Arc::new(items.clone())], Some(nulls.clone()));
    let form = Form::Record(vec![Column::new("x", SMALL).required()]);
    assert_eq!(values(array, form), "{}\n{\"a\":{\"x\":1}}\n{}\n");
    let plain = Int32Array::new(items.values().clone(), Some(nulls));
    assert_eq!(values(plain, SMALL), "{}\n{\"a\":1}\n{}\n");
}

#[test]
fn structs_are_objects_with_the_names_of_the_target() {
    let fields = Fields::from(vec![
        Field::new("x", DataType::Int32, true),
        Field::new("y", DataType::Utf8, true),
    ]);
    let numbers = Int32Array::from(vec![Some(1), None, Some(3), Some(500)]);
    let texts = strings(vec![Some("a"), None, None, Some("d")]);
    let nulls = NullBuffer::from(vec![true, true, false, true]);
    let array = StructArray::new(fields, vec![Arc::new(numbers), texts], Some(nulls));
    let form = Form::Record(vec![Column::new("X", SMALL), Column::new("why", TEXT)]);
    let (text, misfits) = column(array.clone(), form.clone());
    assert_eq!(text, "{\"a\":{\"X\":1,\"why\":\"a\"}}\n{\"a\":{}}\n{}\n");
    assert_eq!(misfits, ["3 a.X: 500: the number is outside of an integer of 8 bits"]);
    let batch = batch(vec![Arc::new(array.slice(0, 3))]);
    let mut lines = lines(&batch, columns(vec![form])).with_nulls(Nulls::Write);
    let expected =
        "{\"a\":{\"X\":1,\"why\":\"a\"}}\n{\"a\":{\"X\":null,\"why\":null}}\n{\"a\":null}\n";
    assert_eq!(written(&mut lines, &batch), (expected.to_owned(), vec![]));
}

#[test]
fn maps_are_objects_or_lists_of_entries() {
    let keys = || strings(vec![Some("x"), Some("a\"b"), Some("x")]);
    let numbers = || Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let array = || maps(keys(), numbers(), &[Some(2), None, Some(0), Some(1)]);
    let text = values(array(), map(TEXT, SMALL, true));
    assert_eq!(text, "{\"a\":{\"x\":1,\"a\\\"b\":null}}\n{}\n{\"a\":{}}\n{\"a\":{\"x\":3}}\n");
    assert_eq!(values(array().slice(3, 1), map(TEXT, SMALL, true)), "{\"a\":{\"x\":3}}\n");
    let entry =
        Form::Record(vec![Column::new("key", TEXT).required(), Column::new("value", SMALL)]);
    let text = values(array(), list(entry, false, NullList::Empty));
    let expected = concat!(
        "{\"a\":[{\"key\":\"x\",\"value\":1},{\"key\":\"a\\\"b\"}]}\n",
        "{\"a\":[]}\n{\"a\":[]}\n{\"a\":[{\"key\":\"x\",\"value\":3}]}\n"
    );
    assert_eq!(text, expected);
    let (_, misfits) = column(array(), map(TEXT, SMALL, false));
    assert_eq!(misfits, ["0 a[1]: NULL: the column takes no NULL"]);
}

#[test]
fn keys_that_are_numbers_stand_in_quotes_and_a_key_stands_there_once() {
    let keys = || Arc::new(Int32Array::from(vec![2, 1, 2, 7, 7]));
    let texts = || strings(vec![Some("a"), Some("b"), Some("c"), Some("d"), Some("e")]);
    let (text, misfits) =
        column(maps(keys(), texts(), &[Some(2), Some(1), Some(2)]), map(SMALL, TEXT, true));
    assert_eq!(text, "{\"a\":{\"2\":\"a\",\"1\":\"b\"}}\n{\"a\":{\"2\":\"c\"}}\n");
    assert_eq!(misfits, ["2 a[1]: 7: the map has a key twice"]);
    let float = Form::Float { bits: 64, specials: Specials::Text };
    let kind = maps(keys(), texts(), &[]).data_type().clone();
    assert!(map(SMALL, TEXT, true).holds(&kind));
    assert!(!map(float, TEXT, true).holds(&kind));
}

#[test]
fn deep_paths_name_each_step() {
    let inner = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), Some(2)]),
        Some(vec![Some(3), Some(4), Some(5), Some(999)]),
    ]);
    let fields = Fields::from(vec![Field::new("b", inner.data_type().clone(), true)]);
    let records = StructArray::new(fields, vec![Arc::new(inner)], None);
    let field = Arc::new(Field::new_list_field(records.data_type().clone(), true));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 0, 2]));
    let array = ListArray::new(field, offsets, Arc::new(records), None);
    let inner = list(SMALL, false, NullList::Refuse);
    let form = list(Form::Record(vec![Column::new("b", inner)]), false, NullList::Refuse);
    let (text, misfits) = column(array, form);
    assert_eq!(text, "{\"a\":[]}\n");
    assert_eq!(misfits, ["1 a[1].b[3]: 999: the number is outside of an integer of 8 bits"]);
}

#[test]
fn long_lists_go_through_many_blocks() {
    let rows =
        || (0..300).map(|row| Some((0..row).map(|item| Some(item % 100)).collect::<Vec<_>>()));
    let array = ListArray::from_iter_primitive::<Int32Type, _, _>(rows());
    let expected: String = rows()
        .flatten()
        .map(|items| {
            let items: Vec<_> = items.iter().flatten().map(i32::to_string).collect();
            format!("{{\"a\":[{}]}}\n", items.join(","))
        })
        .collect();
    assert_eq!(values(array, list(SMALL, true, NullList::Keep)), expected);
}
