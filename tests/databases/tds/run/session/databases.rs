//! What a session does to whole databases, and to rights in them.

use std::sync::Arc;

use super::super::super::sql::ast::Name;
use super::super::super::store::collation::Collation;
use super::super::super::store::table::Database;
use super::super::Failure;
use super::{Outcome, Session};

impl Session {
    pub(super) fn create_database(
        &mut self,
        name: &str,
        of: Option<&str>,
        collation: Option<&str>,
    ) -> Result<(), Failure> {
        let mut state = self.state();
        if state.database(name).is_ok() {
            return Err(Failure::new(
                1801,
                &format!("Database '{name}' already exists. Choose a different database name."),
            ));
        }
        let collation = collation
            .map(|name| {
                Collation::named(name).ok_or_else(|| Failure::new(448, "Invalid collation."))
            })
            .transpose()?;
        let id = state.add(name, collation.unwrap_or_default());
        if let Some(of) = of {
            let source = Arc::clone(state.database(of)?);
            let version = state.versions.get(&source.id).copied().unwrap_or(2000);
            state.versions.insert(id, version);
            let copy = Database {
                id,
                name: name.to_owned(),
                snapshot_of: Some(source.id),
                ..Database::clone(&source)
            };
            state.databases.insert(name.to_lowercase(), Arc::new(copy));
        }
        Ok(())
    }

    pub(super) fn drop_databases(&mut self, names: &[Name]) -> Result<Outcome, Failure> {
        let mut state = self.state();
        for name in names {
            let name = name.last().map_or("", String::as_str);
            state.database(name)?;
            state.databases.remove(&name.to_lowercase());
        }
        Ok(Outcome::Nothing)
    }

    pub(super) fn alter_database(
        &mut self,
        name: Option<&str>,
        settings: &[(String, String)],
    ) -> Result<(), Failure> {
        let name = name.unwrap_or(&self.database).to_owned();
        let mut state = self.state();
        let database = state.database_mut(&name)?;
        for (key, value) in settings {
            let on = value == "on";
            match key.as_str() {
                "read_committed_snapshot" => database.read_committed_snapshot = on,
                "allow_snapshot_isolation" => database.allow_snapshot = on,
                "collate" => {
                    database.collation = Collation::named(value)
                        .ok_or_else(|| Failure::new(448, "Invalid collation."))?;
                }
                _ => {
                    database.settings.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    pub(super) fn permit(
        &mut self,
        verb: &str,
        columns: &[String],
        name: &Name,
        whom: &str,
    ) -> Result<(), Failure> {
        let mut state = self.state();
        let database = state.database_mut(&self.database)?;
        if name.is_empty() {
            let (verb, right) = verb.split_once(' ').unwrap_or((verb, ""));
            match verb {
                "deny" => database.denied.push((whom.to_owned(), right.to_owned())),
                _ => {
                    database.settings.insert(format!("grant {right}"), whom.to_owned());
                }
            }
            return Ok(());
        }
        let key = database.key(name);
        let found = database.tables.get_mut(&key).ok_or_else(|| Failure::no_object(name))?;
        let table = Arc::make_mut(found);
        let which: Vec<Option<String>> = if columns.is_empty() {
            vec![None]
        } else {
            columns.iter().cloned().map(Some).collect()
        };
        for column in which {
            table.denied.retain(|own| *own != (whom.to_owned(), column.clone()));
            if verb == "deny" {
                table.denied.push((whom.to_owned(), column));
            }
        }
        Ok(())
    }
}
