-- What stays with a table when another one takes its name: then its rows are changed, not the
-- table. One line each, as people say it; `references` are foreign keys of other tables, with the
-- names of the columns that they need. $1: oid of the table.
select 'view ' || v.oid::pg_catalog.regclass::text as what, null::text[] as key, false as cascades
from (
  select distinct r.ev_class as oid
  from pg_catalog.pg_depend d
  join pg_catalog.pg_rewrite r on r.oid = d.objid
  where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.refobjid = $1 and r.ev_class <> $1
) v
union all
select
  'foreign key ' || c.conname || ' of ' || c.conrelid::pg_catalog.regclass::text,
  array(
    select a.attname::text
    from pg_catalog.unnest(c.confkey) k (number)
    join pg_catalog.pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number
  ),
  c.confdeltype not in ('a', 'r') or c.confupdtype not in ('a', 'r')
from pg_catalog.pg_constraint c
where c.contype = 'f' and c.confrelid = $1
union all
select 'trigger ' || tgname, null, false
from pg_catalog.pg_trigger where tgrelid = $1 and not tgisinternal
union all
select 'policy ' || polname, null, false from pg_catalog.pg_policy where polrelid = $1
union all
select 'row security', null, false
from pg_catalog.pg_class where oid = $1 and (relrowsecurity or relforcerowsecurity)
union all
select 'rule ' || rulename, null, false from pg_catalog.pg_rewrite where ev_class = $1
union all
select 'its partitions', null, false from pg_catalog.pg_class where oid = $1 and relkind = 'p'
union all
select 'partitioned or inherited table ' || inhparent::pg_catalog.regclass::text, null, false
from pg_catalog.pg_inherits where inhrelid = $1
union all
select 'inheriting table ' || inhrelid::pg_catalog.regclass::text, null, false
from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhparent
where inhparent = $1 and c.relkind <> 'p'
union all
select 'publication ' || p.pubname, null, false
from pg_catalog.pg_publication_rel r join pg_catalog.pg_publication p on p.oid = r.prpubid
where r.prrelid = $1
union all
select 'statistics ' || stxname, null, false from pg_catalog.pg_statistic_ext where stxrelid = $1
union all
select 'its being unlogged', null, false
from pg_catalog.pg_class where oid = $1 and relpersistence <> 'p'
union all
select 'its type of rows', null, false
from pg_catalog.pg_class where oid = $1 and reloftype <> 0
union all
select 'its tablespace', null, false
from pg_catalog.pg_class where oid = $1 and reltablespace <> 0
union all
select 'its replica identity', null, false
from pg_catalog.pg_class where oid = $1 and relreplident = 'i'
union all
select 'uses of its row type', null, false
where exists (
  select from pg_catalog.pg_depend d
  join pg_catalog.pg_type t on t.typrelid = $1
  where d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
    and d.refobjid in (t.oid, t.typarray) and d.deptype = 'n'
    and d.objid <> $1
)
order by 1
