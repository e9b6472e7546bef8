"""Writes rows of a Parquet file as lines of JSON with DuckDB, to nowhere.

    python benches/duckdb_encode.py lineitem.parquet 1000000

The rows are read into a table first; prints the seconds of the writing, with one thread.
"""

import sys
import time

import duckdb


def main():
    path, rows = sys.argv[1].replace("'", "''"), int(sys.argv[2])
    connection = duckdb.connect()
    connection.execute(f"create table rows as select * from read_parquet('{path}') limit {rows}")
    connection.execute("set threads = 1")
    start = time.perf_counter()
    connection.execute("copy rows to '/dev/null' (format json)")
    print(time.perf_counter() - start)


main()
