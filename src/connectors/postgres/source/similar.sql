-- Where else relations of the name $1 are.
select pg_catalog.format('%s.%s', n.nspname, c.relname)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by n.nspname
limit 5
