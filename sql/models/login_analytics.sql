-- Logins of all shards, with the place of the address and the device of the user agent.
-- Row-local, so it runs split by split. What is no address has no place.
with logins as (
  select
    shard,
    user_id,
    login_time,
    ip_address,
    user_agent,
    case when is_ip(ip_address) then ip_address end as address
  from user_logins
)
select
  row_hash(shard, user_id, login_time, ip_address, user_agent) as login_id,
  shard,
  user_id,
  login_time,
  ip_address,
  geo_ip(address, 'country.iso_code') as country,
  nullif(
    concat_ws(', ', geo_ip(address, 'city.names.en'), geo_ip(address, 'country.names.en')),
    ''
  ) as location,
  parse_user_agent(user_agent)['category'] as device,
  parse_user_agent(user_agent)['os'] as os,
  parse_user_agent(user_agent)['name'] as browser
from logins
