"""Google's own Python client against the gate: what it does to BigQuery, it can do here.

Called with the gate's URL, the key file of its service account, and a folder; the test that calls
it looks at the gate afterwards. Each step prints its name, so that the last one printed is the one
that failed.
"""

import datetime
import decimal
import io
import json
import os
import sys

from google.api_core.client_options import ClientOptions
from google.api_core import exceptions
from google.auth import identity_pool
from google.auth.exceptions import RefreshError
from google.cloud import bigquery
from google.oauth2 import service_account

URL, KEY, ORDER = sys.argv[1:4]
PROJECT, DATASET = "dhow-tests", "proof"


def client():
    credentials = service_account.Credentials.from_service_account_file(
        KEY, scopes=["https://www.googleapis.com/auth/bigquery"]
    )
    return bigquery.Client(
        project=PROJECT, credentials=credentials, client_options=ClientOptions(api_endpoint=URL)
    )


def step(name):
    print(name, flush=True)


def raised(kind, work):
    try:
        work()
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was expected")


def table(name):
    return f"{PROJECT}.{DATASET}.{name}"


def lines(count):
    rows = (json.dumps({"id": str(n), "note": "x" * 900}) for n in range(count))
    return io.BytesIO("\n".join(rows).encode())


NUMBERED = [
    bigquery.SchemaField("id", "INT64", mode="REQUIRED"),
    bigquery.SchemaField("note", "STRING"),
]
NDJSON = bigquery.SourceFormat.NEWLINE_DELIMITED_JSON


def loads(bq):
    step("a dataset")
    dataset = bigquery.Dataset(f"{PROJECT}.{DATASET}")
    dataset.location = "europe-west3"
    bq.create_dataset(dataset)
    assert bq.get_dataset(DATASET).location == "europe-west3"
    raised(exceptions.Conflict, lambda: bq.create_dataset(dataset))

    step("a table")
    made = bigquery.Table(table("typed"), schema=NUMBERED + [
        bigquery.SchemaField("amount", "NUMERIC", precision=20, scale=4),
        bigquery.SchemaField("at", "TIMESTAMP"),
        bigquery.SchemaField("day", "DATE"),
        bigquery.SchemaField("raw", "BYTES"),
        bigquery.SchemaField("doc", "JSON"),
        bigquery.SchemaField("tags", "STRING", mode="REPEATED"),
        bigquery.SchemaField("home", "RECORD", fields=[bigquery.SchemaField("city", "STRING")]),
        bigquery.SchemaField("ratio", "FLOAT64"),
        bigquery.SchemaField("ok", "BOOL"),
    ])
    made.time_partitioning = bigquery.TimePartitioning(field="day")
    made.clustering_fields = ["id"]
    made.labels = {"team": "gate"}
    made.expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=7)
    bq.create_table(made)
    found = bq.get_table(table("typed"))
    assert found.labels == {"team": "gate"} and found.time_partitioning.field == "day"
    found.description = "what the proof loads"
    assert bq.update_table(found, ["description"]).description == "what the proof loads"

    step("load_table_from_json")
    row = {
        "id": "9223372036854775807", "note": "ä", "amount": "-1234567890.1200",
        "at": "2026-02-28T23:59:59.123456Z", "day": "2026-02-28", "raw": "AP8=", "doc": {"a": [1, None]},
        "tags": ["x", "y"], "home": {"city": "Kiel"}, "ratio": "NaN", "ok": True,
    }
    config = bigquery.LoadJobConfig(schema=found.schema)
    job = bq.load_table_from_json([row], table("typed"), job_config=config, job_id="typed-1")
    assert job.result().output_rows == 1
    [read] = bq.list_rows(table("typed"))
    assert read["id"] == 2**63 - 1 and read["amount"] == decimal.Decimal("-1234567890.12")
    assert read["at"] == datetime.datetime(2026, 2, 28, 23, 59, 59, 123456, datetime.timezone.utc)
    assert (read["raw"], read["doc"], read["tags"]) == (b"\0\xff", {"a": [1, None]}, ["x", "y"])
    assert read["home"] == {"city": "Kiel"} and read["ratio"] != read["ratio"] and read["ok"] is True

    step("load_table_from_file: multipart")
    config = bigquery.LoadJobConfig(source_format=NDJSON, schema=NUMBERED)
    job = bq.load_table_from_file(lines(100), table("small"), rewind=True, job_config=config)
    assert job.result().output_rows == 100 and job.location == "europe-west3"

    step("load_table_from_file: resumable, with two 503 and a connection that breaks")
    print(ORDER, flush=True)
    sys.stdin.readline()
    import google.cloud.bigquery.client as module
    module._DEFAULT_CHUNKSIZE = 1024 * 1024
    job = bq.load_table_from_file(lines(6000), table("large"), rewind=True, job_config=config)
    assert job.result().output_rows == 6000
    assert bq.get_table(table("large")).num_rows == 6000


