# Drives redis-rb: OPTIONS, in JSON. Prints what it is answered.
require 'json'
require 'redis'

client = Redis.new(**JSON.parse(ARGV[0], symbolize_names: true))
puts client.call('key.set', 'carts', 'k', 'v')
puts client.call('key.get', 'carts', 'k')
begin
  client.get('k')
rescue Redis::CommandError => e
  puts e.message.sub(%r{ \(\S+://\S+\)\z}, '') # version 5 adds the address
end
client.quit
