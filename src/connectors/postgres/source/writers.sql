-- The open transactions, prepared ones among them, that may have written to one of the tables $1.
select distinct l.virtualtransaction || ' ' || coalesce(l.pid, 0)
from pg_catalog.pg_locks as l
where l.locktype = 'relation'
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and l.relation = any ($1::pg_catalog.oid[])
  and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  and l.granted
  and l.pid is distinct from pg_catalog.pg_backend_pid()