def jobs(bq):
    config = bigquery.LoadJobConfig(source_format=NDJSON, schema=NUMBERED)
    step("the same job id")
    first = bq.load_table_from_file(lines(10), table("once"), rewind=True, job_config=config, job_id="once")
    first.result()
    raised(exceptions.Conflict, lambda: bq.load_table_from_file(
        lines(10), table("once"), rewind=True, job_config=config, job_id="once", num_retries=0))
    assert bq.get_job("once", location="europe-west3").output_rows == 10
    raised(exceptions.NotFound, lambda: bq.get_job("once", location="US"))
    assert bq.get_table(table("once")).num_rows == 10

    step("copy_table")
    bq.copy_table([table("small"), table("once")], table("copied")).result()
    assert bq.get_table(table("copied")).num_rows == 110
    raised(exceptions.Conflict, lambda: bq.copy_table(table("once"), table("copied")).result())
    raised(exceptions.NotFound, lambda: bq.copy_table(table("nothing"), table("copied")).result())

    step("errors of rows")
    bad = io.BytesIO(b'{"id": "1"}\n{"id": null}\n{"id": "x"}\n{"id": "2", "more": 1}\n')
    job = bq.load_table_from_file(bad, table("once"), rewind=True, job_config=config)
    said = raised(exceptions.BadRequest, job.result)
    assert "too many errors" in said and len(job.errors) == 4, job.errors
    assert bq.get_table(table("once")).num_rows == 10
    bad.seek(0)
    config.max_bad_records = 3
    job = bq.load_table_from_file(bad, table("once"), rewind=True, job_config=config)
    assert job.result().output_rows == 1 and len(job.errors) == 3

    step("a dataset that is not there")
    job = bq.load_table_from_json([], f"{PROJECT}.nothing.t", job_config=bigquery.LoadJobConfig(schema=NUMBERED))
    raised(exceptions.NotFound, job.result)


