//! Functions of one row.

use super::super::sql::parser::Parser;
use super::super::store::catalog;
use super::super::store::day;
use super::super::store::kind::{Kind, Type};
use super::super::store::value::Value;
use super::Failure;
use super::bind::{bit, cast, cast_to, common, compared};
use super::convert::{Number, carry, display};
use super::eval::{Bound, Env, Node};
use super::world::World;

/// Binds a call: finds its type, and turns some functions into other expressions.
pub(crate) fn bind(name: &str, mut args: Vec<Bound>, world: &World) -> Result<Bound, Failure> {
    let missing = || Failure::new(174, &format!("The {name} function requires other arguments."));
    let first = args.first().map(|bound| bound.of);
    match name {
        "isnull" => {
            let [value, other] = <[Bound; 2]>::try_from(args).map_err(|_| missing())?;
            let of = if super::bind::is_null(&value) { other.of } else { value.of };
            let of = Type { nullable: other.of.nullable, ..of };
            return Ok(coalesced(vec![value, other], of));
        }
        "coalesce" => {
            let of = common(&args.iter().collect::<Vec<_>>());
            return Ok(coalesced(args, of));
        }
        "nullif" => {
            let [value, other] = <[Bound; 2]>::try_from(args).map_err(|_| missing())?;
            let of = Type { nullable: true, ..value.of };
            let equal = compared(value.clone(), "=", other)?;
            let null = Bound::literal(of, Value::Null);
            return Ok(Bound { of, node: Node::Case(vec![(equal, null)], Some(Box::new(value))) });
        }
        "iif" => {
            let [condition, yes, no] = <[Bound; 3]>::try_from(args).map_err(|_| missing())?;
            let of = common(&[&yes, &no]);
            let (yes, no) = (cast_to(yes, of), cast_to(no, of));
            return Ok(Bound { of, node: Node::Case(vec![(condition, yes)], Some(Box::new(no))) });
        }
        "left" | "right" | "substring" | "upper" | "lower" | "ltrim" | "rtrim" | "trim"
        | "replace" | "reverse" | "replicate" | "stuff"
            if first.is_some_and(|of| !of.kind.is_text() && !of.kind.is_bytes()) =>
        {
            args[0] = cast(args[0].clone(), Kind::VarChar(Some(8000)));
        }
        _ => {}
    }
    let kind = result(name, &args).ok_or_else(|| {
        Failure::new(195, &format!("'{name}' is not a recognized built-in function name."))
    })?;
    let collation = args.iter().find(|arg| arg.of.kind.is_text()).map(|arg| arg.of.collation);
    let nullable = !matches!(name, "newid" | "getdate" | "sysutcdatetime" | "count_big");
    let of = Type { kind, nullable, collation: collation.unwrap_or(world.database.collation) };
    Ok(Bound { of, node: Node::Call(name.to_owned(), args) })
}

fn coalesced(args: Vec<Bound>, of: Type) -> Bound {
    let mut all: Vec<Bound> = args.into_iter().map(|arg| cast_to(arg, of)).collect();
    let last = all.pop().map(Box::new);
    let whens = all.into_iter().map(|arg| {
        let is_null = bit(Node::IsNull(Box::new(arg.clone())));
        (bit(Node::Not(Box::new(is_null))), arg)
    });
    Bound { of, node: Node::Case(whens.collect(), last) }
}

