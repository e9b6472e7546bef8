//! The parser of what makes, changes and drops tables and the like.

use super::super::run::Failure;
use super::super::store::kind::Kind;
use super::ast::{Alter, ColumnText, IndexText, Name, Statement};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

impl Parser<'_> {
    pub(crate) fn definition(&mut self) -> Parsed<Option<Statement>> {
        if self.word("create") {
            return self.create().map(Some);
        }
        if self.words("alter table") {
            return self.alter_table().map(Some);
        }
        if self.words("alter database") {
            return self.alter_database().map(Some);
        }
        if self.word("drop") {
            return self.drop_it().map(Some);
        }
        for verb in ["deny", "grant", "revoke"] {
            if self.word(verb) {
                return self.permission(verb).map(Some);
            }
        }
        Ok(None)
    }

    fn create(&mut self) -> Parsed<Statement> {
        if self.word("table") {
            return self.create_table();
        }
        if self.words("external table") {
            let mut made = self.create_table()?;
            if let Statement::CreateTable { options, .. } = &mut made {
                options.push("external".to_owned());
            }
            return Ok(made);
        }
        if self.word("view") || self.words("or alter view") {
            return self.create_view();
        }
        if self.word("schema") {
            return self.ident().map(Statement::CreateSchema);
        }
        if self.word("database") {
            return self.create_database();
        }
        if self.word("synonym") {
            let name = self.name()?;
            self.need("for")?;
            return Ok(Statement::CreateSynonym(name, self.name()?));
        }
        if self.words("security policy") {
            let name = self.name()?;
            while !self.is("on") {
                if self.peek().is_none() {
                    return Err(self.wrong());
                }
                self.at += 1;
            }
            self.at += 1;
            let on = self.name()?;
            return Ok(Statement::CreatePolicy(name.last().cloned().unwrap_or_default(), on));
        }
        self.create_index()
    }

    fn create_index(&mut self) -> Parsed<Statement> {
        let mut index = IndexText { unique: self.word("unique"), ..IndexText::default() };
        index.clustered = self.clustered();
        index.columnstore = self.word("columnstore");
        self.need("index")?;
        index.name = Some(self.ident()?);
        self.need("on")?;
        let table = self.name()?;
        if self.is_mark("(") {
            index.columns = self.index_columns()?;
        }
        if self.word("include") {
            index.included = self.names()?;
        }
        if self.word("where") {
            index.filter = Some(self.expr()?);
        }
        self.pass_options()?;
        Ok(Statement::CreateIndex(table, index))
    }

    fn clustered(&mut self) -> Option<bool> {
        if self.word("nonclustered") {
            return Some(false);
        }
        self.word("clustered").then_some(true)
    }

    fn index_columns(&mut self) -> Parsed<Vec<(String, bool)>> {
        self.need_mark("(")?;
        let columns = self.list(|parser| {
            let name = parser.ident()?;
            let descending = parser.word("desc");
            if !descending {
                parser.word("asc");
            }
            Ok((name, descending))
        })?;
        self.need_mark(")")?;
        Ok(columns)
    }

    /// `with (…)` and `on …`: the words in it, in lower case.
    fn pass_options(&mut self) -> Parsed<Vec<String>> {
        let mut words = Vec::new();
        loop {
            if self.word("with") {
                words.extend(self.passed()?);
            } else if self.is("as") && (self.is_at(1, "node") || self.is_at(1, "edge")) {
                self.at += 1;
                words.push(self.ident()?.to_lowercase());
            } else if self.word("on") || self.word("textimage_on") {
                self.ident()?;
            } else {
                return Ok(words);
            }
        }
    }

    fn passed(&mut self) -> Parsed<Vec<String>> {
        self.need_mark("(")?;
        let (mut words, mut depth) = (Vec::new(), 1);
        while depth > 0 {
            match self.peek() {
                None => return Err(self.wrong()),
                Some(Token::Mark("(")) => depth += 1,
                Some(Token::Mark(")")) => depth -= 1,
                Some(Token::Word(word)) => words.push(word.to_lowercase()),
                Some(_) => {}
            }
            self.at += 1;
        }
        Ok(words)
    }

    fn create_table(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        let mut columns: Vec<ColumnText> = Vec::new();
        let mut indexes = Vec::new();
        if self.mark("(") {
            loop {
                if let Some(index) = self.table_constraint()? {
                    indexes.extend(index);
                } else {
                    columns.push(self.column()?);
                }
                if !self.mark(",") {
                    break;
                }
            }
            self.need_mark(")")?;
        }
        let options = self.pass_options()?;
        for column in columns.iter().filter(|column| column.primary || column.unique) {
            indexes.push(IndexText {
                columns: vec![(column.name.clone(), false)],
                unique: true,
                primary: column.primary,
                constraint: true,
                ..IndexText::default()
            });
        }
        Ok(Statement::CreateTable { name, columns, indexes, options })
    }

    /// A constraint of a table; what constrains no columns in the way of an index is passed over.
    fn table_constraint(&mut self) -> Parsed<Option<Option<IndexText>>> {
        let begin = self.at;
        let mut index = IndexText::default();
        if self.word("constraint") {
            index.name = Some(self.ident()?);
        }
        if self.words("period for system_time") {
            self.passed()?;
            return Ok(Some(None));
        }
        if self.word("index") {
            index.name = Some(self.ident()?);
            index.unique = self.word("unique");
            index.clustered = self.clustered();
            index.columnstore = self.word("columnstore");
            index.columns = if self.is_mark("(") { self.index_columns()? } else { Vec::new() };
            return Ok(Some(Some(index)));
        }
        index.constraint = true;
        if self.words("primary key") {
            (index.primary, index.unique) = (true, true);
        } else if self.word("unique") {
            index.unique = true;
        } else if self.word("check") {
            self.passed()?;
            return Ok(Some(None));
        } else if self.words("foreign key") {
            self.passed()?;
            self.need("references")?;
            self.name()?;
            self.passed()?;
            return Ok(Some(None));
        } else {
            self.at = begin;
            return Ok(None);
        }
        index.clustered = self.clustered();
        index.columns = self.index_columns()?;
        if self.is("with") {
            self.pass_options()?;
        }
        Ok(Some(Some(index)))
    }

    pub(crate) fn column(&mut self) -> Parsed<ColumnText> {
        let mut column = ColumnText { name: self.ident()?, ..ColumnText::default() };
        if self.word("as") {
            let begin = self.place();
            column.computed = Some(self.expr()?);
            column.computed_text = self.text[begin..self.place()].trim().to_owned();
            column.persisted = self.word("persisted");
            if self.words("not null") {
                column.nullable = Some(false);
            }
            return Ok(column);
        }
        // `timestamp` alone is a column of that name and type.
        let alone = self.is_mark(",") || self.is_mark(")");
        if alone && ["timestamp", "rowversion"].contains(&column.name.to_lowercase().as_str()) {
            column.kind = Some(Kind::RowVersion);
            return Ok(column);
        }
        column.kind = Some(self.kind(false)?);
        while self.column_option(&mut column)? {}
        Ok(column)
    }

    fn column_option(&mut self, column: &mut ColumnText) -> Parsed<bool> {
        if self.words("not null") {
            column.nullable = Some(false);
        } else if self.word("null") {
            column.nullable = Some(true);
        } else if self.word("identity") {
            column.identity = Some(self.identity()?);
        } else if self.word("collate") {
            column.collation = Some(self.ident()?);
        } else if self.word("constraint") {
            self.ident()?;
        } else if self.word("default") {
            column.default = Some(self.expr()?);
        } else if self.words("primary key") {
            column.primary = true;
            self.clustered();
        } else if self.word("unique") {
            column.unique = true;
            self.clustered();
        } else if self.word("sparse") {
            column.sparse = true;
        } else if self.words("column_set for all_sparse_columns") {
            column.column_set = true;
        } else if self.word("hidden") {
            column.hidden = true;
        } else if self.words("generated always as row start") {
            column.generated = 1;
        } else if self.words("generated always as row end") {
            column.generated = 2;
        } else if self.words("generated always as transaction_id start") {
            column.generated = 7;
        } else if self.words("generated always as transaction_id end") {
            column.generated = 8;
        } else if self.words("generated always as sequence_number start") {
            column.generated = 9;
        } else if self.words("generated always as sequence_number end") {
            column.generated = 10;
        } else if self.words("masked with") {
            column.mask = Some(self.mask()?);
        } else if self.words("encrypted with") {
            self.passed()?;
            column.encrypted = true;
        } else if self.word("filestream") {
            column.file_stream = true;
        } else if self.word("rowguidcol") {
            // It says nothing that a reader sees.
        } else if self.word("check") {
            self.passed()?;
        } else if self.word("references") {
            self.name()?;
            self.passed()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn identity(&mut self) -> Parsed<(i64, i64)> {
        if !self.mark("(") {
            return Ok((1, 1));
        }
        let first = self.number()?;
        self.need_mark(",")?;
        let step = self.number()?;
        self.need_mark(")")?;
        Ok((first, step))
    }

    fn mask(&mut self) -> Parsed<String> {
        self.need_mark("(")?;
        self.need("function")?;
        self.need_mark("=")?;
        let Some(Token::Text(text, _)) = self.peek().cloned() else { return Err(self.wrong()) };
        self.at += 1;
        self.need_mark(")")?;
        Ok(text)
    }

    fn create_view(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        let columns = if self.is_mark("(") { self.names()? } else { Vec::new() };
        let mut options = Vec::new();
        if self.word("with") {
            options = self.list(Parser::ident)?;
        }
        self.need("as")?;
        let begin = self.place();
        let query = self.query()?;
        let text = self.text[begin..self.place()].trim().to_owned();
        Ok(Statement::CreateView { name, columns, query, text, options })
    }

    fn create_database(&mut self) -> Parsed<Statement> {
        let name = self.ident()?;
        let (mut snapshot_of, mut collation) = (None, None);
        if self.word("on") {
            self.list(Parser::passed)?;
        }
        if self.words("as snapshot of") {
            snapshot_of = Some(self.ident()?);
        }
        if self.word("collate") {
            collation = Some(self.ident()?);
        }
        Ok(Statement::CreateDatabase { name, snapshot_of, collation })
    }

    fn alter_table(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        let change = if self.word("add") {
            match self.table_constraint()? {
                Some(Some(index)) => Alter::AddIndex(index),
                Some(None) => return Ok(Statement::Nothing),
                None => Alter::Add(self.list(Parser::column)?),
            }
        } else if self.words("drop column") {
            Alter::DropColumn(self.list(Parser::ident)?)
        } else if self.words("drop constraint") {
            Alter::DropConstraint(self.ident()?)
        } else if self.words("alter column") {
            Alter::Retype(self.column()?)
        } else if self.word("set") {
            self.passed()?;
            return Ok(Statement::Nothing);
        } else {
            return Err(self.wrong());
        };
        Ok(Statement::AlterTable(name, change))
    }

    fn alter_database(&mut self) -> Parsed<Statement> {
        let name = self.ident()?;
        let name = Some(name).filter(|name| !name.eq_ignore_ascii_case("current"));
        if self.word("collate") {
            let collation = self.ident()?;
            return Ok(Statement::AlterDatabase(name, vec![("collate".to_owned(), collation)]));
        }
        self.need("set")?;
        let settings = self.list(|parser| {
            let key = parser.ident()?.to_lowercase();
            parser.mark("=");
            Ok((key, parser.ident()?.to_lowercase()))
        })?;
        // What becomes of others' transactions is the same: they go on.
        let _ = self.words("with rollback immediate") || self.words("with no_wait");
        Ok(Statement::AlterDatabase(name, settings))
    }

    fn drop_it(&mut self) -> Parsed<Statement> {
        let mut what = self.ident()?.to_lowercase();
        if what == "security" {
            what = self.ident()?.to_lowercase();
        }
        let if_exists = self.words("if exists");
        let mut names = self.list(Parser::name)?;
        if what == "index" {
            self.need("on")?;
            names.push(self.name()?);
        }
        Ok(Statement::Drop { what, names, if_exists })
    }

    fn permission(&mut self, verb: &str) -> Parsed<Statement> {
        let right = self.list(|parser| {
            let mut words = vec![parser.ident()?.to_lowercase()];
            while !parser.is("on")
                && !parser.is("to")
                && !parser.is_mark("(")
                && !parser.is_mark(",")
            {
                words.push(parser.ident()?.to_lowercase());
            }
            Ok(words.join(" "))
        })?;
        let mut columns = if self.is_mark("(") { self.names()? } else { Vec::new() };
        let mut name: Name = Vec::new();
        if self.word("on") {
            name = self.name()?;
            if self.mark("::") {
                name = self.name()?;
            }
        }
        if self.is_mark("(") {
            columns = self.names()?;
        }
        if !self.word("to") {
            self.need("from")?;
        }
        let whom = self.ident()?;
        if right.iter().all(|right| right != "select") && !name.is_empty() {
            return Err(Failure::unsupported("permissions other than select on tables"));
        }
        let verb =
            if name.is_empty() { format!("{verb} {}", right.join(",")) } else { verb.to_owned() };
        Ok(Statement::Permission(verb, columns, name, whom))
    }
}
