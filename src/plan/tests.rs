//! Plans from pipelines and facts, without a world.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::config::{
    CheckDef, ModelDef, OnRefused, Options, Pipeline, SinkDef, SourceDef, Sql, Var,
};
use crate::error::{Error, Kind};
use crate::plan::{Facts, LoadStep, Plan, RelationFacts, SourceFacts, Step, plan};
use crate::sink::{Mode, Target};
use crate::source::{RowForm, SnapshotId, Split};

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn columns() -> SchemaRef {
    schema(&[("id", DataType::Int64), ("amount", DataType::Float64)])
}

fn source(name: &str) -> SourceDef {
    let options = Options::of_arguments(&[("path", "in/*.csv")]);
    SourceDef { name: name.into(), connector: "csv".into(), options }
}

fn model(name: &str, text: &str) -> ModelDef {
    ModelDef { name: name.into(), sql: sql(name, text) }
}

fn sql(name: &str, text: &str) -> Sql {
    Sql { file: format!("sql/{name}.sql"), text: text.into() }
}

fn check(name: &str, refused: OnRefused) -> CheckDef {
    CheckDef { name: name.into(), sql: sql(name, "select * from clean where id < 0"), refused }
}

fn sink(name: &str, from: &str, mode: Mode) -> SinkDef {
    let options = Options::of_arguments(&[("path", &format!("out/{name}"))]);
    let (name, from, connector) = (name.into(), from.into(), "parquet".into());
    SinkDef { name, from, connector, mode, allow_empty: false, max_refused: None, options }
}

fn relation(names: &[&str], scans: &[(&str, usize)], follows: Option<&str>) -> RelationFacts {
    RelationFacts {
        schema: columns(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        scans: scans.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect(),
        follows: follows.map(str::to_owned),
        losses: vec![],
        explained: String::new(),
    }
}

/// orders → clean (row-local) → totals (joins clean with orders); two sinks, three checks.
fn shop() -> (Pipeline, Facts) {
    let pipeline = Pipeline {
        name: "shop".into(),
        sources: vec![source("orders"), source("idle")],
        models: vec![
            model("clean", "select id, amount from orders where id > {least}"),
            model("totals", "select c.id, o.amount from clean c join orders o on c.id = o.id"),
        ],
        checks: vec![
            check("positive", OnRefused::Reject),
            check("known", OnRefused::Stop),
            check("elsewhere", OnRefused::Warn),
        ],
        sinks: vec![
            sink("clean_out", "clean", Mode::Append),
            sink("totals_out", "totals", Mode::Replace),
        ],
        vars: BTreeMap::from([
            ("least".to_owned(), Var::Integer(3)),
            ("date".to_owned(), Var::Integer(1)),
        ]),
        ..Pipeline::default()
    };
    let split = |index: usize| Split {
        id: format!("{index:04}"),
        rows: Some(1_000),
        bytes: Some(2_500_000),
    };
    let splits: Vec<_> = (0..3).map(split).collect();
    let frozen = SourceFacts {
        key: Vec::new(),
        snapshot: SnapshotId("s".into()),
        splits,
        high: None,
        notes: vec![],
        statement: None,
        form: None,
    };
    let facts = Facts {
        sources: BTreeMap::from([("orders".into(), frozen)]),
        relations: BTreeMap::from([
            ("orders".into(), relation(&[], &[("orders", 1)], Some("orders"))),
            ("idle".into(), relation(&[], &[("idle", 1)], Some("idle"))),
            ("clean".into(), relation(&["orders"], &[("orders", 1)], Some("orders"))),
            ("totals".into(), relation(&["clean", "orders"], &[("orders", 2)], None)),
        ]),
        checks: BTreeMap::from([
            ("positive".into(), relation(&["clean"], &[("orders", 1)], Some("orders"))),
            ("known".into(), relation(&["clean"], &[("orders", 1)], None)),
            ("elsewhere".into(), relation(&["idle"], &[("idle", 1)], None)),
        ]),
        targets: BTreeMap::from([(
            "totals_out".into(),
            Target { schema: Some(columns()), rows: Some(1204), ..Target::default() },
        )]),
        geo_database: None,
    };
    (pipeline, facts)
}

fn planned(pipeline: &Pipeline, facts: &Facts, select: &[&str]) -> Plan {
    let select: Vec<String> = select.iter().map(|name| (*name).to_owned()).collect();
    plan(pipeline, facts, &select).unwrap()
}

fn refused(pipeline: &Pipeline, facts: &Facts, select: &[&str]) -> Vec<Error> {
    let select: Vec<String> = select.iter().map(|name| (*name).to_owned()).collect();
    plan(pipeline, facts, &select).unwrap_err()
}

fn names(plan: &Plan) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Check(check) => check.check.clone(),
        Step::Load(load) => load.sink.clone(),
    };
    plan.steps.iter().map(name).collect()
}