/// The type of a result; `None` for what there is not.
fn result(name: &str, args: &[Bound]) -> Option<Kind> {
    let first = args.first().map(|bound| bound.of.kind);
    let wide = |kind: Kind| {
        if matches!(kind, Kind::NVarChar(_) | Kind::NChar(_) | Kind::NText | Kind::Xml) {
            Kind::NVarChar(None)
        } else {
            Kind::VarChar(None)
        }
    };
    let name_of = Kind::NVarChar(Some(128));
    Some(match name {
        "len" | "datalength" => match first? {
            Kind::VarChar(None) | Kind::NVarChar(None) | Kind::VarBinary(None) => Kind::BigInt,
            _ => Kind::Int,
        },
        "charindex"
        | "patindex"
        | "unicode"
        | "ascii"
        | "datepart"
        | "datediff"
        | "year"
        | "month"
        | "day"
        | "sign"
        | "checksum"
        | "binary_checksum"
        | "object_id"
        | "schema_id"
        | "db_id"
        | "user_id"
        | "suser_id"
        | "columnproperty"
        | "objectproperty"
        | "objectpropertyex"
        | "indexproperty"
        | "has_perms_by_name"
        | "is_member"
        | "is_rolemember"
        | "is_srvrolemember"
        | "typeproperty"
        | "databasepropertyex_int"
        | "connectionproperty_int"
        | "type_id"
        | "has_dbaccess"
        | "xact_state" => Kind::Int,
        "datediff_big" | "rowcount_big" => Kind::BigInt,
        "abs" | "ceiling" | "floor" | "round" => match first? {
            kind if kind.is_text() => Kind::Float,
            kind => kind,
        },
        "power" => first?,
        "sqrt" | "log" | "exp" | "rand" | "pi" | "sin" | "cos" => Kind::Float,
        "upper" | "lower" | "ltrim" | "rtrim" | "trim" | "left" | "right" | "reverse" | "mask" => {
            first?
        }
        "substring" if first?.is_bytes() => Kind::VarBinary(first?.units()),
        "substring" => match first? {
            Kind::Char(n) => Kind::VarChar(Some(n)),
            Kind::NChar(n) => Kind::NVarChar(Some(n)),
            kind => kind,
        },
        "replace" | "replicate" | "stuff" => match wide(first?) {
            Kind::NVarChar(_) => Kind::NVarChar(Some(4000)),
            _ => Kind::VarChar(Some(8000)),
        },
        "concat" | "concat_ws" => {
            let any = args.iter().any(|arg| arg.of.kind.is_text() && !arg.of.kind.is_ansi());
            if any { Kind::NVarChar(Some(4000)) } else { Kind::VarChar(Some(8000)) }
        }
        "char" => Kind::Char(1),
        "nchar" => Kind::NChar(1),
        "str" => Kind::VarChar(Some(30)),
        "format" => Kind::NVarChar(Some(4000)),
        "quotename" => Kind::NVarChar(Some(258)),
        "space" => Kind::VarChar(Some(8000)),
        "getdate" | "getutcdate" => Kind::DateTime,
        "sysdatetime" | "sysutcdatetime" => Kind::DateTime2(7),
        "sysdatetimeoffset" => Kind::DateTimeOffset(7),
        "switchoffset" | "todatetimeoffset" => Kind::DateTimeOffset(7),
        "dateadd" => match args.get(2)?.of.kind {
            kind if kind.is_time() => kind,
            _ => Kind::DateTime,
        },
        "datefromparts" | "eomonth" => Kind::Date,
        "datetime2fromparts" => Kind::DateTime2(7),
        "newid" | "newsequentialid" => Kind::Guid,
        "hashbytes" => Kind::VarBinary(Some(8000)),
        "min_active_rowversion" => Kind::Binary(8),
        "db_name" | "schema_name" | "object_name" | "object_schema_name" | "col_name"
        | "user_name" | "suser_name" | "suser_sname" | "original_login" | "session_user"
        | "current_user" | "app_name" | "host_name" | "type_name" | "parsename"
        | "error_message" | "index_col" => name_of,
        "object_definition" => Kind::NVarChar(None),
        "serverproperty"
        | "databasepropertyex"
        | "sql_variant_property"
        | "connectionproperty"
        | "session_context"
        | "collationproperty" => Kind::Variant,
        ".tostring" | ".stastext" | ".query" => Kind::NVarChar(None),
        ".stasbinary" | ".asbinaryzm" | ".stasbinaryzm" => Kind::VarBinary(None),
        "hierarchyid::parse" => Kind::HierarchyId,
        "geography::stgeomfromwkb" | "geography::stgeomfromtext" => Kind::Geography,
        "geometry::stgeomfromwkb" | "geometry::stgeomfromtext" => Kind::Geometry,
        ".stsrid" => Kind::Int,
        "change_tracking_current_version" => Kind::BigInt,
        _ => return None,
    })
}

