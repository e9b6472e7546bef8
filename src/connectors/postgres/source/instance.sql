-- Which cluster and database, and since when it runs: an equal answer and an equal snapshot mean
-- equal rows.
select
  pg_catalog.format(
    '%s/%s',
    s.system_identifier,
    (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  ),
  pg_catalog.pg_postmaster_start_time()::pg_catalog.text,
  pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  pg_catalog.current_setting('block_size')::pg_catalog.int8,
  pg_catalog.current_setting('server_encoding')
from pg_catalog.pg_control_system() as s
