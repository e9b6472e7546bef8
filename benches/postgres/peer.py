"""Does one job of the Postgres cases with a peer of dhow, and prints the seconds it took.

    python benches/postgres/peer.py duckdb postgres-to-parquet URL lineitem out.parquet
    python benches/postgres/peer.py adbc postgres-to-postgres URL lineitem URL l_orderkey,l_linenumber
    python benches/postgres/peer.py adbc parquet-to-postgres in.parquet lineitem URL l_orderkey,l_linenumber

Peers: duckdb, connectorx, adbc. Seconds begin when the libraries are loaded and end when the last
byte is written: starting Python is not the peer's fault. Parquet is written with zstd at level 3
by all of them, and every setting that is not named here is the peer's own.
"""

import pathlib
import sys
import time
from importlib import import_module

ZSTD_LEVEL = 3


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def primary_key(table, key):
    return f"alter table {table} add primary key ({key})"


# --- DuckDB ---------------------------------------------------------------------------------


def duckdb_connection():
    """DuckDB with its extension, which is loaded from its Python package: nothing is downloaded,
    and nothing is left in the home folder."""
    duckdb = import_module("duckdb")
    package = pathlib.Path(import_module("duckdb_extension_postgres_scanner").__file__).parent
    path = package / "extensions" / f"v{duckdb.__version__}" / "postgres_scanner.duckdb_extension"
    connection = duckdb.connect()
    connection.execute(f"load {quoted(str(path))}")
    # dhow does not keep the order of rows either, and DuckDB is faster and smaller without it.
    connection.execute("set preserve_insertion_order = false")
    return connection


def duckdb_attach(connection, name, url):
    connection.execute(f"attach {quoted(url)} as {name} (type postgres)")


def duckdb_postgres_to_parquet(url, table, path):
    connection = duckdb_connection()
    yield
    duckdb_attach(connection, "source", url)
    options = f"format parquet, compression zstd, compression_level {ZSTD_LEVEL}"
    connection.execute(f"copy (from source.{table}) to {quoted(path)} ({options})")


def duckdb_postgres_to_postgres(url, table, target, key):
    connection = duckdb_connection()
    yield
    duckdb_attach(connection, "source", url)
    duckdb_create(connection, table, f"source.{table}", target, key)


def duckdb_parquet_to_postgres(path, table, target, key):
    connection = duckdb_connection()
    yield
    duckdb_create(connection, table, f"read_parquet({quoted(path)})", target, key)


def duckdb_create(connection, table, relation, target, key):
    duckdb_attach(connection, "target", target)
    connection.execute(f"create table target.{table} as from {relation}")
    statement = primary_key(table, key)
    connection.execute(f"call postgres_execute('target', {quoted(statement)})")


# --- connectorx -----------------------------------------------------------------------------


def connectorx_postgres_to_parquet(url, table, path):
    """Two partitions of the first column, which is a number in every table. All rows are in memory
    before the first is written: there is no other way from here to a partitioned read."""
    connectorx, parquet = import_module("connectorx"), import_module("pyarrow.parquet")
    yield
    column = FIRST_COLUMN[table]
    rows = connectorx.read_sql(
        url,
        f"select * from {table}",
        return_type="arrow",
        partition_on=column,
        partition_num=2,
    )
    parquet.write_table(rows, path, compression="zstd", compression_level=ZSTD_LEVEL)


FIRST_COLUMN = {"lineitem": "l_orderkey", "wide": "id", "documents": "id"}


# --- ADBC -----------------------------------------------------------------------------------


def adbc_postgres_to_parquet(url, table, path):
    """Numbers with digits arrive as text: they are made decimals again, as a person would."""
    pyarrow = import_module("pyarrow")
    parquet, adbc = import_module("pyarrow.parquet"), import_module("adbc_driver_postgresql.dbapi")
    yield
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from {table}")
        batches = adbc_decimals(pyarrow, cursor.fetch_record_batch())
        options = {"compression": "zstd", "compression_level": ZSTD_LEVEL}
        with parquet.ParquetWriter(path, batches.schema, **options) as writer:
            for batch in batches:
                writer.write_batch(batch)


def adbc_postgres_to_postgres(url, table, target, key):
    pyarrow, adbc = import_module("pyarrow"), import_module("adbc_driver_postgresql.dbapi")
    yield
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from {table}")
        adbc_create(adbc, table, adbc_decimals(pyarrow, cursor.fetch_record_batch()), target, key)


def adbc_parquet_to_postgres(path, table, target, key):
    pyarrow, adbc = import_module("pyarrow"), import_module("adbc_driver_postgresql.dbapi")
    parquet = import_module("pyarrow.parquet")
    yield
    file = parquet.ParquetFile(path)
    batches = pyarrow.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())
    adbc_create(adbc, table, batches, target, key)


def adbc_create(adbc, table, batches, target, key):
    with adbc.connect(target) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(table, batches, mode="create")
        cursor.execute(primary_key(table, key))
        connection.commit()


def adbc_decimals(pyarrow, batches):
    """The same batches, with `numeric(p, s)` as decimals instead of as text."""
    fields = [adbc_field(pyarrow, field) for field in batches.schema]
    schema = pyarrow.schema(fields)

    def cast():
        for batch in batches:
            columns = [
                adbc_storage(column).cast(field.type)
                for column, field in zip(batch.columns, fields)
            ]
            yield pyarrow.RecordBatch.from_arrays(columns, schema=schema)

    return pyarrow.RecordBatchReader.from_batches(schema, cast())


def adbc_field(pyarrow, field):
    metadata = field.metadata or {}
    kind = getattr(field.type, "storage_type", field.type)
    if metadata.get(b"POSTGRESQL:type") == b"numeric":
        # The server's type modifier: precision and scale in 16 bits each, and 4 more.
        modifier = int(metadata[b"POSTGRESQL:typmod"]) - 4
        kind = pyarrow.decimal128(modifier >> 16, modifier & 0xFFFF)
    return pyarrow.field(field.name, kind)


def adbc_storage(column):
    return getattr(column, "storage", column)


# --------------------------------------------------------------------------------------------


def main():
    peer, job, *arguments = sys.argv[1:]
    steps = globals()[f"{peer}_{job.replace('-', '_')}"](*arguments)
    next(steps)
    start = time.perf_counter()
    for _ in steps:
        pass
    print(time.perf_counter() - start)


main()