fn first_load(plan: &Plan) -> &LoadStep {
    plan.loads().next().unwrap()
}

#[test]
fn a_plan_is_shown_in_full() {
    let (pipeline, facts) = shop();
    assert_eq!(
        planned(&pipeline, &facts, &[]).shown(),
        "shop would run 2 loads and change 2 tables\n\
         \n\
         1  check known: stops the run when it returns rows\n\
         \n\
         2  clean → parquet out/clean_out    by split: 3 splits of orders; append\n     \
         reads orders: about 3,000 rows, 7.5 MB\n     \
         makes a new table\n     \
         rows are refused by positive\n     \
         columns: id Int64, amount Float64\n\
         \n\
         3  totals → parquet out/totals_out    whole; replace\n     \
         reads orders: about 6,000 rows, 15.0 MB\n     \
         overwrites a table of 1,204 rows\n     \
         columns: id Int64, amount Float64\n\
         \n\
         note: `orders` is read 2 times for `totals_out`, each time whole\n\
         note: `totals_out` takes away the 1,204 rows that are in parquet out/totals_out now\n"
    );
}

#[test]
fn a_plan_as_json_names_every_step() {
    let (pipeline, facts) = shop();
    let json = planned(&pipeline, &facts, &["clean_out"]).to_json();
    let mut load = json["steps"][1].clone();
    load["fingerprint"] = "f".into();
    assert_eq!(
        load,
        serde_json::json!({
            "step": "load", "sink": "clean_out", "from": "clean",
            "target": "parquet out/clean_out", "mode": "append", "key": [],
            "allow_empty": false, "by_split_of": "orders", "reads": ["orders"],
            "rejecting": ["positive"], "splits": 3,
            "parts": 3, "rows": 3000, "bytes": 7_500_000,
            "before": {"exists": false, "rows": null, "bytes": null},
            "columns": [
                {"name": "id", "type": "Int64", "nullable": true},
                {"name": "amount", "type": "Float64", "nullable": true},
            ],
            "fingerprint": "f",
        })
    );
}

#[test]
fn a_sink_is_selected_by_its_name_or_by_what_it_depends_on() {
    let (pipeline, facts) = shop();
    assert_eq!(names(&planned(&pipeline, &facts, &["clean_out"])), ["known", "clean_out"]);
    assert_eq!(names(&planned(&pipeline, &facts, &["totals"])), ["known", "totals_out"]);
    let all = ["known", "clean_out", "totals_out"];
    assert_eq!(names(&planned(&pipeline, &facts, &["clean"])), all);
    assert_eq!(names(&planned(&pipeline, &facts, &["orders"])), all);
}

#[test]
fn an_unknown_or_useless_selection_is_refused() {
    let (pipeline, facts) = shop();
    let errors = refused(&pipeline, &facts, &["cleen"]);
    assert_eq!(errors[0].message(), "no sink, model or source is called `cleen`");
    assert!(errors[0].advice().unwrap().starts_with("did you mean `clean`?"));
    let errors = refused(&pipeline, &facts, &["idle"]);
    assert_eq!(errors[0].message(), "no sink depends on `idle`");
}

#[test]
fn a_rejecting_check_that_no_sink_uses_is_refused() {
    let (mut pipeline, facts) = shop();
    pipeline.sinks.remove(0);
    let errors = refused(&pipeline, &facts, &[]);
    assert_eq!(
        errors[0].message(),
        "check `positive` refuses rows of `clean`, which no sink writes"
    );
}

#[test]
fn a_load_runs_whole_when_its_check_does() {
    let (pipeline, mut facts) = shop();
    facts.checks.get_mut("positive").unwrap().follows = None;
    let plan = planned(&pipeline, &facts, &[]);
    assert_eq!((first_load(&plan).by_split_of.clone(), first_load(&plan).parts), (None, None));
}

#[test]
fn sizes_that_one_split_does_not_know_are_unknown() {
    let (pipeline, mut facts) = shop();
    facts.sources.get_mut("orders").unwrap().splits[1].rows = None;
    let plan = planned(&pipeline, &facts, &[]);
    assert_eq!((first_load(&plan).rows, first_load(&plan).bytes), (None, Some(7_500_000)));
}

#[test]
fn columns_that_do_not_fit_the_target_are_refused_in_every_mode_but_replace() {
    let there = schema(&[("id", DataType::Int32), ("note", DataType::Utf8)]);
    let key = vec!["id".to_owned()];
    let modes = [Mode::Append, Mode::Truncate, Mode::Merge(key.clone()), Mode::DeleteInsert(key)];
    for mode in modes {
        let (mut pipeline, mut facts) = shop();
        pipeline.sinks[0].mode = mode;
        let target = Target { schema: Some(there.clone()), ..Target::default() };
        facts.targets.insert("clean_out".into(), target);
        let errors = refused(&pipeline, &facts, &[]);
        let messages: Vec<_> = errors.iter().map(Error::message).collect();
        assert_eq!(
            messages,
            [
                "column `id` does not fit its target",
                "column `amount` is not in its target",
                "column `note` of the target is not in `clean`",
            ]
        );
        assert!(errors.iter().all(|error| error.kind() == Kind::Drift));
        assert_eq!(
            errors[0].report(),
            "error: column `id` does not fit its target\n  \
             source: clean.id, Int64\n  \
             target: parquet out/clean_out.id, Int32\n  \
             sink:   clean_out (parquet)\n\n\
             hint: convert it in a model so that it becomes Int32, or use mode `replace`"
        );
        pipeline.sinks[0].mode = Mode::Replace;
        assert!(plan(&pipeline, &facts, &[]).is_ok());
    }
}

