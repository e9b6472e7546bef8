-- The table, view or synonym @P2 of the schema @P1: its number and its kind; for a synonym what it
-- stands for: its name, whether that is in another database or on another server, and its number
-- and kind.
select o.object_id, rtrim(o.type) as kind, y.base_object_name,
    case
        when parsename(y.base_object_name, 4) is not null then 1
        when parsename(y.base_object_name, 3) <> db_name() then 1
        else 0
    end as is_elsewhere,
    b.object_id as base_id, rtrim(b.type) as base_kind
from sys.objects o
join sys.schemas s on s.schema_id = o.schema_id
left join sys.synonyms y on y.object_id = o.object_id
left join sys.objects b on b.object_id = object_id(y.base_object_name)
where s.name = @P1 and o.name = @P2 and o.type in ('U', 'V', 'SN', 'IF', 'TF', 'ET')
