-- The labels of enums. $1: oids of their types.
select e.enumtypid as type, pg_catalog.array_agg(e.enumlabel::text) as labels
from pg_catalog.pg_enum e
where e.enumtypid = any ($1)
group by e.enumtypid
