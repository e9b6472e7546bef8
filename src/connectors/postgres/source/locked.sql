-- The tables that this session holds locks on.
select c.oid
from pg_catalog.pg_locks as l
join pg_catalog.pg_class as c on c.oid = l.relation
where l.pid = pg_catalog.pg_backend_pid()
  and l.locktype = 'relation'
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and c.relkind in ('r', 'p', 'f')
