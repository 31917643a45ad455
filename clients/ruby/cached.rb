# Keeps the results of methods in cachesd; it needs cachesd.rb beside it.
#
#   class Reports
#     extend Cached
#     def pages(user) = ...
#     cached :pages, ttl: "10m"
#   end
#
#   reports.pages(7)           # computed once, whoever asks, in whatever process
#   reports.forget_pages(7)    # forget it: the next call computes
#   reports.refresh_pages(7)   # forget it and call
#
# A caller that asks while another computes waits for that result. When the daemon is away or refuses, the method
# is simply called. nil is kept as a result too. Values are JSON, unless you give dump and load
# (Marshal.method(:dump) and :load, where you trust whoever can write to your Redis).
require "digest"
require "json"
require_relative "cachesd"

module Cached
  Unknown = Class.new(ArgumentError) # nothing tells a value apart from others

  # namespace; key: a string, or a proc that is given the arguments, run in the object. name: what a key begins with,
  # instead of the class and the method. ttl: as the namespace says, or 90, "10m", "2h". wait: seconds for
  # what another computes. timeout: seconds for the daemon to answer. on_error: is told what the daemon
  # refused. address, user, token: else as the environment says.
  def cached(method, **options)
    original = instance_method(method)
    memo = Memo.new(self, original, **options)
    visibility = %i[private protected].find { |kind| send("#{kind}_method_defined?", method) } || :public
    alias_method method, method # so that Ruby does not warn of what is defined anew
    define_method(method) do |*args, **named, &block|
      memo.result(self, args, named, block) { original.bind_call(self, *args, **named, &block) }
    end
    define_method("forget_#{method}") { |*args, **named| memo.forget(self, args, named) }
    define_method("refresh_#{method}") do |*args, **named, &block|
      memo.forget(self, args, named)
      __send__(method, *args, **named, &block)
    end
    send(visibility, method, "forget_#{method}", "refresh_#{method}")
    method
  end

  # Texts that equal arguments share, and no others.
  module Text
    DEPTH = 100 # how deep an argument may be nested
    PLAIN = [NilClass, TrueClass, FalseClass, Integer, Float, Rational, Complex].freeze

    module_function

    def of(value, depth = DEPTH)
      raise Unknown, "nested more than #{DEPTH} deep" if depth.zero?

      inner = ->(part) { of(part, depth - 1) }
      if PLAIN.any? { |kind| value.instance_of?(kind) } then value.inspect
      elsif value.instance_of?(String) then of_string(value)
      elsif value.instance_of?(Symbol) then ":#{of_string(value.name)}"
      elsif value.instance_of?(Array) then "[#{value.map(&inner).join(",")}]"
      elsif value.instance_of?(Hash) then of_hash(value, inner)
      elsif value.instance_of?(Range) then "(#{inner.(value.begin)}#{value.exclude_end? ? "..." : ".."}#{inner.(value.end)})"
      elsif value.is_a?(Module) then of_module(value)
      else of_object(value, inner)
      end
    end

    # Two strings are equal when their bytes are, and their encodings too unless all is ASCII.
    def of_string(value)
      is_text = value.ascii_only? || (value.encoding == Encoding::UTF_8 && value.valid_encoding?)
      is_text ? "\"#{value.gsub(/["\\]/) { |sign| "\\#{sign}" }}\"" : "#{value.encoding}:#{value.unpack1("H*")}"
    end

    def of_hash(value, inner)
      raise Unknown, "a Hash that compares by identity" if value.compare_by_identity?

      "{#{value.map { |key, item| "#{inner.(key)}=>#{inner.(item)}" }.sort.join(",")}}"
    end

    def name_of(kind) = Module.instance_method(:name).bind_call(kind).to_s # some classes lie

    def of_module(value)
      name = name_of(value)
      found = name.split("::").inject(Object) { |scope, part| scope.const_get(part, false) } unless name.empty?
      raise Unknown, "a class without a name" unless value.equal?(found)

      "<#{name}>"
    rescue NameError
      raise Unknown, "a class that its name does not lead to"
    end

    # All that an object is, by the name of its class, since not every program has each.
    TELLING = {
      "Set" => ->(value, inner) { value.map(&inner).sort.join(",") },
      "Time" => ->(value, inner) { "#{value.inspect} #{inner.(value.zone)}" },
      "Date" => ->(value, _) { value.inspect }, "DateTime" => ->(value, _) { value.inspect },
      "BigDecimal" => ->(value, _) { value.to_s },
      "Regexp" => ->(value, inner) { "#{inner.(value.source)} #{value.options}" }
    }.freeze
    RECORDS = [Struct, *(Data if defined?(Data) && Data.respond_to?(:define))].freeze

    def of_object(value, inner)
      kind = value.class
      telling = TELLING[name_of(kind)]
      return "#{of_module(kind)}(#{telling.(value, inner)})" if telling

      is_record = RECORDS.any? { |record| value.is_a?(record) } && value.instance_variables.empty?
      raise Unknown, "a #{kind}" unless is_record

      "#{of_module(kind)}(#{value.to_h.map { |pair| pair.map(&inner).join("=") }.join(",")})"
    end

    # The object that a method is called on: without state it counts as its class.
    def of_receiver(object)
      is_stateless = object.instance_variables.empty? && Marshal.dump(object).start_with?("\x04\bo".b)
      is_stateless ? of_module(object.class) : of(object)
    rescue TypeError # Marshal knows no such object
      raise Unknown, "a #{object.class}"
    end
  end

  # One method's cache.
  class Memo
    def initialize(owner, method, namespace: "demo", key: nil, name: nil, ttl: nil, wait: 10, timeout: 1, address: nil,
                   user: nil, token: nil, dump: Memo.method(:plain), load: JSON.method(:parse), on_error: nil)
      @owner, @name, @namespace, @key, @wait, @timeout = owner, name, namespace, key, wait, timeout
      @dump, @load, @on_error, @where = dump, load, on_error, [address, user, token]
      @options = ttl ? ["ttl=#{ttl}"] : []
      @method = method.name
      @label = name || "#{owner}##{@method}"
      @parameters = method.parameters.filter_map { |kind, parameter| parameter if %i[req opt].include?(kind) }
    end

    # JSON, but of nothing that it would write as an address.
    def self.plain(value)
      case value
      when Hash then value.each { |pair| pair.each { |part| plain(part) } }
      when Array then value.each { |part| plain(part) }
      else raise TypeError, "JSON cannot keep a #{value.class}" if value.method(:to_s).owner == Kernel
      end
      JSON.generate(value)
    end

    def result(object, args, named, block, &work)
      raise ArgumentError, "#{@label}: the block #{TELL}" if block && !@key

      key = key_of(object, args, named)
      state, value, lease = get(key)
      state, value, lease = get(key, @wait) if state == "MISS" && !lease && @wait.positive? # somebody else computes it
      return compute(key, lease, &work) if lease
      return nil if state == "NULL"

      value ? loaded(value, key, &work) : work.call
    end

    # Whether the daemon could be told.
    def forget(object, args, named) = !ask("del", @namespace, key_of(object, args, named)).nil?

    private

    TELL = "cannot be told apart from others: give the option key"

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def key_of(object, args, named)
      return key_given(object, args, named) if @key

      texts = args.each_with_index.map { |value, at| text(@parameters[at] || "argument #{at + 1}") { Text.of(value) } }
      texts += named.map { |name, value| "#{Text.of(name)}=#{text(name) { Text.of(value) }}" }.sort
      text = "[#{texts.join(",")}]"
      "#{name_for(object)}:#{text.bytesize < 200 ? text : Digest::SHA256.hexdigest(text)}"
    end

    def key_given(object, args, named)
      found = @key.respond_to?(:call) ? object.instance_exec(*args, **named, &@key) : @key
      found.is_a?(String) ? found : text("the value of the option key") { Text.of(found) }
    end

    # A subclass may answer otherwise, and so may each object that has variables.
    def name_for(object)
      own = text("self") { object.is_a?(Module) ? Text.of(object) : Text.of_receiver(object) }
      owner = text("self") { Text.of(@owner.singleton_class? ? attached_to(object) : @owner) }
      name = @name || "#{owner[1..-2]}#{@owner.singleton_class? ? "." : "#"}#{@method}"
      own == owner ? name : "#{name} of #{own}"
    end

    # The class whose own methods the owner has.
    def attached_to(object)
      object.is_a?(Module) ? object.ancestors.find { |kind| kind.singleton_class.equal?(@owner) } : object
    end

    def text(name)
      yield
    rescue Unknown => e
      raise ArgumentError, "#{@label}: #{name} #{TELL} (#{e.message})"
    end

    def get(key, wait = 0)
      options = wait.zero? ? [] : ["wait=#{(wait * 1000).ceil}ms"]
      ask("memo.get", *options, @namespace, key, wait: wait) || ["AWAY"]
    end

    def compute(key, lease)
      started = now
      result = yield
      is_done = true
      store(key, lease, result, started)
      result
    ensure
      ask("memo.drop", @namespace, key, lease) unless is_done
    end

    def store(key, lease, result, started)
      return ask("memo.null", @namespace, key, lease, started: started) if result.nil?

      value = @dump.call(result)
      raise TypeError, "dump must return a string" unless value.is_a?(String)
    rescue StandardError, SystemStackError => e
      @on_error&.call(e)
      ask("memo.drop", @namespace, key, lease)
    else
      ask("memo.put", *@options, @namespace, key, lease, value, started: started)
    end

    def loaded(value, key)
      begin
        return @load.call(value)
      rescue StandardError => e # perhaps another version of the program has written it
        @on_error&.call(e)
      end
      ask("del", @namespace, key)
      yield
    end

    # The reply, or nil: a cache that is away or refuses must not stop anybody.
    def ask(*words, wait: 0, started: nil)
      reply = connection.call(words, @timeout + wait)
      is_right = words[0] == "memo.get" ? memo?(reply) : reply.is_a?(String) || reply.is_a?(Integer)
      raise Cachesd::Error.new("LOST", "a broken reply") unless is_right

      reply
    rescue Cachesd::Error, ArgumentError => e
      e.is_a?(Cachesd::Error) && e.code == "LEASE" ? tell_once(now - started) : @on_error&.call(e)
      nil
    end

    def memo?(reply)
      reply.is_a?(Array) && reply.size == 3 && %w[HIT STALE NULL MISS].include?(reply[0]) &&
        reply.all? { |item| item.nil? || item.is_a?(String) }
    end

    def tell_once(seconds)
      return if @has_told

      @has_told = true
      text = format("cached %s: a result was not kept: it took %.1f s, longer than the lease of namespace %s, or its " \
                    "key was written meanwhile. This is said once.", @label, seconds, @namespace)
      @on_error ? @on_error.call(Cachesd::Error.new("LEASE", text)) : warn(text)
    end

    # This thread's connection, or a new one when that is of no use any more.
    def connection
      key = "cachesd #{@where} #{Process.pid}" # a forked child must not share its parent's
      kept = Thread.current[key]
      return kept if kept&.good?

      kept&.close
      Thread.current[key] = nil
      Thread.current[key] = Cachesd::Connection.new(*@where, @timeout)
    end
  end
end
