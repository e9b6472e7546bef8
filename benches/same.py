"""Tells whether two Parquet tables hold the same rows, in whatever order.

    python benches/same.py ours theirs [--exact]

Each is a file or a folder of files. With `--exact`, every value must be equal (numbers as decimals
with six digits, everything else as text), and each must stand in a row with the same others.
Without it, columns are compared one by one: counts, whole numbers, decimals and texts must be equal,
and where one side has floating point, the sum may differ by one millionth of itself or for each row,
because a mean of decimals has six digits in dhow and floating point in DuckDB. Prints one line of
JSON.
"""

import json
import os
import sys

import duckdb

FLOATS = ("FLOAT", "DOUBLE")
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL")
TOLERANCE = 1e-6


def files(path):
    """The Parquet files of a table: folders and files that begin with `_` or `.` are not rows."""
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, inner, names in os.walk(path):
        inner[:] = [name for name in inner if name[0] not in "._"]
        names = [name for name in names if name[0] not in "._" and name.endswith(".parquet")]
        found += [os.path.join(folder, name) for name in names]
    return sorted(found)


def kind(type_name):
    """What a type is compared as."""
    if type_name in FLOATS:
        return "float"
    return "number" if type_name.removeprefix("U").startswith(NUMBERS) else "text"


def columns(connection, relation):
    """Names in order, each with its kind."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    return {row[0]: kind(row[1]) for row in described}


def exact(ours, _theirs):
    """One row for the whole table: how many rows, and a sum that any other value changes."""

    def text(name):
        value = f'"{name}"' if ours[name] == "text" else f'cast("{name}" as decimal(38, 6))'
        return f"cast({value} as varchar)"

    return f"count(*), sum(hash({', '.join(map(text, ours))}))"


def near(ours, theirs):
    """One row for the whole table: how many rows, then for each column its sum or hash."""

    def total(name):
        kinds = {ours[name], theirs[name]}
        if "text" in kinds:
            return f'sum(hash(cast("{name}" as varchar)))'
        number = "double" if "float" in kinds else "decimal(38, 6)"
        return f'sum(cast("{name}" as {number}))'

    return ", ".join(["count(*)", *map(total, ours)])


def differs(ours, theirs, rows):
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) > TOLERANCE * max(abs(ours), abs(theirs), rows)
    return ours != theirs


def table(path):
    """The table at `path`, as DuckDB reads it."""
    found = files(path)
    if not found:
        sys.exit(f"there is no Parquet file in {path}")
    return f"read_parquet({found!r}, hive_partitioning = false)"


def main():
    connection = duckdb.connect()
    tables = [table(path) for path in sys.argv[1:3]]
    names = [columns(connection, each) for each in tables]
    if list(names[0]) != list(names[1]):
        why = f"columns: {list(names[0])} and {list(names[1])}"
        print(json.dumps({"same": False, "why": why}))
        return
    totals = exact if "--exact" in sys.argv else near
    wanted = [totals(*names), totals(*reversed(names))]
    ours, theirs = [
        connection.execute(f"select {total} from {each}").fetchall()[0]
        for total, each in zip(wanted, tables)
    ]
    wrong = [at for at, pair in enumerate(zip(ours, theirs)) if differs(*pair, ours[0])]
    why = "" if not wrong else f"{[ours[at] for at in wrong]} and {[theirs[at] for at in wrong]}"
    print(json.dumps({"same": not wrong, "why": why}, default=str))


main()
