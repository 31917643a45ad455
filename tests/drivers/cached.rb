#!/usr/bin/env ruby
# Drives ../../clients/ruby/cached.rb: a command a line, `call|forget|refresh WORD`, and a result a line.
require_relative "../../clients/ruby/cached"

FOLDER = ENV.fetch("FOLDER")
$stdout.sync = true

class Driver
  extend Cached

  def call(word)
    File.write("#{FOLDER}/computed", "#{word}\n", mode: "a")
    sleep 0.005 while word.start_with?("gate") && !File.exist?("#{FOLDER}/gate")
    raise word if word.start_with?("throw")

    count = File.readlines("#{FOLDER}/computed", chomp: true).count(word)
    word.start_with?("null") ? nil : { word: word, count: count }
  end
  cached :call, namespace: ENV.fetch("NAMESPACE"), key: ->(word) { "f:#{word}" }, ttl: ENV["TTL"],
                wait: ENV.fetch("WAIT_MS").to_f / 1000, timeout: 2
end

driver = Driver.new
METHODS = { "call" => :call, "forget" => :forget_call, "refresh" => :refresh_call }.freeze
$stdin.each_line do |line|
  verb, word = line.split
  puts JSON.generate(driver.public_send(METHODS.fetch(verb), word))
rescue RuntimeError => e
  puts "threw #{e.message}"
end
