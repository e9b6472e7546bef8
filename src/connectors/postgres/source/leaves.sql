-- The relations that hold the rows of the relation $1: itself, its partitions, and those that
-- inherit from it, each with its size.
with recursive tree(oid) as (
  select $1::pg_catalog.oid
  union
  select i.inhrelid
  from tree
  join pg_catalog.pg_inherits as i on i.inhparent = tree.oid
)
select
  c.oid,
  n.nspname::pg_catalog.text,
  c.relname::pg_catalog.text,
  c.relkind::pg_catalog.text,
  coalesce(a.amname, '')::pg_catalog.text,
  case when c.relkind = 'f' then 0 else pg_catalog.pg_relation_size(c.oid) end,
  c.reltuples::pg_catalog.float8,
  (pg_catalog.has_table_privilege(c.oid, 'select') or pg_catalog.has_any_column_privilege(c.oid, 'select'))
    and not pg_catalog.row_security_active(c.oid)
from tree
join pg_catalog.pg_class as c on c.oid = tree.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_am as a on a.oid = c.relam
where c.relkind <> 'p'
order by n.nspname collate "C", c.relname collate "C"
