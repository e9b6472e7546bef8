//! Finds columns and types in the rows that are looked at.
//!
//! A type is the narrowest that keeps every digit seen. Kinds that no type can hold together are an
//! error that names one row of each: guessing between them would change values later.

use std::collections::HashMap;

use super::cursor::{Cursor, row_text};
use super::number::{Digits, Number};
use super::shape::Shape;
use super::trouble::{Parsed, Trouble};
use crate::error::{Error, Result};

/// The most keys of one object; more of them are data, not names of columns.
const KEYS_MAX: usize = 4096;
/// The most digits of a decimal.
const DECIMAL_DIGITS_MAX: u64 = 38;

/// Tells where the row at hand stands.
type Place<'a> = &'a dyn Fn() -> String;

/// What was seen of the rows.
#[derive(Debug)]
pub(super) struct Seen {
    rows: Members,
    declared: Vec<(String, Shape)>,
}

/// What was seen of one value: for each kind, where it was first.
#[derive(Debug, Default)]
struct Values {
    boolean: Option<String>,
    number: Option<(String, Figures)>,
    text: Option<String>,
    object: Option<(String, Members)>,
    list: Option<(String, Box<Values>)>,
}

/// What was seen of an object, in the order in which keys came.
#[derive(Debug, Default)]
struct Members {
    values: Vec<(String, Values)>,
    by_name: HashMap<String, usize>,
}

/// What was seen of numbers.
#[derive(Debug)]
struct Figures {
    are_whole: bool,
    fit_bigint: bool,
    fit_double: bool,
    whole_digits: u64,
    scale: u64,
}

impl Seen {
    /// Nothing seen yet; `declared` columns are not looked at.
    pub(super) fn new(declared: &[(String, Shape)]) -> Self {
        Seen { rows: Members::default(), declared: declared.to_vec() }
    }

    /// Looks at a row. Nothing of a broken one is kept: it is the reader that refuses it.
    pub(super) fn look(&mut self, bytes: &[u8], place: Place<'_>) -> Parsed<()> {
        let text = row_text(bytes)?;
        let mut check = Cursor::new(text);
        check.object()?;
        check.skip(0)?;
        check.end()?;
        let mut cursor = Cursor::new(text);
        cursor.object()?;
        let declared = &self.declared;
        self.rows.look(&mut cursor, place, |name| declared.iter().any(|(known, _)| known == name))
    }

    /// The columns, declared and found, in the order in which they came.
    ///
    /// # Errors
    /// When values of one column are of kinds that no type holds together.
    pub(super) fn columns(&self) -> Result<Vec<(String, Shape)>> {
        let declared = |name: &str| self.declared.iter().find(|(known, _)| known == name);
        let mut columns = Vec::new();
        for (name, values) in &self.rows.values {
            let shape = match declared(name) {
                Some((_, shape)) => shape.clone(),
                None => values.shape(name, name)?,
            };
            columns.push((name.clone(), shape));
        }
        let unseen = self.declared.iter().filter(|(name, _)| !self.rows.by_name.contains_key(name));
        columns.extend(unseen.cloned());
        match columns.len() > KEYS_MAX {
            true => Err(too_many_keys("the rows")),
            false => Ok(columns),
        }
    }
}

impl Members {
    fn look(
        &mut self,
        cursor: &mut Cursor<'_>,
        place: Place<'_>,
        is_declared: impl Fn(&str) -> bool,
    ) -> Parsed<()> {
        cursor.step();
        let mut first = true;
        while cursor.more(b'}', first)? {
            first = false;
            let name = cursor.key()?.to_text();
            let is_declared = is_declared(&name);
            match self.member(name) {
                Some(values) if !is_declared => values.look(cursor, place)?,
                _ => drop(cursor.skip(0)?),
            }
        }
        Ok(())
    }

    /// The values of `name`; beyond the most keys, only whether they are too many is kept.
    fn member(&mut self, name: String) -> Option<&mut Values> {
        let index = match self.by_name.get(&name) {
            Some(index) => *index,
            None if self.values.len() > KEYS_MAX => return None,
            None => {
                self.by_name.insert(name.clone(), self.values.len());
                self.values.push((name, Values::default()));
                self.values.len() - 1
            }
        };
        self.values.get_mut(index).map(|(_, values)| values)
    }
}

