# Drives ../../../clients/ruby/cachesd.rb: see talk.md.
require_relative "../../../clients/ruby/cachesd"

$stdout.sync = true

def shown(reply)
  case reply
  when nil then "nil"
  when Integer then ":#{reply}"
  when Array then "[#{reply.map { |item| shown(item) }.join(" ")}]"
  else "$#{reply.unpack1("H*")}"
  end
end

client = nil
$stdin.each_line(chomp: true) do |line|
  verb, *words = line.split
  words = words.map { |word| word == "." ? "" : [word].pack("H*") }
  if verb == "call"
    puts shown(client.call(*words))
  else
    client&.close
    address, timeout, user, token = words.map { |word| word unless word.empty? }
    client = Cachesd::Client.new(address: address, user: user, token: token, timeout: timeout.to_f / 1000)
    puts "opened"
  end
rescue Cachesd::Error => e
  puts "-#{e.message} #{e.perhaps_applied? ? "(perhaps)" : "(no)"}"
rescue ArgumentError => e
  puts "-WRONG #{e.message}"
end
