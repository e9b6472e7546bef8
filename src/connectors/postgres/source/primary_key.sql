-- The columns of the primary key of the relation $1, in order; none where heirs may have rows with the
-- key of another row.
select a.attname::pg_catalog.text
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indrelid
cross join lateral pg_catalog.generate_series(0, i.indnkeyatts - 1) as k(position)
join pg_catalog.pg_attribute as a
  on a.attrelid = i.indrelid and a.attnum = (i.indkey::pg_catalog.int2[])[k.position]
where i.indrelid = $1
  and i.indisprimary
  and i.indisvalid
  and (c.relkind = 'p' or not exists (select from pg_catalog.pg_inherits as h where h.inhparent = $1))
order by k.position