def queries(bq):
    step("query: SELECT")
    sql = f"SELECT COUNT(*) AS n, MAX(id) AS most FROM `{table('copied')}` WHERE note LIKE 'x%'"
    found = [tuple(row) for row in bq.query(sql).result()]
    assert found == [(110, 99)], found
    parameters = [bigquery.ScalarQueryParameter("id", "INT64", 5)]
    sql = f"SELECT id FROM {DATASET}.copied WHERE id = @id UNION ALL SELECT 7 ORDER BY id"
    config = bigquery.QueryJobConfig(query_parameters=parameters)
    assert [row.id for row in bq.query_and_wait(sql, job_config=config)] == [5, 5, 7]
    sql = f"SELECT id, COUNT(*) AS n FROM {DATASET}.copied GROUP BY id HAVING COUNT(*) > 1 ORDER BY id LIMIT 3"
    assert [tuple(row) for row in bq.query(sql).result()] == [(0, 2), (1, 2), (2, 2)]
    typed = f"SELECT amount, `at`, CAST(`at` AS STRING) AS text FROM {DATASET}.typed WHERE `at` > '2026-01-01'"
    [row] = bq.query(typed).result()
    assert row.amount == decimal.Decimal("-1234567890.12") and row.text == "2026-02-28 23:59:59.123456+00"
    assert [row.id for row in bq.query(f"SELECT id FROM {DATASET}.large ORDER BY id").result(page_size=2500)] == list(range(6000))

    step("query: MERGE and a script")
    merge = f"""
        MERGE {DATASET}.small T USING (SELECT * FROM {DATASET}.once UNION ALL SELECT 1000, 'new') S ON T.id = S.id
        WHEN MATCHED AND S.id < 5 THEN DELETE
        WHEN MATCHED THEN UPDATE SET note = CONCAT('merged ', CAST(S.id AS STRING))
        WHEN NOT MATCHED THEN INSERT (id, note) VALUES (S.id, S.note)"""
    job = bq.query(merge.replace("once", "copied"))
    said = raised(exceptions.BadRequest, job.result)
    assert "at most one source row" in said, said
    bq.query(f"CREATE TABLE {DATASET}.sources AS SELECT id, MAX(note) AS note FROM {DATASET}.once GROUP BY id").result()
    job = bq.query(merge.replace("once", "sources"))
    job.result()
    assert job.num_dml_affected_rows == 11
    sql = f"SELECT COUNT(*), COUNTIF(STARTS_WITH(note, 'merged ')), COUNTIF(note = 'new') FROM {DATASET}.small"
    assert [tuple(row) for row in bq.query(sql).result()] == [(96, 5, 1)]
    script = f"""
        BEGIN TRANSACTION;
        DELETE FROM {DATASET}.copied WHERE id < 50;
        INSERT INTO {DATASET}.copied (id, note) SELECT id, note FROM {DATASET}.small;
        COMMIT TRANSACTION;"""
    bq.query(script).result()
    raised(exceptions.BadRequest, bq.query(script.replace("SELECT id", "SELECT note")).result)

    step("query: errors")
    for bad, kind in [
        ("SELEC 1", exceptions.BadRequest),
        (f"SELECT x FROM {DATASET}.once", exceptions.BadRequest),
        (f"SELECT id FROM {DATASET}.once WHERE id = 'a'", exceptions.BadRequest),
        (f"SELECT id FROM {DATASET}.once UNION SELECT 1", exceptions.BadRequest),
        ("SELECT sqlite_version()", exceptions.BadRequest),
        (f"SELECT id AS at FROM {DATASET}.once", exceptions.BadRequest),
        (f"INSERT INTO {DATASET}.once (note) VALUES ('a')", exceptions.BadRequest),
        (f"INSERT INTO {DATASET}.once (id) VALUES ('1')", exceptions.BadRequest),
        (f"UPDATE {DATASET}.once SET note = 'a'", exceptions.BadRequest),
        (f"SELECT 1 FROM {DATASET}.nothing", exceptions.NotFound),
    ]:
        raised(kind, lambda: bq.query(bad).result())
    dry = bq.query(f"SELECT * FROM {DATASET}.small", job_config=bigquery.QueryJobConfig(dry_run=True))
    assert dry.total_bytes_processed > 0 and dry.schema[0].name == "id"


def rest(bq):
    step("tables go")
    names = {found.table_id for found in bq.list_tables(DATASET)}
    assert {"typed", "small", "large", "once", "copied", "sources"} <= names
    bq.delete_table(table("sources"))
    raised(exceptions.NotFound, lambda: bq.get_table(table("sources")))
    assert any(job.job_id == "once" for job in bq.list_jobs())
    raised(exceptions.BadRequest, lambda: bq.delete_dataset(DATASET))

    step("a federated identity that acts as the service account")
    account = f"{URL}/v1/projects/-/serviceAccounts/dhow@dhow-tests.iam.gserviceaccount.com"
    federated = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{URL}/sts/token",
        "service_account_impersonation_url": f"{account}:generateAccessToken",
        "credential_source": {
            "url": f"{URL}/subject",
            "headers": {"x-who": "me"},
            "format": {"type": "json", "subject_token_field_name": "value"},
        },
    }
    credentials = identity_pool.Credentials.from_info(
        federated, scopes=["https://www.googleapis.com/auth/bigquery"]
    )
    options = ClientOptions(api_endpoint=URL)
    other = bigquery.Client(project=PROJECT, credentials=credentials, client_options=options)
    assert other.get_dataset(DATASET).dataset_id == DATASET

    step("a service account that is refused")
    print("refuse", flush=True)
    sys.stdin.readline()
    said = raised(RefreshError, lambda: client().get_dataset(DATASET))
    assert "invalid_grant" in said


os.environ.pop("BIGQUERY_EMULATOR_HOST", None)
one = client()
for part in (loads, jobs, queries, rest):
    part(one)
print("proven", flush=True)
