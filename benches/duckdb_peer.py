"""Does one case with DuckDB: reads files, runs a statement, writes Parquet with zstd.

    python benches/duckdb_peer.py --to out.parquet --sql q1.sql --threads 2 --memory 2048MiB \
        --temp folder lineitem=lineitem.parquet ...

Without `--sql`, all columns and rows of the one source are copied. Prints the seconds between the
first look at a file and the last byte written: starting Python is not DuckDB's fault.
"""

import argparse
import time

import duckdb

READERS = {
    "csv": "read_csv('{}', header = true)",
    "ndjson": "read_json('{}', format = 'newline_delimited')",
    "parquet": "read_parquet('{}')",
}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", required=True)
    parser.add_argument("--sql")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--memory", required=True)
    parser.add_argument("--temp", required=True)
    parser.add_argument("sources", nargs="+")
    return parser.parse_args()


def connect(args):
    connection = duckdb.connect()
    connection.execute(f"set threads = {args.threads}")
    connection.execute(f"set memory_limit = '{args.memory}'")
    connection.execute(f"set temp_directory = '{args.temp}'")
    # dhow does not keep the order of rows either, and DuckDB is faster and smaller without it.
    connection.execute("set preserve_insertion_order = false")
    return connection


def main():
    args = arguments()
    connection = connect(args)
    start = time.perf_counter()
    for source in args.sources:
        name, path = source.split("=", 1)
        reader = READERS[path.rsplit(".", 1)[1]].format(path.replace("'", "''"))
        connection.execute(f"create view {name} as select * from {reader}")
    statement = f"select * from {name}"
    if args.sql:
        with open(args.sql, encoding="utf-8") as file:
            statement = file.read()
    target = args.to.replace("'", "''")
    connection.execute(f"copy ({statement}) to '{target}' (format parquet, compression zstd)")
    print(time.perf_counter() - start)


main()
