-- Delays by airport, with its name and state, and the bird strikes of that state.
-- {min_flights}: airports with fewer departures are left out.
-- A state that has no strikes in the sample has none that we know of: NULL, not 0.
select
  departures.airport,
  airports.name,
  airports.city,
  states.name as state,
  departures.flights,
  departures.mean_delay,
  departures.late_percent,
  departures.worst_delay,
  strikes.strikes as state_strikes,
  strikes.cost as state_strike_cost
from departures_by_airport as departures
join airports
  on airports.iata = departures.airport
left join states
  on states.code = airports.state
left join strikes_by_state as strikes
  on strikes.state = states.name
where departures.flights >= {min_flights}