impl Values {
    fn look(&mut self, cursor: &mut Cursor<'_>, place: Place<'_>) -> Parsed<()> {
        match cursor.token() {
            Some(b'n') => cursor.word("null"),
            Some(b't' | b'f') => {
                self.boolean.get_or_insert_with(place);
                cursor.skip(0).map(drop)
            }
            Some(b'"') => {
                self.text.get_or_insert_with(place);
                cursor.string().map(drop)
            }
            Some(b'{') => {
                let object = self.object.get_or_insert_with(|| (place(), Members::default()));
                object.1.look(cursor, place, |_| false)
            }
            Some(b'[') => {
                let list = self.list.get_or_insert_with(|| (place(), Box::default()));
                list.1.look_at_items(cursor, place)
            }
            Some(_) => {
                let number = self.number.get_or_insert_with(|| (place(), Figures::NONE));
                number.1.look(cursor.number()?);
                Ok(())
            }
            None => Err(Trouble::new("a value is missing")),
        }
    }

    fn look_at_items(&mut self, cursor: &mut Cursor<'_>, place: Place<'_>) -> Parsed<()> {
        cursor.step();
        let mut first = true;
        while cursor.more(b']', first)? {
            first = false;
            self.look(cursor, place)?;
        }
        Ok(())
    }

    /// The shape that holds everything seen; `path` leads here from the column `top`.
    fn shape(&self, path: &str, top: &str) -> Result<Shape> {
        self.refuse_mixture(path, top)?;
        Ok(match self {
            Values { boolean: Some(_), .. } => Shape::Boolean,
            Values { number: Some((_, figures)), .. } => figures.shape(),
            Values { object: Some((_, members)), .. } => members.shape(path, top)?,
            Values { list: Some((_, item)), .. } => {
                Shape::List(Box::new(item.shape(&format!("{path}[]"), top)?))
            }
            // Nothing but null was seen, or strings.
            _ => Shape::Text,
        })
    }

    fn refuse_mixture(&self, path: &str, top: &str) -> Result<()> {
        let kinds = [
            ("true or false", self.boolean.as_ref()),
            ("a number", self.number.as_ref().map(|(place, _)| place)),
            ("a string", self.text.as_ref()),
            ("an object", self.object.as_ref().map(|(place, _)| place)),
            ("a list", self.list.as_ref().map(|(place, _)| place)),
        ];
        let mut seen = kinds.iter().filter_map(|(kind, place)| Some((kind, (*place)?)));
        let (Some((one, one_place)), Some((other, other_place))) = (seen.next(), seen.next())
        else {
            return Ok(());
        };
        let is_nested = self.object.is_some() || self.list.is_some() || path != top;
        let shape = if is_nested { "json" } else { "text" };
        Err(Error::data(format!("column `{path}` is {one} in one place and {other} in another"))
            .at(*one, one_place)
            .at(*other, other_place)
            .hint(format!("declare it to keep both as text: `columns: {{\"{top}\": {shape}}}`")))
    }
}

impl Members {
    fn shape(&self, path: &str, top: &str) -> Result<Shape> {
        if self.values.is_empty() {
            // An object without members is no column of any table; its text is.
            return Ok(Shape::Json);
        }
        if self.values.len() > KEYS_MAX {
            return Err(too_many_keys(&format!("`{path}`")).at("column", top));
        }
        let member = |(name, values): &(String, Values)| {
            Ok((name.clone(), values.shape(&format!("{path}.{name}"), top)?))
        };
        self.values.iter().map(member).collect::<Result<_>>().map(Shape::Object)
    }
}

fn too_many_keys(what: &str) -> Error {
    Error::data(format!("the objects of {what} have more than {KEYS_MAX} different keys"))
        .hint("if the keys are data, declare the column that holds them as `json` under `columns`")
}

impl Figures {
    const NONE: Figures =
        Figures { are_whole: true, fit_bigint: true, fit_double: true, whole_digits: 0, scale: 0 };