/// Computes a call.
pub(crate) fn call(name: &str, args: &[Bound], of: &Type, env: &Env<'_>) -> Result<Value, Failure> {
    let values: Vec<Value> = args.iter().map(|arg| arg.eval(env)).collect::<Result<_, _>>()?;
    let world = env.world;
    if let Some(found) = catalog::function(name, &values, world) {
        return found;
    }
    match name {
        "getdate" | "getutcdate" | "sysdatetime" | "sysutcdatetime" => {
            let (days, ticks) = now(world);
            if of.kind == Kind::DateTime {
                let kept = day::of_three_hundredths(day::three_hundredths(ticks));
                let (days, ticks) = carry(days, kept);
                return Ok(Value::Stamp(days, ticks));
            }
            Ok(Value::Stamp(days, ticks))
        }
        "sysdatetimeoffset" => {
            let (days, ticks) = now(world);
            Ok(Value::Offset(days, ticks, 0))
        }
        "min_active_rowversion" => Ok(Value::bytes(world.min_active.to_be_bytes())),
        "newid" | "newsequentialid" => Ok(Value::Guid(random())),
        "concat" => {
            let texts = values.iter().zip(args).map(|(value, arg)| display(value, arg.of.kind, 0));
            Ok(Value::text(&texts.collect::<String>()))
        }
        "sql_variant_property" => Ok(variant_property(&values)),
        "mask" => Ok(masked(&values, of)),
        "xact_state" => {
            Ok(Value::Int(world.globals.get("trancount").and_then(|(_, v)| v.int()).unwrap_or(0)))
        }
        _ if values.iter().any(Value::is_null) => Ok(Value::Null),
        "dateadd" => date_add(&values, of),
        "datediff" | "datediff_big" => date_diff(&values),
        "datepart" | "year" | "month" | "day" => date_part(name, &values),
        "datefromparts" => {
            let part =
                |at: usize| values.get(at).and_then(Value::int).and_then(|n| i32::try_from(n).ok());
            let found = (|| day::number(part(0)?, part(1)?, part(2)?))();
            found.map(Value::Date).ok_or_else(|| Failure::new(289, "Cannot construct data type date, some of the arguments have values which are not valid."))
        }
        "abs" | "ceiling" | "floor" | "round" | "power" | "sqrt" | "sign" => {
            math(name, &values, of)
        }
        "len" | "datalength" => length(name, &values, args),
        _ => text(name, &values, args),
    }
}

fn now(world: &World) -> (i32, i64) {
    let ticks = world.now * 10;
    carry(day::EPOCH_1970, ticks)
}

/// Sixteen bytes that nobody else has.
fn random() -> [u8; 16] {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let one = || RandomState::new().build_hasher().finish().to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&one());
    bytes[8..].copy_from_slice(&one());
    bytes
}

fn variant_property(values: &[Value]) -> Value {
    let (Some(Value::Variant(inner)), Some(what)) =
        (values.first(), values.get(1).and_then(Value::string))
    else {
        return Value::Null;
    };
    let kind = inner.0.kind;
    let of_text = |text: &str| catalog::variant_text(text);
    let of_int = |n: i64| catalog::variant_int(n);
    match what.to_lowercase().as_str() {
        "basetype" => of_text(kind.name()),
        "precision" => of_int(i64::from(kind.precision())),
        "scale" => of_int(i64::from(kind.scale())),
        "maxlength" => of_int(i64::from(kind.max_length())),
        "collation" if kind.is_text() => of_text(inner.0.collation.name()),
        _ => Value::Null,
    }
}

/// What somebody sees who may not see the value.
fn masked(values: &[Value], of: &Type) -> Value {
    match values.first() {
        Some(Value::Text(_)) => Value::text("xxxx"),
        Some(Value::Int(_)) => Value::Int(0),
        Some(Value::Decimal(_, scale)) => Value::Decimal(0, *scale),
        Some(Value::Money(_)) => Value::Money(0),
        Some(Value::Float(_)) => Value::Float(0.0),
        Some(Value::Real(_)) => Value::Real(0.0),
        Some(Value::Stamp(..)) => Value::Stamp(day::EPOCH_1900, 0),
        Some(Value::Date(_)) => Value::Date(day::EPOCH_1900),
        Some(Value::Bytes(_)) if of.kind.is_bytes() => Value::bytes(vec![0]),
        _ => Value::Null,
    }
}

