"""Copies a table of MariaDB into a Parquet file with DuckDB, and prints the seconds it took.

    python benches/mysql/peer.py PORT database table out.parquet

Seconds begin when the libraries are loaded and end when the last byte is written: starting Python is
not the peer's fault. Parquet is written with zstd at level 3, as by dhow; all else is DuckDB's own.
"""

import pathlib
import sys
import time
from importlib import import_module


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def connection():
    """DuckDB with its extension, which is loaded from its Python package: nothing is downloaded."""
    duckdb = import_module("duckdb")
    package = pathlib.Path(import_module("duckdb_extension_mysql_scanner").__file__).parent
    path = package / "extensions" / f"v{duckdb.__version__}" / "mysql_scanner.duckdb_extension"
    opened = duckdb.connect()
    opened.execute(f"load {quoted(str(path))}")
    # dhow does not keep the order of rows either, and DuckDB is faster and smaller without it.
    opened.execute("set preserve_insertion_order = false")
    return opened


def main():
    port, database, table, path = sys.argv[1:]
    opened = connection()
    start = time.perf_counter()
    address = f"host=127.0.0.1 user=dhow port={port} database={database}"
    opened.execute(f"attach {quoted(address)} as source (type mysql, read_only)")
    options = "format parquet, compression zstd, compression_level 3"
    opened.execute(f"copy (from source.{table}) to {quoted(path)} ({options})")
    print(time.perf_counter() - start)


main()
