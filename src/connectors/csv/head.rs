//! The beginning of a file: the names of its columns, and where the rows begin.

use memchr::memchr_iter;

use crate::connectors::csv::buffer::{Buffer, ROW_BYTES};
use crate::connectors::csv::fields::{Field, Fields, Scanned};
use crate::connectors::csv::options::Settings;
use crate::error::{Error, Result};
use crate::files::{Compression, Content, Stamp};
use crate::source::Refused;

/// What the beginning of a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The columns in the order of the file.
    pub(super) names: Vec<String>,
    /// Offset of the first row in the decompressed file.
    pub(super) rows_at: u64,
    /// How the file is compressed.
    pub(super) compression: Compression,
}

impl Head {
    /// Reads the head of a file.
    ///
    /// # Errors
    /// For a file that is empty, is not UTF-8, or whose names are empty or not unique.
    pub(super) fn read(stamp: &Stamp, settings: &Settings) -> Result<Self> {
        let content = Content::open(stamp)?;
        let compression = content.compression();
        let mut buffer = Buffer::new(content, stamp, 0);
        let mark = byte_order_mark(&mut buffer, stamp)?;
        let fields = first_record(&mut buffer, stamp, settings)?;
        if settings.header {
            let names = header_names(stamp, &fields, buffer.rest(), settings)?;
            return Ok(Head { names, rows_at: mark + fields.end() as u64, compression });
        }
        let names = given_names(stamp, settings, fields.columns())?;
        Ok(Head { names, rows_at: mark, compression })
    }

    /// For each column of `self`, where it stands in `other`, a file of the same source.
    ///
    /// # Errors
    /// When the two do not have the same columns.
    pub(super) fn positions_in(
        &self,
        stamp: &Stamp,
        other: &Head,
        other_stamp: &Stamp,
    ) -> Result<Vec<usize>> {
        let missing = |of: &Head, names: &Head| -> Vec<String> {
            of.names.iter().filter(|name| !names.names.contains(name)).cloned().collect()
        };
        let (gone, added) = (missing(self, other), missing(other, self));
        if gone.is_empty() && added.is_empty() {
            let position = |name| other.names.iter().position(|other| other == name);
            return Ok(self.names.iter().filter_map(position).collect());
        }
        let shown = |names: &[String]| match names {
            [] => "nothing".to_owned(),
            names => names.join(", "),
        };
        Err(Error::data("two files of one source have different columns")
            .at(format!("only in `{}`", stamp.shown), shown(&gone))
            .at(format!("only in `{}`", other_stamp.shown), shown(&added))
            .hint("make two sources of them and join or union them in a model"))
    }
}

/// Skips the mark of UTF-8 and returns its length; the marks of other encodings are refused.
fn byte_order_mark(buffer: &mut Buffer, stamp: &Stamp) -> Result<u64> {
    buffer.fill()?;
    match buffer.rest() {
        [0xef, 0xbb, 0xbf, ..] => {
            buffer.consume(3);
            Ok(3)
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            Err(Error::data(format!("`{}` is UTF-16, not UTF-8", stamp.shown))
                .hint("convert it first: `iconv -f utf-16 -t utf-8 in.csv > out.csv`"))
        }
        _ => Ok(0),
    }
}

fn first_record(buffer: &mut Buffer, stamp: &Stamp, settings: &Settings) -> Result<Fields> {
    let mut fields = Fields::new(settings.dialect, None);
    loop {
        let scanned = fields.scan(buffer.rest(), buffer.is_last(), 1);
        let too_long = buffer.rest().len() - fields.end() > ROW_BYTES;
        if fields.rows() > 0 {
            refuse_lone_cr(stamp, &fields, buffer.rest())?;
            return Ok(fields);
        } else if let Scanned::OpenQuote(at) = scanned {
            return Err(buffer.open_quote(at));
        } else if buffer.is_last() {
            return Err(Error::data(format!("`{}` is empty", stamp.shown))
                .hint("a file without rows still needs its header"));
        } else if too_long && memchr::memchr(b'\r', buffer.rest()).is_some() {
            return Err(lone_cr(stamp));
        } else if too_long {
            return Err(buffer.too_long(settings.dialect, fields.end()));
        }
        buffer.fill()?;
    }
}

/// Lines that end in nothing but CR would all be one record.
fn refuse_lone_cr(stamp: &Stamp, fields: &Fields, data: &[u8]) -> Result<()> {
    let record = fields.record(data, 0);
    let is_lone = |field: &Field| !field.is_quoted() && field.bytes(data).contains(&b'\r');
    let ends = memchr_iter(b'\r', record).any(|at| record.get(at + 1) != Some(&b'\n'));
    match ends && fields.row(0).iter().any(is_lone) {
        true => Err(lone_cr(stamp)),
        false => Ok(()),
    }
}

fn lone_cr(stamp: &Stamp) -> Error {
    Error::data(format!("the lines of `{}` end in CR alone", stamp.shown))
        .hint(r"convert it first: `tr '\r' '\n' < in.csv > out.csv`")
}

fn header_names(
    stamp: &Stamp,
    fields: &Fields,
    data: &[u8],
    settings: &Settings,
) -> Result<Vec<String>> {
    let wrong = |message: String| Error::data(message).at("file", &stamp.shown);
    if !fields.malformed().is_empty() {
        return Err(wrong("a name in the header goes on after its closing quote".to_owned()));
    }
    let mut names: Vec<String> = Vec::new();
    for (at, field) in fields.row(0).iter().enumerate() {
        let bytes = field.unescaped(data, settings.dialect);
        let name = match String::from_utf8(bytes.into_owned()) {
            Ok(name) if !name.contains('\0') => name,
            Ok(name) => {
                return Err(wrong(format!(
                    "the name of column {} holds a NUL byte: `{}`",
                    at + 1,
                    Refused::shown(name.as_bytes())
                )));
            }
            Err(error) => {
                let shown = Refused::shown(error.as_bytes());
                return Err(wrong(format!(
                    "the name of column {} is not UTF-8: `{shown}`",
                    at + 1
                )));
            }
        };
        if name.trim().is_empty() {
            return Err(wrong(format!("column {} has no name", at + 1))
                .hint("give it one, or set `header: false` if the first line holds values"));
        }
        if let Some(first) = names.iter().position(|known| *known == name) {
            return Err(wrong(format!("two columns are named `{name}`"))
                .at("columns", format!("{} and {}", first + 1, at + 1))
                .hint("rename one, or set `header: false` if the first line holds values"));
        }
        names.push(name);
    }
    Ok(names)
}

fn given_names(stamp: &Stamp, settings: &Settings, columns: usize) -> Result<Vec<String>> {
    let given = &settings.names;
    if given.is_empty() {
        return Ok((1..=columns).map(|number| format!("column{number}")).collect());
    }
    if given.len() == columns {
        return Ok(given.clone());
    }
    Err(Error::data(format!("the first row has {columns} fields, but `names` has {}", given.len()))
        .at("file", &stamp.shown)
        .hint("give each column one name, in the order of the file"))
}