fn parts_of(value: &Value) -> Option<(i32, i64)> {
    match value {
        Value::Date(days) => Some((*days, 0)),
        Value::Time(ticks) => Some((day::EPOCH_1900, *ticks)),
        Value::Stamp(days, ticks) => Some((*days, *ticks)),
        Value::Offset(days, ticks, minutes) => {
            Some(carry(*days, *ticks + i64::from(*minutes) * 60 * day::SECOND))
        }
        Value::Text(_) => {
            let found = super::parse::moment(&value.string()?)?;
            Some((found.day.unwrap_or(day::EPOCH_1900), found.ticks))
        }
        _ => None,
    }
}

/// The unit of a part of a date, in months or in 100 ns.
fn unit(part: &str) -> Option<(bool, i64)> {
    Some(match part {
        "year" | "yy" | "yyyy" => (true, 12),
        "quarter" | "qq" | "q" => (true, 3),
        "month" | "mm" | "m" => (true, 1),
        "day" | "dd" | "d" | "dayofyear" | "weekday" => (false, day::DAY),
        "week" | "wk" | "ww" => (false, 7 * day::DAY),
        "hour" | "hh" => (false, 3600 * day::SECOND),
        "minute" | "mi" | "n" => (false, 60 * day::SECOND),
        "second" | "ss" | "s" => (false, day::SECOND),
        "millisecond" | "ms" => (false, 10_000),
        "microsecond" | "mcs" => (false, 10),
        "nanosecond" | "ns" => (false, 0),
        _ => return None,
    })
}

fn date_add(values: &[Value], of: &Type) -> Result<Value, Failure> {
    let bad = || Failure::new(9810, "The datepart is not supported by date function dateadd.");
    let (Some(part), Some(count)) =
        (values[0].string(), Number::of(&values[1]).map(|n| n.into_kind(Kind::BigInt)))
    else {
        return Err(bad());
    };
    let count = count?.int().unwrap_or(0);
    let (in_months, size) = unit(&part).ok_or_else(bad)?;
    let (days, ticks) = parts_of(&values[2]).ok_or_else(bad)?;
    let (days, ticks) = if in_months {
        let (year, month, day_of) = day::parts(days);
        let total = i64::from(year) * 12 + i64::from(month) - 1 + count * size;
        let year = i32::try_from(total.div_euclid(12)).map_err(|_| bad())?;
        let month = i32::try_from(total.rem_euclid(12)).map_err(|_| bad())? + 1;
        let last = (0..4).find_map(|less| day::number(year, month, day_of - less));
        (
            last.ok_or_else(|| {
                Failure::new(517, "Adding a value to a column caused an overflow.")
            })?,
            ticks,
        )
    } else {
        let step = if size == 0 { count / 100 } else { count.saturating_mul(size) };
        carry(days, ticks.saturating_add(step))
    };
    let found = match &values[2] {
        Value::Date(_) => Value::Date(days),
        Value::Time(_) => Value::Time(ticks),
        Value::Offset(_, _, minutes) => {
            let (days, ticks) = carry(days, ticks - i64::from(*minutes) * 60 * day::SECOND);
            Value::Offset(days, ticks, *minutes)
        }
        _ => Value::Stamp(days, ticks),
    };
    super::convert::convert(&found, of, of, 0)
}

fn date_diff(values: &[Value]) -> Result<Value, Failure> {
    let bad = || Failure::new(9810, "The datepart is not supported by date function datediff.");
    let part = values[0].string().ok_or_else(bad)?;
    let (in_months, size) = unit(&part).ok_or_else(bad)?;
    let (Some((a, s)), Some((b, t))) = (parts_of(&values[1]), parts_of(&values[2])) else {
        return Err(bad());
    };
    if in_months {
        let months = |days: i32| {
            let (year, month, _) = day::parts(days);
            (i64::from(year) * 12 + i64::from(month) - 1) / size
        };
        return Ok(Value::Int(months(b) - months(a)));
    }
    let all = |days: i32, ticks: i64| i128::from(days) * i128::from(day::DAY) + i128::from(ticks);
    let found = if size == 0 {
        (all(b, t) - all(a, s)) * 100
    } else {
        all(b, t) / i128::from(size) - all(a, s) / i128::from(size)
    };
    i64::try_from(found)
        .map(Value::Int)
        .map_err(|_| Failure::new(535, "The datediff function resulted in an overflow."))
}

