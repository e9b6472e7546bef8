-- A relation with what decides how it can be written. $1: schema; $2: name.
select
  c.oid,
  c.relkind::text as kind,
  -- Rows of a table that is not logged are gone after a crash of the server.
  not exists (
    select from pg_catalog.pg_class p
    where p.relpersistence <> 'p' and (
      p.oid = c.oid
      or p.oid in (select t.relid from pg_catalog.pg_partition_tree(c.oid) t)
    )
  ) as logged,
  c.relrowsecurity as row_security,
  case when c.reltuples >= 0 then c.reltuples::pg_catalog.int8 end as estimate,
  pg_catalog.pg_total_relation_size(c.oid) as bytes,
  pg_catalog.pg_has_role(c.relowner, 'USAGE') as own,
  -- NULL for a table that is being dropped.
  coalesce(pg_catalog.has_table_privilege(c.oid, 'INSERT'), false) as may_insert,
  coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT'), false) as may_select,
  coalesce(pg_catalog.has_table_privilege(c.oid, 'UPDATE'), false) as may_update,
  coalesce(pg_catalog.has_table_privilege(c.oid, 'DELETE'), false) as may_delete,
  coalesce(pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'), false) as may_truncate
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2
  and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c', 'i', 'I', 't')
