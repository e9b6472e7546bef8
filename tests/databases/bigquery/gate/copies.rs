//! Copy jobs: the rows of one table or many into another, all or none.

use serde_json::{Map, Value, json};

use super::answer::{Outcome, Refusal};
use super::jobs::Done;
use super::loads::shown;
use super::schema::can_follow;
use super::world::{Table, TableName, World};

const KNOWN: [&str; 6] = [
    "sourceTable",
    "sourceTables",
    "destinationTable",
    "writeDisposition",
    "createDisposition",
    "operationType",
];

impl World {
    pub(crate) fn copy(&mut self, location: &str, copy: &Value) -> Outcome<Done> {
        if let Some(key) = copy
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .find(|key| !KNOWN.contains(&key.as_str()))
        {
            return Err(Refusal::invalid(format!("the gate does not know copy jobs with `{key}`")));
        }
        if copy["operationType"].as_str().is_some_and(|kind| kind != "COPY") {
            return Err(Refusal::invalid("the gate only knows copies of operationType COPY"));
        }
        let target = TableName::of(&copy["destinationTable"])?;
        let sources = self.sources(copy, location)?;
        self.located(&target, location)?;
        self.permit("bigquery.tables.updateData", &target.to_string())?;
        for source in &sources[1..] {
            let (first, other) = (self.table(&sources[0])?, self.table(source)?);
            can_follow(&source.to_string(), &first.fields, &other.fields)?;
            can_follow(&source.to_string(), &other.fields, &first.fields)?;
            same_partitioning(first, other)?;
        }
        let first = self.table(&sources[0])?.clone();
        let rows = self.gather(&sources, &target)?;
        let counted: u64 = sources.iter().map(|name| self.tables[name].counted).sum();
        self.prepare_target(copy, &target, &first)?;
        let copied = rows.len() as u64 + counted;
        self.append(&target, rows)?;
        self.touch(&target)?.counted += counted;
        let mut statistics = Map::new();
        statistics.insert("copy".to_owned(), json!({ "copiedRows": copied.to_string(), "copiedLogicalBytes": (copied * 16).to_string() }));
        Ok(Done { statistics, ..Done::default() })
    }

    fn sources(&self, copy: &Value, location: &str) -> Outcome<Vec<TableName>> {
        let many = copy["sourceTables"].as_array().into_iter().flatten();
        let one = Some(&copy["sourceTable"]).filter(|one| one.is_object());
        let names: Vec<TableName> = many.chain(one).map(TableName::of).collect::<Outcome<_>>()?;
        if names.is_empty() {
            return Err(Refusal::new(
                400,
                "required",
                "Required parameter is missing: sourceTables",
            ));
        }
        if names.len() > 1_200 {
            return Err(Refusal::invalid("a copy job has at most 1,200 source tables"));
        }
        for name in &names {
            self.located(name, location)?;
            self.table(name)?;
            self.permit("bigquery.tables.getData", &name.to_string())?;
        }
        Ok(names)
    }

    /// The rows of all sources, by the names of the target's columns.
    fn gather(&self, sources: &[TableName], target: &TableName) -> Outcome<Vec<super::store::Row>> {
        let mut rows = Vec::new();
        for source in sources {
            let table = self.table(source)?;
            rows.extend(self.store.page(table.id, &table.fields, 0, usize::MAX >> 1)?);
        }
        // Names may differ in case from those of the target.
        if let Some(target) = self.tables.get(target) {
            for field in &target.fields {
                for row in rows.iter_mut().filter(|row| !row.contains_key(&field.name)) {
                    let key = row.keys().find(|key| field.is(key)).cloned();
                    if let Some(value) = key.and_then(|key| row.remove(&key)) {
                        row.insert(field.name.clone(), value);
                    }
                }
            }
        }
        Ok(rows)
    }

    fn prepare_target(&mut self, copy: &Value, target: &TableName, first: &Table) -> Outcome<()> {
        let Some(table) = self.tables.get(target).cloned() else {
            if copy["createDisposition"] == "CREATE_NEVER" {
                return Err(Refusal::not_found(target.to_string()));
            }
            self.permit(
                "bigquery.tables.create",
                &format!("Dataset {}:{}", target.project, target.dataset),
            )?;
            // Partitioning and clustering come along; expiration, labels and description do not.
            let kept = ["timePartitioning", "clustering", "requirePartitionFilter"];
            let set = first.set.iter().filter(|(key, _)| kept.contains(&key.as_str()));
            let set = set.map(|(key, value)| (key.clone(), value.clone())).collect();
            return self.create(target, first.fields.clone(), set);
        };
        match copy["writeDisposition"].as_str().unwrap_or("WRITE_EMPTY") {
            "WRITE_EMPTY" if self.count(&table) > 0 => {
                return Err(Refusal::duplicate(target.to_string()));
            }
            "WRITE_TRUNCATE" => {
                same_partitioning(&table, first)?;
                self.store.clear(table.id)?;
                self.reshape(target, first.fields.clone())?;
                let changed = self.touch(target)?;
                changed.counted = 0;
                match first.set.get("clustering") {
                    Some(clustering) => {
                        drop(changed.set.insert("clustering".to_owned(), clustering.clone()))
                    }
                    None => drop(changed.set.remove("clustering")),
                }
                return Ok(());
            }
            "WRITE_TRUNCATE_DATA" => {
                self.store.clear(table.id)?;
                self.touch(target)?.counted = 0;
            }
            _ => {}
        }
        same_partitioning(&table, first)?;
        can_follow(&target.to_string(), &table.fields, &first.fields)
    }
}

fn same_partitioning(one: &Table, other: &Table) -> Outcome<()> {
    let of = |table: &Table| table.set.get("timePartitioning").cloned().unwrap_or_default();
    let (one, other) = (of(one), of(other));
    if (&one["type"], &one["field"]) == (&other["type"], &other["field"]) {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "Incompatible table partitioning specification. Expected partitioning specification {}, but input partitioning specification is {}",
        shown(&one),
        shown(&other)
    )))
}
