#!/usr/bin/env python3
"""../../../clients/ruby."""

import harness
from cached_every import EveryLanguage
from cached_world import Scripts, World


class Ruby(EveryLanguage, World):
    pass


class RubyItself(Scripts):
    def test_ruby_has_threads_named_arguments_and_timeouts(self):
        self.take_lease("held")
        self.assertEqual(self.run_to_end("ruby", "-we", RUBY), ["true 50", "[1, 2]", "late", "7 50", "kept"])
        self.assertEqual(self.direct.call("EXISTS", 'm:Report#of:[1,:"b"=2]'), 1)


RUBY = """
require "cached"
require "timeout"
class Report
  extend Cached
  @@calls = Queue.new
  def self.calls = @@calls
  def each(number) = @@calls.push(number) && number
  def of(a, b: 0) = [a, b]
  def held = "computed"
  cached :each, namespace: "memo"
  cached :of, namespace: "memo"
  cached :held, namespace: "memo", key: "held"
  def kept = :kept
  cached :kept, namespace: "memo", key: "kept", dump: Marshal.method(:dump), load: Marshal.method(:load)
end
report = Report.new
threads = Array.new(8) { Thread.new { (0...50).map { |number| report.each(number) } } }
puts "#{threads.all? { |thread| thread.value == (0...50).to_a }} #{Report.calls.size}"
report.of(1, b: 2)
p Report.new.of(1, b: 2)
begin
  Timeout.timeout(0.2) { report.held }
rescue Timeout::Error
  puts "late"
end
puts "#{report.each(7)} #{Report.calls.size}"
puts 2.times.map { report.kept }.uniq
"""


if __name__ == "__main__":
    harness.main()
