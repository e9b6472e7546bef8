//! The SQL that is sent to a database.

use super::quote::{identifier, table, text_type};
use crate::connectors::connectorx::options::{Rows, Wanted};

/// The name under which a query is read from: some databases want one.
const ALIAS: &str = "dhow_rows";

/// The rows as they are there, before any column is asked for as text.
pub(super) fn plain(wanted: &Wanted) -> String {
    match &wanted.rows {
        Rows::Table(parts) => format!("select * from {}", table(wanted.server, parts)),
        Rows::Query(query) => query.clone(),
    }
}

fn from(wanted: &Wanted) -> String {
    match &wanted.rows {
        Rows::Table(parts) => table(wanted.server, parts),
        // A line of its own, because the query may end with a comment.
        Rows::Query(query) => format!("({query}\n) {ALIAS}"),
    }
}

/// The `columns` of the rows, those that are asked for as text cast, where `condition` holds.
pub(super) fn select(wanted: &Wanted, columns: &[String], condition: Option<&str>) -> String {
    let column = |name: &String| {
        let quoted = identifier(wanted.server, name);
        match wanted.as_text.contains(name) {
            true => format!("cast({quoted} as {}) as {quoted}", text_type(wanted.server)),
            false => quoted,
        }
    };
    let columns = columns.iter().map(column).collect::<Vec<_>>().join(", ");
    let condition = condition.map(|c| format!(" where {c}")).unwrap_or_default();
    format!("select {columns} from {}{condition}", from(wanted))
}

/// The least and the greatest value of `column`.
pub(super) fn bounds(wanted: &Wanted, column: &str) -> String {
    let column = identifier(wanted.server, column);
    format!("select min({column}) as low, max({column}) as high from {}", from(wanted))
}

/// Conditions that hold for every row exactly once, whatever is added meanwhile: the first range
/// has no lower end and takes NULL, the last one no upper end.
pub(super) fn ranges(
    wanted: &Wanted,
    column: &str,
    (low, high): (i64, i64),
    count: u64,
) -> Vec<Option<String>> {
    let column = identifier(wanted.server, column);
    let (low, span) = (i128::from(low), i128::from(high) - i128::from(low) + 1);
    let count = i128::from(count).min(span).max(1);
    let cuts: Vec<i128> = (1..count).map(|n| low + span * n / count).collect();
    let (Some(first), Some(last)) = (cuts.first(), cuts.last()) else { return vec![None] };
    let mut ranges = vec![format!("({column} < {first} or {column} is null)")];
    let pairs = cuts.iter().zip(cuts.iter().skip(1));
    ranges.extend(pairs.map(|(from, to)| format!("{column} >= {from} and {column} < {to}")));
    ranges.push(format!("{column} >= {last}"));
    ranges.into_iter().map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::connectors::connectorx::options;

    fn wanted(entries: &[(&str, &str)]) -> Wanted {
        let url = [("url", "mysql://root@db/shop")];
        options::read(&Options::of_arguments(&[&url, entries].concat())).0
    }

    #[test]
    fn a_column_is_cast_where_it_is_asked_for_as_text() {
        let mut wanted = wanted(&[("table", "shop.order")]);
        wanted.as_text = vec!["price".to_owned()];
        let columns = ["id".to_owned(), "price".to_owned()];
        assert_eq!(plain(&wanted), "select * from `shop`.`order`");
        assert_eq!(
            select(&wanted, &columns, Some("a")),
            "select `id`, cast(`price` as char) as `price` from `shop`.`order` where a"
        );
    }

    #[test]
    fn ranges_take_every_row_once() {
        let wanted = wanted(&[("query", "select 1 -- all")]);
        let ranges = |bounds, count| -> Vec<String> {
            ranges(&wanted, "k", bounds, count).into_iter().flatten().collect()
        };
        assert_eq!(
            ranges((0, 9), 3),
            ["(`k` < 3 or `k` is null)", "`k` >= 3 and `k` < 6", "`k` >= 6"]
        );
        assert_eq!(ranges((5, 5), 3), Vec::<String>::new());
        assert_eq!(ranges((i64::MIN, i64::MAX), 2), ["(`k` < 0 or `k` is null)", "`k` >= 0"]);
        assert_eq!(
            bounds(&wanted, "k"),
            "select min(`k`) as low, max(`k`) as high from (select 1 -- all\n) dhow_rows"
        );
    }
}
