-- Arrivals without cargo, of which there must be none.
select *
from arrivals
where tonnes <= 0