    fn look(&mut self, number: Number<'_>) {
        self.are_whole &= number.is_whole();
        self.fit_bigint &= number.to_whole(i64::MIN, i64::MAX).is_ok();
        self.fit_double &= number.to_double().is_ok();
        let digits = Digits::of(number.text);
        self.whole_digits = self.whole_digits.max(digits.whole());
        self.scale = self.scale.max(digits.scale());
    }

    fn shape(&self) -> Shape {
        let digits = self.whole_digits.saturating_add(self.scale);
        match (self.are_whole, u8::try_from(self.scale)) {
            (true, _) if self.fit_bigint => Shape::Whole(arrow::datatypes::DataType::Int64),
            (false, _) if self.fit_double => Shape::Double,
            (_, Ok(scale)) if digits <= DECIMAL_DIGITS_MAX => Shape::Decimal(38, scale),
            _ => Shape::Digits,
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    fn columns(rows: &[&str]) -> Result<Vec<(String, Shape)>> {
        let mut seen = Seen::new(&[("d".to_owned(), Shape::Json)]);
        for (index, row) in rows.iter().enumerate() {
            assert!(seen.look(row.as_bytes(), &|| format!("f:{}", index + 1)).is_ok());
        }
        seen.columns().map(|columns| columns.into_iter().filter(|(n, _)| n != "d").collect())
    }

    fn shape_of(values: &[&str]) -> Shape {
        let rows: Vec<_> = values.iter().map(|value| format!("{{\"a\":{value}}}")).collect();
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        columns(&rows).unwrap().remove(0).1
    }

    #[test]
    fn a_number_gets_the_narrowest_type_that_keeps_every_digit() {
        assert_eq!(shape_of(&["1", "-9223372036854775808"]), Shape::Whole(DataType::Int64));
        assert_eq!(shape_of(&["1", "18446744073709551615"]), Shape::Decimal(38, 0));
        assert_eq!(shape_of(&["1", "1.5"]), Shape::Double);
        assert_eq!(shape_of(&["9007199254740993", "1.5"]), Shape::Decimal(38, 1));
        assert_eq!(shape_of(&["0.12345678901234567890"]), Shape::Decimal(38, 19));
        assert_eq!(shape_of(&["1e5"]), Shape::Double);
        assert_eq!(shape_of(&["1e400"]), Shape::Digits);
        assert_eq!(shape_of(&["123456789012345678901234567890123456789"]), Shape::Digits);
        assert_eq!(shape_of(&["1e-999999999999999999999"]), Shape::Digits);
    }

    #[test]
    fn nested_values_keep_their_structure() {
        let nested =
            columns(&[r#"{"u":{"n":"x"},"t":[],"n":null}"#, r#"{"u":{"tags":[[1],[]]},"e":{}}"#]);
        let list = |shape| Shape::List(Box::new(shape));
        let user = vec![
            ("n".to_owned(), Shape::Text),
            ("tags".to_owned(), list(list(Shape::Whole(DataType::Int64)))),
        ];
        let expected = vec![
            ("u".to_owned(), Shape::Object(user)),
            ("t".to_owned(), list(Shape::Text)),
            ("n".to_owned(), Shape::Text),
            ("e".to_owned(), Shape::Json),
        ];
        assert_eq!(nested.unwrap(), expected);
    }

    #[test]
    fn an_object_here_and_a_string_there_is_an_error_that_names_both() {
        let error = columns(&[r#"{"a":{"b":[{}]}}"#, "{}", r#"{"a":{"b":["x"]}}"#]).unwrap_err();
        assert_eq!(
            error.report(),
            "error: column `a.b[]` is a string in one place and an object in another\n  \
             a string:  f:3\n  an object: f:1\n\n\
             hint: declare it to keep both as text: `columns: {\"a\": json}`"
        );
        assert!(columns(&[r#"{"d":1}"#, r#"{"d":"x"}"#]).is_ok());
    }

    #[test]
    fn keys_that_are_data_are_an_error() {
        let rows: Vec<_> =
            (0..=KEYS_MAX).map(|key| format!("{{\"a\":{{\"k{key}\":1}}}}")).collect();
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        assert!(columns(&rows).unwrap_err().message().contains("different keys"));
    }
}
