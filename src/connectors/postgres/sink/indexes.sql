-- The indexes of a table, and what is needed to make them on another one: the text after the
-- table's name, the constraint that they carry, and the columns they need. $1: oid of the table.
select
  c.relname::text as name,
  i.indisunique as is_unique,
  pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
  pg_catalog.format(
    'CREATE %sINDEX %I ON %I.%I ',
    case when i.indisunique then 'UNIQUE ' else '' end, c.relname, n.nspname, t.relname
  ) as head,
  k.contype::text as constraint_kind,
  pg_catalog.pg_get_constraintdef(k.oid) as constraint_definition,
  case when k.condeferrable then ' deferrable' else '' end
    || case when k.condeferred then ' initially deferred' else '' end as deferred,
  pg_catalog.obj_description(i.indexrelid, 'pg_class') as comment,
  array(
    select a.attname::text
    from pg_catalog.pg_attribute a
    where a.attrelid = i.indrelid and a.attnum > 0 and (
      a.attnum = any (i.indkey)
      or exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          and d.objid = i.indexrelid
          and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
          and d.refobjid = i.indrelid and d.refobjsubid = a.attnum
      )
    )
  ) as columns
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_class t on t.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = t.relnamespace
left join pg_catalog.pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid
  and k.contype in ('p', 'u', 'x')
where i.indrelid = $1 and i.indisvalid
order by i.indexrelid
