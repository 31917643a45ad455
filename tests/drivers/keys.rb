#!/usr/bin/env ruby
# keys.rb SEED COUNT: calls a cached method with COUNT random arguments. scenario_cached_keys.py tells what it prints.
require_relative "../../clients/ruby/cached"
require "date"
require "set"

Point = Struct.new(:x, :y)

# An atom's text is written down here, so that it does not depend on what is tested.
ATOMS = %q(nil|true|false|0|1|-1|10**50|0.0|-0.0|1.0|0.1|0.1+0.2|Float::NAN|Float::INFINITY|1r|1i|""|"1"|"nil"|"[]"|"\""|"\\\\"|","|"1,2"
  |"ä"|"a\u0308"|"\xff"|"\xE4".b|"\xC3\xA4".b|"\xE4".dup.force_encoding("ISO-8859-1")|"1".encode("UTF-16LE")|"\#{1}"|:a|:"1"|:"a b"|:nil
  |(1..2)|(1...2)|(1..)|(nil..1)|("1".."2")|Integer|Comparable|Point|Time.at(0).utc|Time.at(0, 1, :nsec).utc|Time.at(0).getlocal("+01:00")
  |Date.new(2024)|DateTime.new(2024)|/1/|/1/i)
  .gsub(/\n\s*/, "").split("|")

# A random value: its text, in which order does not count in Hash and Set, and two of it.
def value(random, depth = 3)
  kind = (%i[atom atom atom atom] + (depth.zero? ? [] : %i[array hash set point])).sample(random: random)
  text = ATOMS.sample(random: random)
  return [text, eval(text), eval(text)] if kind == :atom

  parts = Array.new(kind == :point ? 2 : random.rand(4)) { value(random, depth - 1) }
  parts.uniq! { |part| part[1] } if %i[hash set].include?(kind)
  texts, once, again = (parts.empty? ? [[], [], []] : parts.transpose)
  case kind
  when :array then ["[#{texts.join(" ")}]", once, again]
  when :point then ["point(#{texts.join(" ")})", Point.new(*once), Point.new(*again)]
  when :set then ["set(#{texts.sort.join(" ")})", once.to_set, again.reverse.to_set]
  else
    inner = parts.map { value(random, depth - 1) }
    pairs = texts.zip(inner.map(&:first)).map { |pair| pair.join("=>") }
    ["{#{pairs.sort.join(" ")}}", once.zip(inner.map { _1[1] }).to_h, again.zip(inner.map { _1[2] }).reverse.to_h]
  end
end

class Caller
  extend Cached
  class << self
    attr_accessor :text, :computed
  end
  self.computed = 0

  def call(*, **)
    Caller.computed += 1
    Caller.text
  end
  cached :call, timeout: 30
end

random = Random.new(ARGV[0].to_i)
wrong, texts, caller = 0, {}, Caller.new
ARGV[1].to_i.times do
  parts = Array.new(1 + random.rand(3)) { value(random) }
  named = random.rand(4).zero? ? { a: value(random), b: value(random) } : {}
  Caller.text = (parts.map(&:first) + named.map { |name, part| "#{name}: #{part[0]}" }).join(" ").b.inspect
  [1, 2].each do |at|
    words = named.to_a.then { |pairs| at == 1 ? pairs : pairs.reverse }.to_h.transform_values { |part| part[at] }
    wrong += 1 if caller.call(*parts.map { |part| part[at] }, **words) != Caller.text
  end
  texts[Caller.text] = true
end
puts JSON.generate(wrong: wrong, texts: texts.size, computed: Caller.computed)
