-- An airport that is listed twice would count its flights twice.
select
  iata,
  count(*) as times
from airports
group by iata
having count(*) > 1
