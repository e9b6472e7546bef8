//! Tables of plain text with aligned columns.

use std::fmt;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table; `Display` gives its lines without a final line end.
#[derive(Debug)]
pub(super) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and nothing in it.
    pub(super) fn new(columns: &[(&str, Side)]) -> Self {
        let (names, sides) = columns.iter().map(|(name, side)| ((*name).to_owned(), *side)).unzip();
        Table { sides, rows: vec![names] }
    }

    /// Adds a row; cells that are missing are empty, cells too many are left out.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn cell(row: &[String], column: usize) -> &str {
        row.get(column).map_or("", String::as_str)
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| Self::cell(row, column).chars().count()).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = (0..self.sides.len()).map(|column| self.width(column)).collect();
        for (at, row) in self.rows.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            let mut line = String::new();
            for (column, (side, &width)) in self.sides.iter().zip(&widths).enumerate() {
                let cell = Self::cell(row, column);
                match side {
                    Side::Left => line.push_str(&format!("{cell:<width$}  ")),
                    Side::Right => line.push_str(&format!("{cell:>width$}  ")),
                }
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table =
            Table::new(&[("load", Side::Left), ("rows", Side::Right), ("note", Side::Left)]);
        table.row(["größe".into(), "12,483".into(), "published".into()]);
        table.row(["b".into(), "7".into()]);
        assert_eq!(
            table.to_string(),
            "load     rows  note\ngröße  12,483  published\nb           7"
        );
    }
}
