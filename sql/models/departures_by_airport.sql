-- How many flights left each airport, how late they were on average (in minutes), and how many of a
-- hundred were more than a quarter of an hour late.
select
  origin as airport,
  count(*) as flights,
  round(avg(delay), 1) as mean_delay,
  round(100 * avg(case when delay > 15 then 1.0 else 0.0 end), 1) as late_percent,
  max(delay) as worst_delay
from staged_flights
group by origin
