//! What a column becomes in a line: chosen by the connector for each column of its target.

/// One column of the target, and how its values are written.
///
/// Columns stand in the order of the fields of a batch (or of a struct), one for each; names are
/// those of the target and may differ from those of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The key of the value in the object.
    pub name: String,
    /// How the values are written.
    pub form: Form,
    /// Whether a NULL is a misfit.
    pub required: bool,
}

impl Column {
    /// A column that takes NULL.
    pub fn new(name: impl Into<String>, form: Form) -> Self {
        Column { name: name.into(), form, required: false }
    }

    /// The column without NULL: one is a misfit.
    #[must_use]
    pub fn required(self) -> Self {
        Column { required: true, ..self }
    }
}

/// How the values of a column are written. Every form also takes a field of the type Null, and
/// dictionaries and run-end encoded fields of the types it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// `true` or `false`, from booleans.
    Bool,
    /// Decimal digits, from integers of all widths and from decimals without a fraction.
    Integer {
        /// The bits of the target's signed integer: 8, 16, 32, 64 or 128.
        bits: u8,
        /// Whether the digits stand in quotes.
        quoted: bool,
    },
    /// Decimal digits with a point, from decimals and integers of all widths; exact, with as many
    /// digits after the point as the field has, but never more than `fraction_digits`.
    Decimal {
        /// The most digits before the point.
        integer_digits: u8,
        /// The most digits after the point; zeros beyond it are cut, other digits are a misfit.
        fraction_digits: u8,
        /// Whether the digits stand in quotes.
        quoted: bool,
    },
    /// A short number that every exact reader turns into the same bits, whether it reads 32 or 64 of
    /// them; from floats, and from integers that a float holds exactly.
    Float {
        /// The bits of the target's float: 32 or 64.
        bits: u8,
        /// What becomes of NaN and the infinities.
        specials: Specials,
    },
    /// A string, from texts.
    Text {
        /// The longest text.
        limit: Option<TextLimit>,
    },
    /// A string such as `6c84fb90-12c4-11e1-840d-7b25c5ee775a`, from binaries of 16 bytes.
    Uuid,
    /// The value that the text says, which must be JSON, with its digits as they are and on one
    /// line. The text `null` is a misfit: a target would take it for a NULL.
    Json {
        /// The deepest nesting: 1 for `[]`.
        max_depth: usize,
    },
    /// A string of standard Base64 with padding, from binaries.
    Base64 {
        /// The longest value in bytes, before it is encoded.
        max_bytes: Option<usize>,
    },
    /// A string of lower-case hexadecimal digits, from binaries.
    Hex {
        /// The longest value in bytes, before it is encoded.
        max_bytes: Option<usize>,
    },
    /// `"2026-11-21"`, from dates; years from 1 to 9999.
    Date,
    /// `"13:30:00"` or `"13:30:00.250000"`, from times of day.
    Time {
        /// The most digits after the point, up to 9; more that are not zero are a misfit.
        fraction_digits: u8,
    },
    /// `"2026-11-21 13:30:00"`, perhaps with a fraction, from timestamps without a zone.
    DateTime {
        /// The most digits after the point, up to 9; more that are not zero are a misfit.
        fraction_digits: u8,
    },
    /// The same from timestamps with a zone: date and time of day in UTC, without saying so.
    UtcDateTime {
        /// The most digits after the point, up to 9; more that are not zero are a misfit.
        fraction_digits: u8,
    },
    /// `"2026-11-21T13:30:00Z"`, perhaps with a fraction, from timestamps with a zone.
    Timestamp {
        /// The most digits after the point, up to 9; more that are not zero are a misfit.
        fraction_digits: u8,
    },
    /// An array, from lists of all kinds, and from maps as lists of records.
    List {
        /// How the items are written.
        items: Box<Form>,
        /// Whether an item may be NULL; otherwise one is a misfit.
        null_items: bool,
        /// What becomes of a NULL in the place of a list.
        null_list: NullList,
    },
    /// An object, from structs.
    Record(Vec<Column>),
    /// An object whose keys are those of the map, from maps. A key that is NULL or stands there
    /// twice is a misfit.
    Map {
        /// How the keys are written; in quotes at any rate, so it is a form without parts.
        keys: Box<Form>,
        /// How the values are written.
        values: Box<Form>,
        /// Whether a value may be NULL; otherwise one is a misfit.
        null_values: bool,
        /// What becomes of a NULL in the place of a map.
        null_map: NullList,
    },
}

/// What becomes of a float that is no number of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// `"NaN"`, `"Infinity"` and `"-Infinity"`, in quotes.
    Text,
    /// It is a misfit.
    Refuse,
}

/// The longest text of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextLimit {
    /// Bytes of UTF-8.
    Bytes(usize),
    /// Unicode characters.
    Characters(usize),
}

/// What becomes of a NULL in the place of a list or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullList {
    /// It is a misfit.
    Refuse,
    /// A list or map without items.
    Empty,
    /// A NULL like any other.
    Keep,
}

/// How a NULL is written that its column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Not at all: the object has no such key.
    Omit,
    /// As `null`, so that no default of the target can take its place.
    Write,
}
