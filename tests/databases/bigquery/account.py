"""Looks at a table with Google's own client, or removes it: at the gate, or at a real account.

account.py show|drop ENDPOINT CREDENTIALS PROJECT DATASET TABLE; `-` as the endpoint is Google's, `-`
as the credentials is nobody. What is shown is JSON: columns, settings, and the rows in their order.
"""

import base64
import datetime
import decimal
import json
import sys

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.oauth2 import service_account

WHAT, ENDPOINT, CREDENTIALS, PROJECT, DATASET, TABLE = sys.argv[1:7]


def client():
    credentials = AnonymousCredentials()
    if CREDENTIALS != "-":
        credentials = service_account.Credentials.from_service_account_file(
            CREDENTIALS, scopes=["https://www.googleapis.com/auth/bigquery"]
        )
    options = None if ENDPOINT == "-" else ClientOptions(api_endpoint=ENDPOINT)
    return bigquery.Client(project=PROJECT, credentials=credentials, client_options=options)


def shown(value):
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, float) and value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return value


def column(field):
    return " ".join([field.name, field.field_type] + ([field.mode] if field.mode != "NULLABLE" else []))


bq, name = client(), f"{PROJECT}.{DATASET}.{TABLE}"
if WHAT == "drop":
    bq.delete_table(name, not_found_ok=True)
else:
    table = bq.get_table(name)
    rows = [shown(dict(row.items())) for row in bq.list_rows(table)]
    partitioning = table.time_partitioning
    print(json.dumps({
        "columns": [column(field) for field in table.schema],
        "partitioning": partitioning and [partitioning.type_, partitioning.field],
        "clustering": table.clustering_fields,
        "labels": table.labels,
        "description": table.description,
        "rows": sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)),
    }, ensure_ascii=False))
