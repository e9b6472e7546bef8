-- What table $1 has and its successor $2 must get, as statements for the successor once it has the
-- name of $1; in the order in which they are to be run. The first ones come before the old table is
-- dropped: its sequences would go with it, and they must have the owner of their table.
with old as (
  select c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) as sql
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = $1
),
new as (select * from pg_catalog.pg_class where oid = $2),
-- Columns that both have.
pairs as (
  select a.*
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_attribute b on b.attrelid = $2 and b.attname = a.attname
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped and not b.attisdropped
),
statements (step, statement) as (
  select 1, pg_catalog.format('alter sequence %s owned by %s.%I',
    d.objid::pg_catalog.regclass, old.sql, pairs.attname)
  from old
  join pg_catalog.pg_depend d on d.refobjid = old.oid and d.deptype = 'a'
    and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
  join pairs on pairs.attnum = d.refobjsubid
  union all
  -- Default privileges of the schema are not those of the old table.
  select distinct 2, pg_catalog.format('revoke all on table %s from %s', old.sql,
    case g.grantee when 0 then 'public'
      else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) end)
  from old, new, pg_catalog.aclexplode(new.relacl) g where g.grantee <> new.relowner
  union all
  select 0, pg_catalog.format('alter table %s owner to %I', old.sql,
    pg_catalog.pg_get_userbyid(old.relowner))
  from old, new where old.relowner <> new.relowner
  union all
  select 4, pg_catalog.format('revoke all on table %s from %I', old.sql,
    pg_catalog.pg_get_userbyid(old.relowner))
  from old where old.relacl is not null
  union all
  select 5, pg_catalog.format('grant %s on table %s to %s%s', g.privilege_type, old.sql,
    case g.grantee when 0 then 'public'
      else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) end,
    case when g.is_grantable and g.grantee <> old.relowner then ' with grant option' else '' end)
  from old, pg_catalog.aclexplode(old.relacl) g
  union all
  select 5, pg_catalog.format('grant %s (%I) on table %s to %s%s', g.privilege_type,
    pairs.attname, old.sql,
    case g.grantee when 0 then 'public'
      else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) end,
    case when g.is_grantable and g.grantee <> old.relowner then ' with grant option' else '' end)
  from old, pairs, pg_catalog.aclexplode(pairs.attacl) g
  union all
  select 6, pg_catalog.format('comment on table %s is %L', old.sql, c.description)
  from old, pg_catalog.obj_description($1, 'pg_class') c (description)
  where c.description is not null
  union all
  select 7, pg_catalog.format('alter table %s set (%s = %L)', old.sql, o.option_name, o.option_value)
  from old, pg_catalog.pg_options_to_table(old.reloptions) o
  union all
  select 7, pg_catalog.format('alter table %s alter column %I set statistics %s', old.sql,
    pairs.attname, pairs.attstattarget)
  from old, pairs where pairs.attstattarget > 0
  union all
  select 7, pg_catalog.format('alter table %s alter column %I set (%s = %L)', old.sql,
    pairs.attname, o.option_name, o.option_value)
  from old, pairs, pg_catalog.pg_options_to_table(pairs.attoptions) o
  union all
  select 7, pg_catalog.format('alter table %s replica identity %s', old.sql,
    case old.relreplident when 'f' then 'full' else 'nothing' end)
  from old where old.relreplident in ('f', 'n')
)
select step <= 1 as is_first, statement from statements order by step, statement
