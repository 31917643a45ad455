# Rack's sessions in redis-rack: three requests of one browser.
# debian: ruby-redis-rack ruby-rack
# prefix: app:
require "rack"
require "rack/mock"
require "rack/session/redis"

count = lambda do |env|
  session = env["rack.session"]
  env["PATH_INFO"] == "/out" ? session.destroy : session["count"] = (session["count"] || 0) + 1
  [200, {}, [session["count"].to_s]]
end
server = { host: ENV["REDIS_HOST"], port: ENV["REDIS_PORT"].to_i, namespace: "app" }
browser = Rack::MockRequest.new(Rack::Session::Redis.new(count, redis_server: server, expire_after: 60))
first = browser.get("/")
cookie = { "HTTP_COOKIE" => first["Set-Cookie"].split(";").first }
said = [first.body, browser.get("/", cookie).body, browser.get("/out", cookie).body, browser.get("/", cookie).body]
said == ["1", "2", "", "1"] or abort said.inspect
