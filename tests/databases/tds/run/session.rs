//! A session: its settings, its transaction, and the statements that it runs.

mod batch;
mod databases;
mod transaction;

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, SystemTime};

use super::super::sql::ast::{Expr, Name, Query, Source, Statement};
use super::super::store::catalog;
use super::super::store::collation::Collation;
use super::super::store::kind::{Kind, Type};
use super::super::store::state::{Shared, State};
use super::super::store::table::{Database, Key, Row, Table};
use super::super::store::value::Value;
use super::super::wire::tokens::Head;
use super::bind::{Binder, Context, Scope};
use super::convert::convert;
use super::define::define;
use super::eval::Env;
use super::plan::plan;
use super::world::World;
use super::writes::{self, Write, write};
use super::{DIRTY, Failure};

pub(crate) use batch::{Batch, parameters};
use transaction::{Open, overlaid};

/// What a statement answers.
#[derive(Debug)]
pub(crate) enum Outcome {
    Rows(Vec<Head>, Vec<Row>),
    /// Rows that were changed.
    Count(u64),
    Nothing,
    Told(String),
    Wait(Duration),
    /// The session is in another database now.
    Moved(String, String),
    /// A transaction has begun (true) or ended.
    Transaction(bool),
}

#[derive(Debug)]
pub(crate) struct Session {
    shared: Arc<Shared>,
    pub(crate) spid: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) is_owner: bool,
    pub(crate) isolation: String,
    pub(crate) application: String,
    pub(crate) settings: BTreeMap<String, String>,
    variables: BTreeMap<String, (Type, Value)>,
    rowcount: u64,
    depth: u32,
    open: Option<Open>,
    own_identity: Option<Name>,
    last_identity: Option<i64>,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        spid: u16,
        database: &str,
        user: &str,
        is_owner: bool,
    ) -> Self {
        Session {
            shared,
            spid,
            database: database.to_owned(),
            user: user.to_owned(),
            is_owner,
            isolation: "read committed".to_owned(),
            application: String::new(),
            settings: BTreeMap::new(),
            variables: BTreeMap::new(),
            rowcount: 0,
            depth: 0,
            open: None,
            own_identity: None,
            last_identity: None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no thread panicked")
    }

    /// Parameters of a procedure, or nothing, before a batch.
    pub(crate) fn begin_batch(&mut self, variables: BTreeMap<String, (Type, Value)>) {
        self.variables = variables;
    }

    /// The value of an expression that stands on no table.
    fn value(&mut self, expr: &Expr) -> Result<(Type, Value), Failure> {
        let world = self.world()?;
        let context = Context { world: &world, with: Vec::new(), outer: None, depth: 0 };
        let scope = Scope { columns: Vec::new(), outer: None };
        let bound = Binder::new(&context, &scope).bind(expr)?;
        let value = bound.eval(&Env { row: &[], outer: None, world: &world })?;
        Ok((bound.of, value))
    }

    /// What this session sees now.
    fn world(&self) -> Result<World, Failure> {
        let state = self.state();
        let committed = Arc::clone(state.database(&self.database)?);
        let versioned = self.isolation == "snapshot" || committed.read_committed_snapshot;
        let base = match &self.open {
            Some(open) => match &open.snapshot {
                Some(snapshot) if self.isolation == "snapshot" => overlaid(snapshot, open),
                _ => overlaid(&committed, open),
            },
            None => Arc::clone(&committed),
        };
        let others = |holders: &BTreeMap<u16, bool>| holders.keys().any(|own| *own != self.spid);
        let locks = state.locks.iter().filter(|(_, holders)| others(holders));
        let locked =
            if versioned { Vec::new() } else { locks.map(|(key, _)| key.clone()).collect() };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(World {
            globals: self.globals(&state, base.id),
            min_active: state.min_active(base.id),
            all: state.databases.clone(),
            locked,
            variables: self.variables.clone(),
            user: self.user.clone(),
            is_owner: self.is_owner,
            isolation: self.isolation.clone(),
            application: self.application.clone(),
            spid: self.spid,
            sessions: state.sessions.clone(),
            product_version: state.product_version.clone(),
            edition: state.edition.clone(),
            now: i64::try_from(now.as_micros()).unwrap_or(i64::MAX),
            database: base,
        })
    }

    fn globals(&self, state: &State, database: i32) -> BTreeMap<String, (Type, Value)> {
        let int = |n: i64| (Type::not_null(Kind::Int), Value::Int(n));
        let text = |text: &str| (Type::of(Kind::NVarChar(Some(300))), Value::text(text));
        let version = state.versions.get(&database).copied().unwrap_or(0);
        let setting = |name: &str| self.settings.get(name).and_then(|value| value.parse().ok());
        let identity = self.last_identity.map_or(Value::Null, Value::Int);
        [
            (
                "version",
                text(&format!(
                    "Microsoft SQL Server 2022 (stand-in of dhow's tests) - {}",
                    state.product_version
                )),
            ),
            ("spid", (Type::not_null(Kind::SmallInt), Value::Int(i64::from(self.spid)))),
            ("servername", text("STANDIN")),
            ("servicename", text("MSSQLSERVER")),
            ("language", text("us_english")),
            ("rowcount", int(i64::try_from(self.rowcount).unwrap_or(0))),
            ("trancount", int(i64::from(self.depth))),
            ("textsize", int(setting("textsize").unwrap_or(4096))),
            ("lock_timeout", int(setting("lock_timeout").unwrap_or(-1))),
            (
                "datefirst",
                (Type::not_null(Kind::TinyInt), Value::Int(setting("datefirst").unwrap_or(7))),
            ),
            ("options", int(5496)),
            ("max_precision", (Type::not_null(Kind::TinyInt), Value::Int(38))),
            ("error", int(0)),
            ("nestlevel", int(0)),
            ("microsoftversion", int(0x1000_0000)),
            ("dbts", (Type::of(Kind::VarBinary(Some(8))), Value::bytes(version.to_be_bytes()))),
            (
                "identity",
                (
                    Type::of(Kind::Decimal(38, 0)),
                    match identity {
                        Value::Int(n) => Value::Decimal(i128::from(n), 0),
                        other => other,
                    },
                ),
            ),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// Runs a statement. A failure may say that it has to wait.
    pub(crate) fn execute(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        let done = self.dispatch(statement);
        match &done {
            Err(failure) if failure.number == DIRTY => {
                let told = format!("{statement:?}");
                self.state().dirty.push(told);
            }
            Err(failure)
                if failure.is_blocked()
                    && self.settings.get("lock_timeout").is_some_and(|t| t == "0") =>
            {
                return Err(Failure::new(1222, "Lock request time out period exceeded."));
            }
            Ok(Outcome::Rows(_, rows)) => self.rowcount = u64::try_from(rows.len()).unwrap_or(0),
            Ok(Outcome::Count(count)) => self.rowcount = *count,
            _ => {}
        }
        done
    }

    fn dispatch(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::Insert { into: name, .. } => self.write(name, statement),
            Statement::Update { what, from, .. } | Statement::Delete { what, from, .. } => {
                let name = writes::target(what, from)?;
                self.write(&name, statement)
            }
            Statement::Truncate(name) => self.write(name, statement),
            Statement::CreateTable { name, .. }
            | Statement::CreateView { name, .. }
            | Statement::CreateSynonym(name, _)
            | Statement::CreateIndex(name, _)
            | Statement::AlterTable(name, _) => self.define(name, statement),
            Statement::Drop { what, names, .. } if what == "database" => self.drop_databases(names),
            Statement::Drop { names, .. } => {
                self.define(names.last().ok_or_else(|| Failure::syntax("drop"))?, statement)
            }
            Statement::Begin | Statement::Commit | Statement::Rollback => {
                self.transaction(statement)
            }
            Statement::Execute(_, args) => self.describe(args),
            _ => self.other(statement),
        }
    }

    fn other(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        match statement {
            Statement::Isolation(level) => {
                if level == "read uncommitted" {
                    return Err(Failure::new(
                        DIRTY,
                        "the stand-in does not read what is not committed",
                    ));
                }
                self.isolation.clone_from(level);
            }
            Statement::Set(name, value) => {
                for name in name.split(',') {
                    self.settings.insert(name.to_owned(), value.clone());
                }
            }
            Statement::IdentityInsert(name, on) => self.own_identity = on.then(|| name.clone()),
            Statement::Declare(all) => {
                for (name, kind, expr) in all {
                    let of = Type::of(*kind);
                    let value = match expr {
                        None => Value::Null,
                        Some(expr) => {
                            let (from, value) = self.value(expr)?;
                            convert(&value, &from, &of, 0)?
                        }
                    };
                    self.variables.insert(name.clone(), (of, value));
                }
            }
            Statement::Assign(name, expr) => self.assign(name, expr)?,
            Statement::Use(name) => {
                let state = self.state();
                let found = state.database(name)?.name.clone();
                drop(state);
                let before = std::mem::replace(&mut self.database, found.clone());
                return Ok(Outcome::Moved(found, before));
            }
            Statement::Wait(expr) => {
                let (from, value) = self.value(expr)?;
                let of = Type::of(Kind::Time(7));
                let ticks = match convert(&value, &from, &of, 0)? {
                    Value::Time(ticks) => u64::try_from(ticks).unwrap_or(0),
                    _ => 0,
                };
                return Ok(Outcome::Wait(Duration::from_nanos(ticks * 100)));
            }
            Statement::Print(expr) => {
                let (of, value) = self.value(expr)?;
                return Ok(Outcome::Told(super::convert::display(&value, of.kind, 0)));
            }
            Statement::Raise(args) => return self.raise(args),
            Statement::CreateSchema(name) => {
                self.state().database_mut(&self.database)?.schemas.push(name.clone())
            }
            Statement::CreatePolicy(name, on) => {
                let mut state = self.state();
                let database = state.database_mut(&self.database)?;
                let table = database.table(on)?.id;
                database.policies.push((name.clone(), table));
            }
            Statement::CreateDatabase { name, snapshot_of, collation } => {
                self.create_database(name, snapshot_of.as_deref(), collation.as_deref())?;
            }
            Statement::AlterDatabase(name, settings) => {
                self.alter_database(name.as_deref(), settings)?
            }
            Statement::Permission(verb, columns, name, whom) => {
                self.permit(verb, columns, name, whom)?
            }
            _ => {}
        }
        Ok(Outcome::Nothing)
    }

    fn assign(&mut self, name: &str, expr: &Expr) -> Result<(), Failure> {
        let (from, value) = self.value(expr)?;
        let known = self.variables.get_mut(name).ok_or_else(|| {
            Failure::new(137, &format!("Must declare the scalar variable \"{name}\"."))
        })?;
        known.1 = convert(&value, &from, &known.0, 0)?;
        Ok(())
    }

    fn raise(&mut self, args: &[Expr]) -> Result<Outcome, Failure> {
        let mut values = Vec::new();
        for arg in args {
            values.push(self.value(arg)?.1);
        }
        let text = values.first().and_then(Value::string).unwrap_or_default();
        let class = values.get(1).and_then(Value::int).unwrap_or(16);
        if class <= 10 {
            return Ok(Outcome::Told(text));
        }
        let class = u8::try_from(class).unwrap_or(16);
        Err(Failure { class, ..Failure::new(50_000, &text) })
    }

    fn query(&mut self, query: &Query) -> Result<Outcome, Failure> {
        if self.isolation == "snapshot" && reads_tables(query) {
            self.take_snapshot()?;
        }
        let world = self.world()?;
        let context = Context { world: &world, with: Vec::new(), outer: None, depth: 0 };
        let found = plan(query, &context)?;
        let rows = found.run(&world, None)?;
        if let super::super::sql::ast::Body::Select(select) = &query.body
            && let Some(into) = &select.into
        {
            return self.select_into(into, &found.heads, rows);
        }
        if !found.assigned.is_empty() {
            if let Some(last) = rows.last() {
                for (name, (value, head)) in
                    found.assigned.iter().zip(last.iter().zip(&found.heads))
                {
                    if let Some(known) = self.variables.get_mut(name) {
                        known.1 = convert(value, &head.of, &known.0, 0)?;
                    }
                }
            }
            return Ok(Outcome::Nothing);
        }
        let rows = self.cut(&found.heads, rows);
        Ok(Outcome::Rows(found.heads, rows))
    }

    /// Long values, as far as `set textsize` lets them go.
    fn cut(&self, heads: &[Head], rows: Vec<Row>) -> Vec<Row> {
        let size = self.settings.get("textsize").and_then(|size| size.parse::<usize>().ok());
        let Some(size) = size else { return rows };
        let is_long = |of: &Type| {
            use Kind::{Image, NText, NVarChar, Text, VarBinary, VarChar};
            matches!(
                of.kind,
                VarChar(None) | NVarChar(None) | VarBinary(None) | Text | NText | Image
            )
        };
        if !heads.iter().any(|head| is_long(&head.of)) {
            return rows;
        }
        let cell = |(value, head): (&Value, &Head)| match value {
            Value::Bytes(bytes) if is_long(&head.of) && bytes.len() > size => {
                Value::bytes(&bytes[..size])
            }
            Value::Text(units) if is_long(&head.of) => {
                let width = if head.of.kind.is_ansi() { 1 } else { 2 };
                Value::Text(units.iter().take(size / width).copied().collect())
            }
            value => value.clone(),
        };
        rows.iter().map(|row| row.iter().zip(heads).map(cell).collect()).collect()
    }

    fn select_into(
        &mut self,
        into: &Name,
        heads: &[Head],
        rows: Vec<Row>,
    ) -> Result<Outcome, Failure> {
        let columns = heads.iter().map(|head| super::super::sql::ast::ColumnText {
            name: head.name.clone(),
            kind: Some(head.of.kind),
            nullable: Some(head.of.nullable),
            collation: Some(head.of.collation.name().to_owned()),
            ..Default::default()
        });
        let made = Statement::CreateTable {
            name: into.clone(),
            columns: columns.collect(),
            indexes: Vec::new(),
            options: Vec::new(),
        };
        self.define(into, &made)?;
        let count = u64::try_from(rows.len()).unwrap_or(0);
        let mut state = self.state();
        let database = state.database_mut(&self.database)?;
        let key = database.key(into);
        if let Some(table) = database.tables.get_mut(&key) {
            Arc::make_mut(table).rows = Arc::new(rows);
        }
        Ok(Outcome::Count(count))
    }

    fn describe(&mut self, args: &[(Option<String>, Expr)]) -> Result<Outcome, Failure> {
        let named = args.iter().find(|(name, _)| name.as_deref() == Some("@tsql"));
        let Some((_, expr)) = named.or(args.first()) else { return Err(Failure::syntax("exec")) };
        let text = self.value(expr)?.1.string().unwrap_or_default();
        let mode =
            args.iter().find(|(name, _)| name.as_deref() == Some("@browse_information_mode"));
        let browse = match mode.or(args.get(2)) {
            Some((_, expr)) => self.value(expr)?.1.int() == Some(1),
            None => false,
        };
        let mut world = self.world()?;
        // Nobody waits for locks to learn what columns there are.
        world.locked.clear();
        let rows = catalog::describe(&text, browse, &world)?;
        let heads = catalog::described().into_iter().map(|(name, of)| Head {
            name: name.to_owned(),
            of,
            identity: false,
            computed: true,
            source: None,
        });
        Ok(Outcome::Rows(heads.collect(), rows))
    }

    fn write(&mut self, name: &Name, statement: &Statement) -> Result<Outcome, Failure> {
        let mut world = self.world()?;
        // One who writes knows the rows that it meets; it may write whatever it can name.
        world.is_owner = true;
        let only_adds = matches!(statement, Statement::Insert { .. });
        let own_identity = self.own_identity.as_ref().is_some_and(|own| own.last() == name.last());
        let (count, last) =
            self.changed(name, only_adds, |database, state, spid, in_transaction| {
                let id = database.id;
                let mut next = || {
                    let version = state.next_version(id);
                    if in_transaction {
                        state.active.entry(spid).or_insert((id, version));
                    }
                    version
                };
                let mut with = Write {
                    world: &world,
                    next_version: &mut next,
                    own_identity,
                    last_identity: None,
                };
                let count = write(database, statement, &mut with)?;
                Ok((count, with.last_identity))
            })?;
        self.last_identity = last.or(self.last_identity);
        Ok(Outcome::Count(count))
    }

    fn define(&mut self, name: &Name, statement: &Statement) -> Result<Outcome, Failure> {
        let world = self.world()?;
        self.changed(name, false, |database, state, _, _| {
            let id = state.next_object();
            define(database, statement, &world, id)
        })?;
        Ok(Outcome::Nothing)
    }

    /// As a new session: what `sp_reset_connection` does.
    pub(crate) fn reset(&mut self) {
        self.end(false);
        "read committed".clone_into(&mut self.isolation);
        self.settings.clear();
        self.variables.clear();
    }
}

/// Whether a query reads rows that somebody may change.
fn reads_tables(query: &Query) -> bool {
    fn source(of: &Source) -> bool {
        match of {
            Source::Table(name, ..) => {
                let schema =
                    name.len().checked_sub(2).map_or("", |at| name[at].as_str()).to_lowercase();
                schema != "sys" && schema != "information_schema"
            }
            Source::Query(query, ..) => reads_tables(query),
            Source::Function(..) => false,
            Source::Join(left, _, right, _) => source(left) || source(right),
        }
    }
    match &query.body {
        super::super::sql::ast::Body::Select(select) => select.from.iter().any(source),
        super::super::sql::ast::Body::Values(_) => false,
        super::super::sql::ast::Body::Both(left, _, right) => {
            reads_tables(left) || reads_tables(right)
        }
    }
}
