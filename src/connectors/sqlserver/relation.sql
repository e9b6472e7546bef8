-- The table, view or synonym @P2 of the schema @P1: its number and its kind.
select o.object_id, rtrim(o.type) as kind
from sys.objects o
join sys.schemas s on s.schema_id = o.schema_id
where s.name = @P1 and o.name = @P2 and o.type in ('U', 'V', 'SN', 'IF', 'TF', 'ET')
