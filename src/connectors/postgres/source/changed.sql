-- The tables that this session holds locks on, and that were emptied, rewritten or dropped between
-- its snapshot and its locks: what it reads of them is not what they held at the snapshot.
-- pg_class is seen in the snapshot; pg_relation_filenode looks at what is committed now.
select pg_catalog.format('%s.%s', n.nspname, c.relname)
from pg_catalog.pg_locks as l
join pg_catalog.pg_class as c on c.oid = l.relation
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where l.pid = pg_catalog.pg_backend_pid()
  and l.locktype = 'relation'
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and c.relkind in ('r', 'm')
  and c.relfilenode <> 0
  and pg_catalog.pg_relation_filenode(c.oid) is distinct from c.relfilenode
