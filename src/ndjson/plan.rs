//! The strategy of each column, decided once: what its values look like, and what stands around
//! them.

use super::escape;
use super::form::{Column, Form, NullList, Nulls};
use super::frame::{Frame, Null};

/// How a column, or a part of one, is written.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// The column's name; nothing for items, keys and values.
    pub name: String,
    /// What its values look like.
    pub form: Form,
    /// Whether it takes no NULL.
    required: bool,
    /// What stands around each.
    pub frame: Frame,
    /// The columns of a record, the items of a list, or keys and values of a map.
    pub parts: Vec<Planned>,
}

impl Planned {
    /// The plan of `column` as a member of an object.
    pub(super) fn column(column: Column, nulls: Nulls) -> Self {
        let mut before = b",\"".to_vec();
        escape::append(column.name.as_bytes(), &mut before);
        before.extend_from_slice(b"\":");
        let null = match (column.required, nulls) {
            (true, _) => Null::Refuse,
            (false, Nulls::Omit) => Null::Omit,
            (false, Nulls::Write) => Null::Write("null"),
        };
        let quoted = column.form.is_quoted();
        Planned::new(column.name, column.form, (&before, quoted, null), nulls)
    }

    /// The same column with other NULLs.
    pub(super) fn with_nulls(self, nulls: Nulls) -> Self {
        let Planned { name, form, required, .. } = self;
        Planned::column(Column { name, form, required }, nulls)
    }

    /// The plan of what stands behind `before` in a list or a map.
    fn part(form: Form, before: &[u8], is_nullable: bool, nulls: Nulls) -> Self {
        let null = if is_nullable { Null::Write("null") } else { Null::Refuse };
        let quoted = form.is_quoted();
        Planned::new(String::new(), form, (before, quoted, null), nulls)
    }

    /// The keys of a map.
    fn key(form: Form, nulls: Nulls) -> Self {
        Planned::new(String::new(), form, (b",", true, Null::Refuse), nulls)
    }

    /// A value as it stands by itself, for those that are written once and used often.
    pub(super) fn bare(&self) -> Self {
        let frame = Frame::new(b"", false, Null::Omit);
        Planned { frame, ..self.clone() }
    }

    fn new(name: String, form: Form, around: (&[u8], bool, Null), nulls: Nulls) -> Self {
        let (before, quoted, null) = around;
        let required = null == Null::Refuse;
        let null = match &form {
            Form::List { null_list: NullList::Refuse, .. }
            | Form::Map { null_map: NullList::Refuse, .. } => Null::Refuse,
            Form::List { null_list: NullList::Empty, .. } => Null::Write("[]"),
            Form::Map { null_map: NullList::Empty, .. } => Null::Write("{}"),
            _ => null,
        };
        let parts = match &form {
            Form::Record(columns) => {
                columns.iter().map(|column| Planned::column(column.clone(), nulls)).collect()
            }
            Form::List { items, null_items, .. } => {
                vec![Planned::part((**items).clone(), b",", *null_items, nulls)]
            }
            Form::Map { keys, values, null_values, .. } => vec![
                Planned::key((**keys).clone(), nulls),
                Planned::part((**values).clone(), b":", *null_values, nulls),
            ],
            _ => Vec::new(),
        };
        Planned { name, frame: Frame::new(before, quoted, null), form, required, parts }
    }
}
