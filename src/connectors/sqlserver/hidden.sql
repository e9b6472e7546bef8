-- What the server hides from this user in the table @P1, or in the whole database when it is 0:
-- columns that are masked or encrypted, with schema and table, and whether rows are filtered.
select c.name, case when c.encryption_type is null then 'masked' else 'encrypted' end as how,
    object_schema_name(c.object_id) as schema_name, object_name(c.object_id) as table_name
from sys.columns c
where (c.object_id = @P1 or @P1 = 0)
    and (c.encryption_type is not null
        or (c.is_masked = 1 and has_perms_by_name(db_name(), 'DATABASE', 'UNMASK') = 0))
union all
select p.name, 'filtered', N'', N''
from sys.security_policies p
join sys.security_predicates r on r.object_id = p.object_id
where (r.target_object_id = @P1 or @P1 = 0) and p.is_enabled = 1 and r.predicate_type = 0
