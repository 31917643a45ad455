# Shows a client that has a token, as logs and errors do.
require_relative "../../../clients/ruby/cachesd"

client = Cachesd::Client.new(user: "web", token: "secret")
client.call("ping")
p client
