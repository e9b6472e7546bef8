-- Airports whose state is not filled in: they find no bird strikes.
select
  iata,
  name
from airports
where state = 'NA'