#[test]
fn rows_that_may_go_on_as_they_came_are_told_where_source_and_sink_know_their_layout() {
    let (_, plain) = shop();
    let told = |from: &str, layout: Option<&'static str>| {
        let (mut pipeline, mut facts) = shop();
        pipeline.sinks = vec![sink("copy", from, Mode::Append)];
        pipeline.checks.clear();
        let form = RowForm { layout: "rows in boxes", types: vec!["integer".into()] };
        facts.sources.get_mut("orders").unwrap().form = Some(form);
        facts.targets.insert("copy".into(), Target { layout, ..Target::default() });
        let plain = Facts { targets: facts.targets.clone(), ..plain.clone() };
        assert_eq!(planned(&pipeline, &plain, &[]).notes, Vec::<String>::new());
        planned(&pipeline, &facts, &[]).notes
    };
    let note = "`copy`: rows go on as `orders` sends them, where all columns have the same types";
    assert_eq!(told("orders", Some("rows in boxes")), [note]);
    assert_eq!(told("orders", Some("rows in bags")), Vec::<String>::new());
    assert_eq!(told("orders", None), Vec::<String>::new());
    assert_eq!(told("clean", Some("rows in boxes")), Vec::<String>::new());
}

#[test]
fn a_key_must_be_a_column_that_can_tell_rows_apart() {
    let (mut pipeline, facts) = shop();
    pipeline.sinks[0].mode = Mode::Merge(vec!["ident".into(), "amount".into()]);
    let errors = refused(&pipeline, &facts, &[]);
    let messages: Vec<_> = errors.iter().map(Error::message).collect();
    assert_eq!(
        messages,
        [
            "key column `ident` is not in `clean`",
            "key column `amount` is Float64, which cannot tell rows apart",
        ]
    );
}

#[test]
fn a_fingerprint_changes_with_what_is_written_and_with_nothing_else() {
    let print = |change: fn(&mut Pipeline, &mut Facts)| {
        let (mut pipeline, mut facts) = shop();
        change(&mut pipeline, &mut facts);
        first_load(&planned(&pipeline, &facts, &["clean_out"])).fingerprint.clone()
    };
    let usual = print(|_, _| {});
    let changes: [fn(&mut Pipeline, &mut Facts); 8] = [
        |p, _| p.models[0].sql.text.push(' '),
        |p, _| p.vars.insert("least".into(), Var::Integer(4)).map_or((), |_| ()),
        |p, _| p.sources[0].options = Options::of_arguments(&[("path", "in/b.csv")]),
        |p, _| p.sinks[0].options = Options::of_arguments(&[("path", "out/b")]),
        |p, _| p.sinks[0].mode = Mode::Truncate,
        |p, _| p.checks[0].sql.text.push(' '),
        |p, _| p.rejects.max_rows = 7,
        |_, f| f.relations.get_mut("clean").unwrap().schema = schema(&[("id", DataType::Int64)]),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_ne!(print(change), usual, "change {index}");
    }
    let same: [fn(&mut Pipeline, &mut Facts); 5] = [
        |p, _| p.models[1].sql.text.push(' '),
        |p, _| p.vars.insert("date".into(), Var::Integer(2)).map_or((), |_| ()),
        |p, _| p.description = Some("other words".into()),
        |p, _| p.sinks.reverse(),
        |_, f| f.sources.get_mut("orders").unwrap().splits.truncate(1),
    ];
    for (index, change) in same.into_iter().enumerate() {
        assert_eq!(print(change), usual, "change {index}");
    }
}

#[test]
fn a_fingerprint_changes_with_the_database_of_places_where_the_sql_looks_into_it() {
    let print = |text: &str, database: Option<&str>| {
        let (mut pipeline, mut facts) = shop();
        pipeline.models[0].sql.text = text.to_owned();
        facts.geo_database = database.map(str::to_owned);
        first_load(&planned(&pipeline, &facts, &["clean_out"])).fingerprint.clone()
    };
    let looks = "select GEO_IP(ip, 'country.iso_code') from orders";
    assert_ne!(print(looks, Some("a")), print(looks, Some("b")));
    assert_eq!(print("select 1", Some("a")), print("select 1", Some("b")));
}
