"""Tells whether Parquet files hold exactly the rows that the server was loaded with.

    python benches/mysql/check.py lineitem.parquet out/ out.parquet ...

Counts are compared, a sum of hashes for each column, and one for whole rows. Blanks at the end of
`char(n)` are left out, as the server does. Prints nothing if all is well, else what differs; the exit
code tells too.
"""

import os
import sys

import duckdb


def files(path):
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, inner, names in os.walk(path):
        inner[:] = [name for name in inner if name[0] not in "._"]
        found += [os.path.join(folder, n) for n in names if n[0] not in "._" and n.endswith(".parquet")]
    return sorted(found)


def totals(connection, path, columns):
    values = []
    for name, kind in columns:
        cast = f'cast("{name}" as {kind})'
        values.append(f"rtrim({cast})" if kind == "VARCHAR" else cast)
    sums = [f"sum(hash({value})), count({value})" for value in values]
    relation = f"read_parquet({files(path)!r}, hive_partitioning = false)"
    sql = f"select count(*), sum(hash({', '.join(values)})), {', '.join(sums)} from {relation}"
    return connection.execute(sql).fetchone()


def main():
    original, *written = sys.argv[1:]
    connection = duckdb.connect()
    described = connection.execute(f"describe select * from read_parquet({original!r})").fetchall()
    columns = [(row[0], row[1]) for row in described]
    wanted = totals(connection, original, columns)
    wrong = []
    for path in written:
        found = totals(connection, path, columns)
        if found != wanted:
            names = ["rows", "whole rows"] + [name for name, _ in columns for _ in range(2)]
            odd = {name for name, one, two in zip(names, wanted, found) if one != two}
            wrong.append(f"{path}: other values in {', '.join(sorted(odd))}")
    if wrong:
        sys.exit("\n".join(wrong))


main()
