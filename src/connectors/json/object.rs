//! Takes the members of an object into one column each.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;

use super::column::Column;
use super::cursor::{Cursor, Quoted};
use super::shape::Shape;
use super::trouble::{Parsed, Trouble};

/// What happens to a key that the schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The row is refused.
    Refuse,
    /// The value is left out.
    Ignore,
}

/// The members of an object, each a column.
#[derive(Debug)]
pub(super) struct Object {
    members: Vec<Member>,
    by_name: HashMap<String, usize>,
    unknown: Unknown,
    /// The number of the object that is being read, to see a key that comes twice.
    turn: u64,
}

#[derive(Debug)]
struct Member {
    /// `"key":` as most writers write it; empty when the key needs escapes.
    tag: Vec<u8>,
    name: String,
    column: Column,
    wanted: bool,
    /// The last object that had this key.
    turn: u64,
}

impl Object {
    /// An object with `members`; those that are not `wanted` are stepped over.
    pub(super) fn new(
        members: &[(String, Shape)],
        unknown: Unknown,
        wanted: impl Fn(usize) -> bool,
    ) -> Self {
        let member = |(index, (name, shape)): (usize, &(String, Shape))| Member {
            tag: tag(name),
            name: name.clone(),
            column: match wanted(index) {
                true => Column::new(shape, unknown),
                false => Column::unwanted(),
            },
            wanted: wanted(index),
            turn: 0,
        };
        let by_name = members.iter().enumerate().map(|(index, (name, _))| (name.clone(), index));
        Object {
            by_name: by_name.collect(),
            members: members.iter().enumerate().map(member).collect(),
            unknown,
            turn: 0,
        }
    }

    /// Takes the object that begins at the cursor; its members stand `depth` levels deep.
    pub(super) fn append(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<()> {
        cursor.step();
        self.turn += 1;
        let mut found = 0;
        let mut guess = 0;
        let mut first = true;
        while cursor.more(b'}', first)? {
            first = false;
            if let Some(index) = self.member(cursor, guess, depth)? {
                self.value(index, cursor, depth)?;
                found += 1;
                guess = index + 1;
            }
        }
        if found < self.members.len() {
            self.append_missing();
        }
        Ok(())
    }

    /// Takes an object that is not there.
    pub(super) fn append_null(&mut self) {
        self.members.iter_mut().for_each(|member| member.column.append_null());
    }

    /// Takes back everything after the first `rows` objects.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.members.iter_mut().for_each(|member| member.column.truncate(rows));
    }

    /// The columns that are wanted, in the order of the members; they are empty afterwards.
    pub(super) fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let wanted = self.members.iter_mut().filter(|member| member.wanted);
        wanted.map(|member| member.column.finish()).collect()
    }

    /// Reads a key and finds its member: first the one after the last, then by name. An unknown
    /// key is read with its value and gives `None`.
    #[inline]
    fn member(&self, cursor: &mut Cursor<'_>, guess: usize, depth: usize) -> Parsed<Option<usize>> {
        let guessed = self.members.get(guess);
        if guessed.is_some_and(|member| !member.tag.is_empty() && cursor.take(&member.tag)) {
            return Ok(Some(guess));
        }
        let key = cursor.key()?;
        match self.find(key) {
            Some(index) => Ok(Some(index)),
            None => self.unknown(key, cursor, depth).map(|()| None),
        }
    }

    fn find(&self, key: Quoted<'_>) -> Option<usize> {
        match key.escaped {
            false => self.by_name.get(key.raw).copied(),
            true => self.by_name.get(&key.to_text()).copied(),
        }
    }

    fn value(&mut self, index: usize, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<()> {
        let member = &mut self.members[index];
        if member.turn == self.turn {
            return Err(Trouble::new("the key stands twice in one object")
                .hint("keep one of the two; they cannot both be taken")
                .under(&member.name));
        }
        member.turn = self.turn;
        member.column.append(cursor, depth).map_err(|trouble| trouble.under(&member.name))
    }

    fn append_missing(&mut self) {
        let missing = self.members.iter_mut().filter(|member| member.turn != self.turn);
        missing.for_each(|member| member.column.append_null());
    }

    fn unknown(&self, key: Quoted<'_>, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<()> {
        let value = cursor.skip(depth).map_err(|trouble| trouble.under(&key.to_text()))?;
        match self.unknown {
            Unknown::Ignore => Ok(()),
            Unknown::Refuse => Err(Trouble::new("the schema does not have this key")
                .value(value.as_bytes())
                .hint(
                    "use `infer: all`, declare the key under `columns`, or leave such keys out \
                     with `unknown_fields: ignore`",
                )
                .under(&key.to_text())),
        }
    }
}

fn tag(name: &str) -> Vec<u8> {
    let is_plain = !name.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    if is_plain { format!("\"{name}\":").into_bytes() } else { Vec::new() }
}
