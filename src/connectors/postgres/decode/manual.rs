//! The table of types for people, made by the decisions themselves.

use super::reading::strategy;
use crate::connectors::TypeDoc;
use crate::connectors::postgres::server_type::{Form, ServerType};
use crate::files::types::type_name;

/// What each kind of type becomes, and what to know of it.
pub(in crate::connectors::postgres) fn manual() -> Vec<TypeDoc> {
    let line = |sample: &Sample| TypeDoc {
        name: sample.shown.to_owned(),
        becomes: sample.becomes(),
        remark: sample.remark,
    };
    SAMPLES.iter().map(line).collect()
}

struct Sample {
    shown: &'static str,
    /// A type that stands for all of them.
    name: &'static str,
    modifier: i32,
    form: fn(ServerType) -> ServerType,
    remark: &'static str,
}

const fn sample(shown: &'static str, name: &'static str, remark: &'static str) -> Sample {
    Sample { shown, name, modifier: -1, form: |base| base, remark }
}

const INFINITY: &str = "infinity is refused, or NULL with `infinity: null`";

const SAMPLES: &[Sample] = &[
    sample("boolean", "bool", ""),
    sample("smallint", "int2", ""),
    sample("integer", "int4", ""),
    sample("bigint", "int8", ""),
    sample("oid, xid", "oid", ""),
    sample("real", "float4", "every bit is kept, NaN and infinity too"),
    sample("double precision", "float8", "every bit is kept, NaN and infinity too"),
    Sample {
        modifier: (12 << 16 | 2) + 4,
        ..sample("numeric(12,2)", "numeric", "NaN is refused, or NULL with `nan: null`")
    },
    Sample {
        modifier: (60 << 16 | 10) + 4,
        ..sample("numeric(60,10)", "numeric", "up to 76 digits")
    },
    sample("numeric", "numeric", "every digit; `columns: {x: decimal(p,s)}` for a number"),
    sample("money", "money", "digits after the point as the server's lc_monetary has them"),
    sample("text, varchar, char, name", "text", "the padding of char(n) is kept"),
    sample("json", "json", "as it was written"),
    sample("jsonb", "jsonb", "every digit of its numbers"),
    sample("uuid", "uuid", "in lower case"),
    sample("bytea", "bytea", ""),
    sample("date", "date", INFINITY),
    sample("time", "time", "24:00:00 is refused"),
    sample("timestamp", "timestamp", INFINITY),
    sample("timestamptz", "timestamptz", INFINITY),
    Sample {
        form: |base| ServerType { form: Form::Enum, ..base },
        ..sample("enum", "", "its label")
    },
    Sample { form: domain, ..sample("domain", "int4", "as the type below, here integer") },
    Sample {
        form: |base| array(base, 1),
        ..sample("integer[]", "int4", "another number of dimensions or lower bound is refused")
    },
    Sample { form: |base| array(base, 2), ..sample("integer[][]", "int4", "a list in each list") },
    sample("interval, timetz", "interval", "as the server writes it"),
    sample("inet, cidr", "inet", "always with the length of the mask"),
    sample("macaddr, macaddr8", "macaddr", "as the server writes it"),
    sample("bit, varbit", "varbit", "as the server writes it"),
    sample("xml", "xml", "as it is stored"),
    sample("tsvector, tsquery, pg_lsn, xid8, tid", "tid", "as the server writes it"),
    sample("point, line, box, path, polygon, circle", "point", "as the server writes it"),
    Sample {
        form: |base| ServerType { form: Form::Range, ..base },
        ..sample("ranges, multiranges", "", "as the server writes it")
    },
    Sample {
        form: |base| ServerType { form: Form::Composite, ..base },
        ..sample("composite", "", "as the server writes it")
    },
    Sample {
        form: |base| ServerType { schema: "extension".to_owned(), ..base },
        ..sample("hstore, citext, ltree, other extensions", "", "as the server writes it")
    },
    Sample { form: |base| array(base, 1), ..sample("arrays of these", "inet", "each as text") },
];

impl Sample {
    fn becomes(&self) -> String {
        let base = ServerType {
            oid: 0,
            modifier: self.modifier,
            schema: "pg_catalog".to_owned(),
            name: self.name.to_owned(),
            shown: self.shown.to_owned(),
            form: Form::Base,
        };
        type_name(&strategy(&(self.form)(base), 2).data_type)
    }
}

fn domain(base: ServerType) -> ServerType {
    ServerType { form: Form::Domain(Box::new(base.clone())), ..base }
}

fn array(base: ServerType, dimensions: usize) -> ServerType {
    ServerType { form: Form::Array(Box::new(base.clone()), dimensions), ..base }
}
