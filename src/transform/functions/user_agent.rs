//! What a browser, crawler or app says of itself in its `User-Agent`, by the rules of woothee.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use woothee::parser::{Parser, WootheeResult};
use woothee::woothee::VALUE_UNKNOWN;

/// What is known of a user agent, in the order of the struct's fields.
pub(super) const PARTS: [Part; 6] =
    [Part::Name, Part::Category, Part::Os, Part::OsVersion, Part::Version, Part::Vendor];

/// One thing that is known of a user agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The browser, crawler or client: `Chrome`, `Googlebot`.
    Name,
    /// What kind of device it is on: `pc`, `smartphone`, `mobilephone`, `appliance`, `crawler` or
    /// `misc`.
    Category,
    /// The operating system: `Windows 10`, `iPhone`.
    Os,
    /// The version of the operating system.
    OsVersion,
    /// The version of the browser.
    Version,
    /// Who makes the browser.
    Vendor,
}

impl Part {
    /// The name of the field.
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Name => "name",
            Part::Category => "category",
            Part::Os => "os",
            Part::OsVersion => "os_version",
            Part::Version => "version",
            Part::Vendor => "vendor",
        }
    }

    /// The part with this name.
    pub(super) fn named(name: &str) -> Option<Part> {
        PARTS.into_iter().find(|part| part.name() == name)
    }

    fn of<'a>(self, known: &'a WootheeResult<'_>) -> Option<&'a str> {
        let text: &str = match self {
            Part::Name => known.name,
            Part::Category => known.category,
            Part::Os => known.os,
            Part::OsVersion => &known.os_version,
            Part::Version => known.version,
            Part::Vendor => known.vendor,
        };
        // woothee has a word, or nothing at all, for what it does not know.
        Some(text).filter(|text| !text.is_empty() && *text != VALUE_UNKNOWN)
    }
}

/// The fields of the struct.
pub(super) fn fields() -> &'static Fields {
    static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
        PARTS.map(|part| Field::new(part.name(), DataType::Utf8, true)).to_vec().into()
    });
    &FIELDS
}

/// Everything that is known of each user agent; NULL for NULL.
pub(super) fn parsed(agents: &StringArray) -> StructArray {
    let known = Known::of(agents);
    let columns = PARTS.map(|part| -> ArrayRef { Arc::new(known.column(part)) });
    let nulls = agents.nulls().cloned().filter(|nulls: &NullBuffer| nulls.null_count() > 0);
    StructArray::new(fields().clone(), columns.into(), nulls)
}

/// One part of what is known of each user agent; NULL where it is not known.
pub(super) fn part(agents: &StringArray, part: Part) -> StringArray {
    Known::of(agents).column(part)
}

/// What is known of each row, each different user agent having been parsed once.
struct Known<'a> {
    rows: Vec<Option<usize>>,
    found: Vec<WootheeResult<'a>>,
}

impl<'a> Known<'a> {
    fn of(agents: &'a StringArray) -> Known<'a> {
        let parser = Parser::new();
        let mut seen = HashMap::new();
        let mut found = Vec::new();
        let rows = agents.iter().map(|agent| {
            agent.map(|agent| {
                *seen.entry(agent).or_insert_with(|| {
                    found.push(parser.parse(agent).unwrap_or_else(nothing));
                    found.len() - 1
                })
            })
        });
        let rows = rows.collect();
        Known { rows, found }
    }

    fn column(&self, part: Part) -> StringArray {
        let mut column = StringBuilder::with_capacity(self.rows.len(), 0);
        for row in &self.rows {
            let known = row.and_then(|index| self.found.get(index));
            column.append_option(known.and_then(|known| part.of(known)));
        }
        column.finish()
    }
}

fn nothing<'a>() -> WootheeResult<'a> {
    WootheeResult { os_version: Cow::Borrowed(""), ..WootheeResult::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, \
                          like Gecko) Chrome/120.0.0.0 Safari/537.36";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) \
                          AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 \
                          Safari/604.1";
    const GOOGLEBOT: &str =
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

    /// The parts of `agent`, with `-` for what is not known.
    fn told(agent: Option<&str>) -> Vec<String> {
        let agents = StringArray::from(vec![agent]);
        let column = |one| part(&agents, one).iter().next().flatten().unwrap_or("-").to_owned();
        PARTS.map(column).to_vec()
    }

    #[test]
    fn a_browser_a_phone_and_a_crawler_are_known() {
        let chrome = ["Chrome", "pc", "Windows 10", "NT 10.0", "120.0.0.0", "Google"];
        assert_eq!(told(Some(CHROME)), chrome);
        assert_eq!(told(Some(IPHONE)), ["Safari", "smartphone", "iPhone", "17.1", "17.1", "Apple"]);
        assert_eq!(told(Some(GOOGLEBOT)), ["Googlebot", "crawler", "-", "-", "-", "-"]);
    }

    #[test]
    fn what_is_not_known_is_null_and_never_a_word() {
        for agent in [None, Some(""), Some("-"), Some("nobody/1"), Some("UNKNOWN"), Some("💥")] {
            assert_eq!(told(agent), ["-"; 6], "{agent:?}");
        }
    }

    #[test]
    fn the_struct_is_null_for_null_alone() {
        let agents = StringArray::from(vec![Some(CHROME), None, Some(""), Some(CHROME)]);
        let all = parsed(&agents);
        let nulls: Vec<_> = (0..all.len()).map(|row| all.is_null(row)).collect();
        assert_eq!(nulls, [false, true, false, false]);
        let names = all.column_by_name("name").unwrap();
        let expected = StringArray::from(vec![Some("Chrome"), None, None, Some("Chrome")]);
        assert_eq!(names.as_ref(), &expected);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            start in "(Mozilla/5.0|Opera|DoCoMo|KDDI-|Windows |Mac OS X|PSP|Version/|MSIE |)",
            rest in "\\PC{0,80}",
        ) {
            told(Some(&format!("{start}{rest}")));
        }
    }
}
