-- The ten airports whose flights left latest, for people to read.
select
  airport,
  city,
  state,
  flights,
  mean_delay,
  late_percent,
  state_strikes
from airport_delays
order by mean_delay desc, airport
limit 10
