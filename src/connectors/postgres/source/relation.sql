-- The relation named $2 in the schema $1.
select
  c.oid,
  c.relkind::pg_catalog.text,
  c.relispopulated,
  coalesce(a.amname, '')::pg_catalog.text,
  pg_catalog.has_table_privilege(c.oid, 'select') or pg_catalog.has_any_column_privilege(c.oid, 'select')
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_am as a on a.oid = c.relam
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')
