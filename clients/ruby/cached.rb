# Keeps the results of methods in cachesd; it needs nothing but this file and Ruby itself.
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
# What is asked for while it is computed is waited for. When the daemon is away or refuses, the method is
# simply called. nil is kept as a result too. The key has the class, the method and its arguments, not
# the object. Values are JSON, unless you give dump and load (Marshal.method(:dump) and :load, where you
# trust whoever can write to your Redis).
require "digest"
require "json"
require "socket"

module Cached
  ADDRESS = ENV.fetch("CACHESD_ADDRESS", "127.0.0.1:7379") # or the path of a Unix socket

  Refused = Class.new(StandardError) # the daemon's answer is an error
  Late = Class.new(StandardError)

  # namespace; key: a string, or a proc that is given the arguments, run in the object. ttl: as the namespace
  # says, or 90, "10m", "2h". wait: seconds for what another computes. timeout: seconds for the
  # daemon to answer. on_error: is told what the daemon refused.
  def cached(name, **options)
    memo = Memo.new("#{self}##{name}", **options)
    prepend(Module.new do
      define_method(name) { |*args, **named| memo.result(self, args, named) { super(*args, **named) } }
      define_method("forget_#{name}") { |*args, **named| memo.forget(self, args, named) }
      define_method("refresh_#{name}") do |*args, **named|
        memo.forget(self, args, named)
        public_send(name, *args, **named)
      end
    end)
    name
  end

  class Connection
    def initialize(address, timeout)
      host, _, port = address.rpartition(":")
      unix = address.include?("/")
      @socket = unix ? UNIXSocket.new(address) : Socket.tcp(host, port, connect_timeout: timeout)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) unless unix
      @unread = "".b
    end

    def call(words, timeout)
      @deadline = now + timeout
      send("*#{words.size}\r\n".b + words.map { |word| "$#{word.bytesize}\r\n".b + word.b + "\r\n" }.join)
      read
    end

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    # What the socket gives once it is ready, in time.
    def in_time
      while %i[wait_readable wait_writable].include?(done = yield)
        left = @deadline - now
        raise Late, "no answer in time" if left <= 0 || !@socket.wait(left, done.to_s[5..].to_sym)
      end
      done or raise EOFError, "closed"
    end

    def send(bytes)
      bytes = bytes.byteslice(in_time { @socket.write_nonblock(bytes, exception: false) }..) until bytes.empty?
    end

    def fill = @unread << in_time { @socket.read_nonblock(65_536, exception: false) }

    def read
      fill until (length = @unread.index("\r\n"))
      line = @unread.slice!(0, length + 2)
      kind, rest = line[0], line[1..-3]
      case kind
      when "-" then Refused.new(rest)
      when "*" then Array.new(rest.to_i) { read }
      when "$" then rest == "-1" ? nil : bulk(rest.to_i)
      else rest
      end
    end

    def bulk(size)
      fill until @unread.bytesize >= size + 2
      @unread.slice!(0, size + 2)[0, size]
    end
  end

  class Memo
    def initialize(name, namespace: "demo", key: nil, ttl: nil, wait: 10, timeout: 1, address: ADDRESS,
                   dump: JSON.method(:generate), load: JSON.method(:parse), on_error: ->(_) {})
      @name, @namespace, @key, @wait, @timeout, @address = name, namespace, key, wait, timeout, address
      @dump, @load, @on_error = dump, load, on_error
      @options = ttl ? ["ttl=#{ttl}"] : []
    end

    def result(object, args, named, &work)
      key = key_of(object, args, named)
      state, value, lease = get(key)
      state, value, lease = get(key, @wait) if state == "MISS" && !lease # somebody else computes it
      return compute(key, lease, &work) if lease
      return nil if state == "NULL"

      value ? loaded(value, key, &work) : work.call
    end

    # Whether the daemon could be told.
    def forget(object, args, named) = !ask("del", @namespace, key_of(object, args, named)).nil?

    private

    def key_of(object, args, named)
      return object.instance_exec(*args, **named, &@key).to_s if @key.respond_to?(:call)
      return @key if @key

      text = JSON.generate(named.empty? ? args : [*args, named.sort.to_h])
      "#{@name}:#{text.size < 200 ? text : Digest::SHA256.hexdigest(text)}"
    end

    def get(key, wait = 0)
      options = wait.zero? ? [] : ["wait=#{(wait * 1000).to_i}ms"]
      ask("memo.get", *options, @namespace, key, wait: wait) || ["AWAY"]
    end

    def compute(key, lease)
      result = yield
      value = result.nil? ? nil : @dump.call(result)
      is_done = true
      if value then ask("memo.put", *@options, @namespace, key, lease, value)
      else ask("memo.null", @namespace, key, lease)
      end
      result
    ensure
      ask("memo.drop", @namespace, key, lease) unless is_done
    end

    def loaded(value, key)
      @load.call(value)
    rescue StandardError => e # perhaps another version of the program has written it
      @on_error.call(e)
      ask("del", @namespace, key)
      yield
    end

    # The reply, or nil: a cache that is away or refuses must not stop anybody.
    def ask(*words, wait: 0)
      reply = call(words, wait)
      raise reply if reply.is_a?(Refused)

      reply
    rescue SystemCallError, IOError, SocketError, Refused, Late => e
      @on_error.call(e)
      nil
    end

    # One request over this thread's connection; over a new one when that has been closed.
    def call(words, wait)
      key = "cachesd #{@address} #{Process.pid}" # a forked child must not share its parent's
      connection = Thread.current[key]
      is_new = connection.nil?
      Thread.current[key] = nil # only whole replies put it back
      connection ||= Connection.new(@address, @timeout)
      reply = connection.call(words, @timeout + wait)
      Thread.current[key] = connection
      reply
    rescue SystemCallError, IOError
      is_new ? raise : retry
    end
  end
end
