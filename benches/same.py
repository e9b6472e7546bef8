"""Tells whether two Parquet tables hold the same rows, in whatever order.

    python benches/same.py ours theirs [--exact]

Each is a file or a folder of files. With `--exact`, every value must be equal (numbers as decimals
with six digits, everything else as text), and each must stand in a row with the same others.
Without it, sums of numbers may differ by one millionth, because engines divide decimals
differently, and everything else must be equal column by column. Prints one line of JSON.
"""

import json
import os
import sys

import duckdb

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
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


def columns(connection, relation):
    """Names in order, each with whether it is a number."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    return [(row[0], row[1].lstrip("U").startswith(NUMBERS)) for row in described]


def exact(names):
    """One row for the whole table: how many rows, and a sum that any other value changes."""

    def text(name, is_number):
        value = f"cast({name} as decimal(38, 6))" if is_number else name
        return f"cast({value} as varchar)"

    row = ", ".join(text(f'"{name}"', is_number) for name, is_number in names)
    return f"count(*), sum(hash({row}))"


def near(names):
    """One row for the whole table: how many rows, then for each column its sum or hash."""

    def total(name, is_number):
        if is_number:
            return f"sum(cast({name} as double))"
        return f"sum(hash(cast({name} as varchar)))"

    return ", ".join(["count(*)"] + [total(f'"{name}"', is_number) for name, is_number in names])


def differs(ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) > TOLERANCE * max(abs(ours), abs(theirs), 1e-9)
    return ours != theirs


def main():
    connection = duckdb.connect()
    relations = [f"read_parquet({files(path)!r}, hive_partitioning = false)" for path in sys.argv[1:3]]
    names = [columns(connection, relation) for relation in relations]
    if [name for name, _ in names[0]] != [name for name, _ in names[1]]:
        print(json.dumps({"same": False, "why": f"columns: {names[0]} and {names[1]}"}))
        return
    kind = exact if "--exact" in sys.argv else near
    ours, theirs = [
        connection.execute(f"select {kind(own)} from {relation}").fetchall()[0]
        for own, relation in zip(names, relations)
    ]
    wrong = [position for position, pair in enumerate(zip(ours, theirs)) if differs(*pair)]
    why = "" if not wrong else f"{[ours[at] for at in wrong]} and {[theirs[at] for at in wrong]}"
    print(json.dumps({"same": not wrong, "rows": ours[0], "why": why}))


main()
