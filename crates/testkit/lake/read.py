"""What other programs see in a lake: read.py FOLDER prints, as JSON, for each table what deltalake counts and what DuckDB
counts in the Parquet files that the table's newest version consists of."""

import json
import pathlib
import sys

import deltalake
import duckdb

COUNTS = """
    SELECT count(*) AS rows, count(DISTINCT id) AS ids, count(DISTINCT call_id) AS calls,
           CAST(coalesce(sum(size), 0) AS BIGINT) AS payload_bytes,
           CAST(coalesce(sum({length}), 0) AS BIGINT) AS raw_bytes
    FROM {table}"""


def by_deltalake(table):
    counts = COUNTS.format(table="lake", length="length(encode(raw, 'hex')) / 2")
    answer = deltalake.QueryBuilder().register("lake", table).execute(counts).read_all()
    return {name: answer[name][0].as_py() for name in answer.column_names}


def by_duckdb(table):
    files = [uri.removeprefix("file://") for uri in table.file_uris()]
    counts = COUNTS.format(table="read_parquet($files)", length="octet_length(raw)")
    cursor = duckdb.execute(counts, {"files": files})
    return dict(zip([column[0] for column in cursor.description], cursor.fetchone()))


tables = {}
for folder in sorted(pathlib.Path(sys.argv[1]).glob("[!_]*")):
    table = deltalake.DeltaTable(folder)
    if table.file_uris():
        tables[folder.name] = {
            "files": len(table.file_uris()),
            "deltalake": by_deltalake(table),
            "duckdb": by_duckdb(table),
        }
print(json.dumps(tables))
