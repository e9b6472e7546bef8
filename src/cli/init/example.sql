-- Cargo of each port: number of arrivals, tonnes altogether, last day.
select
  port,
  count(*) as arrivals,
  sum(tonnes) as tonnes,
  max(arrived) as last_arrival
from arrivals
group by port
