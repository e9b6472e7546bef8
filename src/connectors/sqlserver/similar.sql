-- Tables and views with the name @P1, however it is written and in whichever schema.
select top (3) s.name, o.name
from sys.objects o
join sys.schemas s on s.schema_id = o.schema_id
where lower(o.name) = lower(@P1) and o.type in ('U', 'V', 'SN')
order by s.name, o.name