fn date_part(name: &str, values: &[Value]) -> Result<Value, Failure> {
    let bad = || Failure::new(9810, "The datepart is not supported by date function datepart.");
    let (part, value) = match values {
        [part, value] => (part.string().ok_or_else(bad)?, value),
        [value] => (name.to_owned(), value),
        _ => return Err(bad()),
    };
    let (days, ticks) = parts_of(value).ok_or_else(bad)?;
    let (year, month, day_of) = day::parts(days);
    Ok(Value::Int(match part.as_str() {
        "year" | "yy" | "yyyy" => i64::from(year),
        "quarter" | "qq" | "q" => i64::from((month + 2) / 3),
        "month" | "mm" | "m" => i64::from(month),
        "day" | "dd" | "d" => i64::from(day_of),
        "weekday" | "dw" => i64::from((days + 1) % 7 + 1),
        "hour" | "hh" => ticks / (3600 * day::SECOND),
        "minute" | "mi" | "n" => ticks / (60 * day::SECOND) % 60,
        "second" | "ss" | "s" => ticks / day::SECOND % 60,
        "millisecond" | "ms" => ticks / 10_000 % 1000,
        "microsecond" | "mcs" => ticks / 10 % 1_000_000,
        "nanosecond" | "ns" => ticks % day::SECOND * 100,
        "tzoffset" | "tz" => match value {
            Value::Offset(_, _, minutes) => i64::from(*minutes),
            _ => 0,
        },
        _ => return Err(bad()),
    }))
}

fn math(name: &str, values: &[Value], of: &Type) -> Result<Value, Failure> {
    let Some(number) = Number::of(&values[0]) else {
        return Err(Failure::new(
            8116,
            &format!("Argument data type is invalid for argument 1 of {name} function."),
        ));
    };
    let digits = values.get(1).and_then(Value::int).unwrap_or(0);
    let found = match (name, number) {
        ("abs", Number::Exact(n, s)) => Number::Exact(n.abs(), s),
        ("abs", Number::Float(x)) => Number::Float(x.abs()),
        ("sign", n) => Number::Float(if n.float() == 0.0 { 0.0 } else { n.float().signum() }),
        ("sqrt", n) => Number::Float(n.float().sqrt()),
        ("power", n) => {
            let exponent = values.get(1).and_then(Number::of).map_or(1.0, Number::float);
            Number::Float(n.float().powf(exponent))
        }
        (_, Number::Float(x)) => Number::Float(match name {
            "ceiling" => x.ceil(),
            "floor" => x.floor(),
            _ => {
                let unit = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
                (x * unit).round() / unit
            }
        }),
        (_, Number::Exact(n, s)) => {
            let keep = if name == "round" { digits.clamp(0, 38) } else { 0 };
            let cut = u32::try_from(i64::from(s) - keep).unwrap_or(0);
            let unit = 10_i128.pow(cut);
            let whole = match name {
                "ceiling" => -(-n).div_euclid(unit),
                "floor" => n.div_euclid(unit),
                _ => (n + n.signum() * (unit / 2)) / unit,
            };
            Number::Exact(whole * unit, s)
        }
    };
    found.into_kind(of.kind)
}

fn length(name: &str, values: &[Value], args: &[Bound]) -> Result<Value, Failure> {
    let (value, of) = (&values[0], &args[0].of);
    let count = match value {
        Value::Text(units) if name == "len" => {
            units.iter().rposition(|unit| *unit != 32).map_or(0, |at| at + 1)
        }
        Value::Text(units) if of.kind.is_ansi() => of.collation.page().encode(units).len(),
        Value::Text(units) => units.len() * 2,
        Value::Bytes(bytes) => bytes.len(),
        Value::Variant(inner) => match &inner.1 {
            Value::Text(units) => units.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => usize::try_from(inner.0.kind.max_length()).unwrap_or(0),
        },
        _ if name == "len" => display(value, of.kind, 0).len(),
        _ => usize::try_from(of.kind.max_length()).unwrap_or(0),
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(0)))
}

