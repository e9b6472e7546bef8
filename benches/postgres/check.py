"""Tells whether results of a Postgres case hold exactly the rows of the source.

    python benches/postgres/check.py parquet URL table out.parquet out/ ...
    python benches/postgres/check.py postgres URL table URL key

Parquet is compared with the text that the server itself prints for the table (`copy to`, CSV), with
DuckDB for the sums: counts, a sum of hashes for each column, and one for whole rows. Both sides are
made the type of the column first; text of `char(n)` is compared without the blanks at its end, which
some programs cut. A target in Postgres is compared by the server: count, sum of the hashes of whole
rows in the types of the source, and its primary key. Prints nothing if all is well, else what
differs; the exit code tells too.
"""

import os
import subprocess
import sys

import duckdb

COLUMNS = """
select attname, format_type(atttypid, atttypmod), format_type(atttypid, null)
from pg_attribute where attrelid = '{}'::regclass and attnum > 0 and not attisdropped order by attnum
"""
KEY = """
select coalesce(string_agg(attname, ',' order by array_position(indkey::int2[], attnum)), '')
from pg_index join pg_attribute on attrelid = indrelid and attnum = any(indkey)
where indrelid = '{}'::regclass and indisprimary
"""
# How a column is compared, by the name of its type in Postgres; the others are compared as text.
KINDS = {
    "smallint": "bigint",
    "integer": "bigint",
    "bigint": "bigint",
    "numeric": "decimal(38, 10)",
    "double precision": "double",
    "real": "float",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "uuid": "uuid",
}


def psql(url, sql):
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, "-c", sql]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def columns(url, table):
    """Name, type with its modifier, and type without, of every column."""
    return [line.split("|") for line in psql(url, COLUMNS.format(table)).split("\n")]


def totals(fields):
    """One row: how many rows, then sums of hashes, of each column and of whole rows."""

    def value(name, kind):
        if kind in KINDS:
            return f'cast("{name}" as {KINDS[kind]})'
        text = f'cast("{name}" as varchar)'
        return f"rtrim({text})" if kind == "character" else text

    values = [value(name, kind) for name, _, kind in fields]
    sums = [f"sum(hash({each})), count({each})" for each in values]
    return f"count(*), sum(hash({', '.join(values)})), {', '.join(sums)}"


def files(path):
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, inner, names in os.walk(path):
        inner[:] = [name for name in inner if name[0] not in "._"]
        names = [name for name in names if name[0] not in "._" and name.endswith(".parquet")]
        found += [os.path.join(folder, name) for name in names]
    return sorted(found)


def server_text(url, table, path):
    """Writes what the server prints for the table."""
    with open(path, "wb") as file:
        copy = f"copy {table} to stdout (format csv, header)"
        environment = dict(os.environ, PGTZ="UTC")
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", copy]
        subprocess.run(command, stdout=file, check=True, env=environment)


def parquet(url, table, *paths):
    fields = columns(url, table)
    text = f"{table}.check.csv"
    server_text(url, table, text)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    reader = (
        f"read_csv('{text}', header = true, all_varchar = true, allow_quoted_nulls = false, "
        "auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
        f"max_line_size = 20000000, columns = {dict((name, 'VARCHAR') for name, *_ in fields)!r})"
    )
    wanted = connection.execute(f"select {totals(fields)} from {reader}").fetchone()
    os.remove(text)
    wrong = []
    for path in paths:
        found = files(path)
        if not found:
            sys.exit(f"there is no Parquet file in {path}")
        relation = f"read_parquet({found!r}, hive_partitioning = false)"
        got = connection.execute(f"select {totals(fields)} from {relation}").fetchone()
        wrong += differences(path, fields, wanted, got)
    return wrong


def differences(path, fields, wanted, got):
    if wanted[0] != got[0]:
        return [f"{path}: {got[0]} rows instead of {wanted[0]}"]
    names = [name for name, *_ in fields for _ in range(2)]
    odd = {name for name, one, two in zip(names, wanted[2:], got[2:]) if one != two}
    if odd:
        return [f"{path}: other values in {', '.join(sorted(odd))}"]
    return [] if wanted[1] == got[1] else [f"{path}: values stand in other rows"]


def postgres(url, table, target, key):
    fields = columns(url, table)
    values = ", ".join(f'"{name}"::{kind}' for name, kind, _ in fields)
    sums = f"select count(*), sum(hashtextextended(row({values})::text, 0)::numeric) from {table}"
    wanted, got = psql(url, sums), psql(target, sums)
    wrong = [] if wanted == got else [f"{target}: {got} instead of {wanted}"]
    found = psql(target, KEY.format(table))
    return wrong + ([] if found == key else [f"{target}: the key is ({found}), not ({key})"])


def main():
    what, *arguments = sys.argv[1:]
    wrong = {"parquet": parquet, "postgres": postgres}[what](*arguments)
    if wrong:
        sys.exit("\n".join(wrong))


main()
