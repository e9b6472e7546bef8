//! Amounts of `money` between databases whose locales give it other digits after the point: yen have
//! none, dinars of Kuwait have three, and everything else of these tests has two.

use std::sync::LazyLock;

use crate::cluster::{SHARED, as_ordinary_user};
use crate::project::Project;

/// Makes the locales where the server looks for them.
static LOCALES: LazyLock<()> = LazyLock::new(|| {
    let call = |arguments: &[&str]| {
        let made = as_ordinary_user().args(arguments).current_dir(&SHARED.socket).output();
        let made = made.expect("`env` or `setpriv` is there");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "`make test` installs Debian's package locales: {said}");
    };
    call(&["mkdir", "locale"]);
    for name in ["ja_JP", "ar_KW"] {
        let made = format!("locale/{name}.UTF-8");
        call(&["localedef", "--no-archive", "-f", "UTF-8", "-i", name, &made]);
    }
});

/// A database in which `money` is that of `locale`.
fn database(locale: &str) -> (String, String) {
    LazyLock::force(&LOCALES);
    let (url, name) = SHARED.url("money");
    SHARED.psql(&name, &format!("alter database {name} set lc_monetary = '{locale}'"));
    (url, name)
}

/// Every amount of the table `t` as a number, by psql.
fn amounts(database: &str) -> String {
    SHARED.psql(
        database,
        "select id, one::numeric, (select array_agg(x::numeric) from unnest(many) x) from t order by id",
    )
}

fn copy(from: &str, to: &str) -> Project {
    Project::of(&format!("sources:\n  t: {from}\nsinks:\n  out: {{ from: t, {to} }}\n"))
}

fn table(url: &str) -> String {
    format!("{{ type: postgres, url: \"{url}\", table: t }}")
}

const INTO: &str = "create table t (id int primary key, one money, many money[])";

#[test]
fn amounts_stay_what_they_are_where_money_has_other_digits() {
    for (locale, values, expected) in [
        (
            "ja_JP.UTF-8",
            "(1, 1234, '{-5,null}'), (2, -9223372036854775808, '{}'), (3, null, null)",
            "1|1234|{-5,NULL}\n2|-9223372036854775808|\n3||",
        ),
        (
            "ar_KW.UTF-8",
            "(1, 1.234, '{-0.005,null}'), (2, 9223372036854775.807, '{}'), (3, null, null)",
            "1|1.234|{-0.005,NULL}\n2|9223372036854775.807|\n3||",
        ),
    ] {
        let [(from, source), (to, target)] = [database(locale), database(locale)];
        SHARED.psql(
            &source,
            &format!(
                "{INTO}; insert into t select id, one::numeric::money, many::numeric[]::money[] \
                      from (values {values}) v (id, one, many)"
            ),
        );
        assert_eq!(amounts(&source), expected, "{locale}");
        let project = copy(&table(&from), "type: parquet, path: out/t, mode: replace");
        let ended = project.run(None);
        assert_eq!(ended.code, Some(0), "{locale}: {}", ended.err);
        // From the file, and without it.
        let file = format!("{{ type: parquet, path: \"{}\" }}", project.path("out/t").display());
        for source in [file, table(&from)] {
            let into = format!("type: postgres, url: \"{to}\", table: t, mode: replace");
            let ended = copy(&source, &into).run(None);
            assert_eq!(ended.code, Some(0), "{locale}, {source}: {}", ended.err);
            assert_eq!(amounts(&target), expected, "{locale}, {source}");
            let kinds = "select string_agg(format_type(atttypid, -1), ' ' order by attnum) \
                         from pg_attribute where attrelid = 't'::regclass and attnum > 0";
            assert_eq!(SHARED.psql(&target, kinds), "integer money money[]", "{locale}, {source}");
        }
    }
}

#[test]
fn amounts_go_into_money_of_other_digits_where_they_have_a_place_and_are_refused_elsewhere() {
    let yen = database("ja_JP.UTF-8");
    let [dinars, cents] = [database("ar_KW.UTF-8"), database("C")];
    SHARED.psql(&yen.1, &format!("{INTO}; insert into t values (1, 1234::money, '{{-5}}')"));
    SHARED.psql(
        &dinars.1,
        &format!(
            "{INTO}; insert into t values (1, 12.34::money, '{{-5}}'), (2, 0.005::money, '{{}}')"
        ),
    );
    SHARED.psql(&cents.1, INTO);
    let into = |(url, _): &(String, String)| {
        format!("type: postgres, url: \"{url}\", table: t, mode: truncate")
    };
    let ended = copy(&table(&yen.0), &into(&cents)).run(None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(amounts(&cents.1), "1|1234.00|{-5.00}");

    let ended = copy(&table(&dinars.0), &into(&cents)).run(None);
    assert_eq!(amounts(&cents.1), "1|1234.00|{-5.00}", "nothing is changed");
    let expected = "error: the amount has no place in `money` as the server's lc_monetary has it
  place:  000000 row 2
  column: one
  value:  0.005
  sink:   out

hint: give the column the type numeric, or cast the amount in the model
";
    assert_eq!(ended.err, expected);
}