fn text(name: &str, values: &[Value], args: &[Bound]) -> Result<Value, Failure> {
    let unknown = || Failure::unsupported(&format!("function {name}"));
    let string = |at: usize| {
        values
            .get(at)
            .zip(args.get(at))
            .map(|(value, arg)| display(value, arg.of.kind, 0))
            .unwrap_or_default()
    };
    let number = |at: usize| values.get(at).and_then(Value::int).unwrap_or(0);
    let size = |at: usize| usize::try_from(number(at)).unwrap_or(0);
    let units = |at: usize| -> Vec<u16> { string(at).encode_utf16().collect() };
    Ok(match name {
        "upper" => Value::text(&string(0).to_uppercase()),
        "lower" => Value::text(&string(0).to_lowercase()),
        "ltrim" => Value::text(string(0).trim_start_matches(' ')),
        "rtrim" => Value::text(string(0).trim_end_matches(' ')),
        "trim" => Value::text(string(0).trim_matches(' ')),
        "left" => Value::Text(units(0).into_iter().take(size(1)).collect()),
        "right" => {
            let all = units(0);
            let skip = all.len().saturating_sub(size(1));
            Value::Text(all.into_iter().skip(skip).collect())
        }
        "substring" => {
            let begin = number(1) - 1;
            let end = begin + number(2);
            let (begin, end) =
                (usize::try_from(begin).unwrap_or(0), usize::try_from(end).unwrap_or(0));
            let count = end.saturating_sub(begin);
            match &values[0] {
                Value::Bytes(bytes) => {
                    Value::bytes(bytes.iter().copied().skip(begin).take(count).collect::<Vec<_>>())
                }
                _ => Value::Text(units(0).into_iter().skip(begin).take(count).collect()),
            }
        }
        "replace" => Value::text(&string(0).replace(&string(1), &string(2))),
        "reverse" => Value::text(&string(0).chars().rev().collect::<String>()),
        "replicate" => Value::text(&string(0).repeat(size(1))),
        "space" => Value::text(&" ".repeat(size(0))),
        "charindex" => {
            let (needle, hay) = (string(0).to_lowercase(), string(1).to_lowercase());
            let at = hay.find(&needle).map_or(0, |at| hay[..at].encode_utf16().count() + 1);
            Value::Int(i64::try_from(at).unwrap_or(0))
        }
        "char" => {
            let byte = u8::try_from(number(0)).map_err(|_| unknown())?;
            Value::Text(args[0].of.collation.page().decode(&[byte]).into())
        }
        "nchar" => Value::Text([u16::try_from(number(0)).map_err(|_| unknown())?].into()),
        "unicode" => Value::Int(units(0).first().map_or(0, |unit| i64::from(*unit))),
        "ascii" => Value::Int(units(0).first().map_or(0, |unit| i64::from(*unit & 0xFF))),
        "quotename" => Value::text(&format!("[{}]", string(0).replace(']', "]]"))),
        "str" => Value::text(&format!("{:>10}", string(0))),
        "parsename" => {
            let parts = Parser::of(&string(0)).and_then(|mut parser| parser.name());
            let mut parts = parts.unwrap_or_default().into_iter().rev();
            let found = size(1).checked_sub(1).and_then(|at| parts.nth(at));
            found.filter(|part| !part.is_empty()).map_or(Value::Null, |part| Value::text(&part))
        }
        // Types of the CLR: the stand-in keeps geography and geometry as their WKB, and hierarchyid
        // as the bytes that it was given.
        ".stasbinary" | ".asbinaryzm" | "geography::stgeomfromwkb" | "geometry::stgeomfromwkb" => {
            values[0].clone()
        }
        ".tostring" => match &values[0] {
            Value::Bytes(bytes) => Value::text(&String::from_utf8_lossy(bytes)),
            other => other.clone(),
        },
        "hierarchyid::parse" => Value::bytes(string(0).into_bytes()),
        ".stsrid" => Value::Int(4326),
        _ => return Err(unknown()),
    })
}
