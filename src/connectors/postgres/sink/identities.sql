-- Identity columns that tables $1 and $2 share: the sequences of both, by their names.
select
  n.nspname::text as schema,
  o.relname::text as old,
  m.nspname::text as new_schema,
  s.relname::text as new
from pg_catalog.pg_attribute a
join pg_catalog.pg_attribute b on b.attrelid = $2 and b.attname = a.attname
join pg_catalog.pg_depend d on d.refobjid = a.attrelid and d.refobjsubid = a.attnum
  and d.deptype = 'i' and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  and d.refclassid = d.classid
join pg_catalog.pg_class o on o.oid = d.objid and o.relkind = 'S'
join pg_catalog.pg_namespace n on n.oid = o.relnamespace
join pg_catalog.pg_depend e on e.refobjid = b.attrelid and e.refobjsubid = b.attnum
  and e.deptype = 'i' and e.classid = d.classid and e.refclassid = d.classid
join pg_catalog.pg_class s on s.oid = e.objid and s.relkind = 'S'
join pg_catalog.pg_namespace m on m.oid = s.relnamespace
where a.attrelid = $1 and a.attidentity <> '' and b.attidentity <> ''
order by o.relname
