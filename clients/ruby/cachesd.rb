# A client of cachesd in Ruby 3.0; it needs nothing but this file and Ruby itself.
#
#   require_relative "cachesd"
#   cachesd = Cachesd::Client.new
#   cachesd.call("key.set", "ttl=90s", "demo", "greeting", "hello")
#   puts cachesd.call("key.get", "demo", "greeting")
#
# Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing
# is ever quoted.
require "socket"

module Cachesd
  # What a request failed of. The code is the daemon's own word (WRONGTYPE, POLICY, ...), or that of the client itself:
  # UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in time), LOST (the connection broke before the answer).
  class Error < StandardError
    attr_reader :code

    def initialize(code, text)
      @code = code
      super("#{code} #{text}")
    end

    # Whether a write may have been applied all the same; else it was not.
    def perhaps_applied? = %w[TIMEOUT LOST INTERNAL].include?(code)
  end

  # One connection, until the first thing goes wrong.
  class Connection
    LINE = 65_536 # bytes of a reply's line, at most
    DEPTH = 8 # arrays within arrays, at most
    LARGEST = 1 << 30 # bytes of a value, or items of an array

    # Where a daemon may be: paths, and [host, port].
    def self.places(address)
      address ||= ENV["CACHESD_ADDRESS"]
      return [split(address)] if address && !address.empty?

      own = "/tmp/cachesd-#{Process.euid}" # whoever comes first can make it
      is_own = File.lstat(own).uid == Process.euid rescue false
      folders = ["/run/cachesd", ENV["XDG_RUNTIME_DIR"], (own if is_own)].compact
      folders.map { |folder| "#{folder}/cachesd.sock" }.select { |path| File.exist?(path) }.push(["127.0.0.1", 7379])
    end

    def self.split(address)
      return address if address.include?("/")

      found = /\A(?:\[([^\]]+)\]|([^:\[\]]+)):(\d{1,5})\z/.match(address)
      is_right = found && found[3].to_i < 65_536
      raise ArgumentError, "address #{address}: a path, HOST:PORT or [IPV6]:PORT was expected" unless is_right

      [found[1] || found[2], found[3].to_i]
    end

    # The words that say who asks, if a token is given.
    def self.login(user, token)
      user ||= ENV["CACHESD_USER"]
      token ||= ENV["CACHESD_TOKEN"]
      raise ArgumentError, "a token needs a user: the option user, or CACHESD_USER" if token && !user

      ["auth", user, token] if token
    end

    def initialize(address, user, token, timeout)
      login = self.class.login(user, token)
      places = self.class.places(address)
      @deadline = now + timeout
      @unread = "".b # of which the bytes before @at are taken
      @at = 0
      connect(places)
      authenticate(login) if login
    end

    # The reply to these words within so many seconds: a string, an integer, nil, or an array of these. Its strings
    # are UTF-8 where they are that.
    def call(words, timeout)
      @deadline = now + timeout
      reply = exchange(words)
      raise reply if reply.is_a?(Error)

      reply
    end

    # Whether the last reply was read to its end, and the daemon has neither closed the connection nor said anything unasked.
    def good? = @is_whole && @socket.wait_readable(0).nil?

    def close = @socket.close

    # Ruby shows an object in its own errors, and the words of a request may be secrets.
    def inspect = "#<#{self.class}>"

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def broken = Error.new("LOST", "a broken reply")

    def connect(places)
      problem = nil
      @socket = nil
      places.each do |place|
        break @socket = place.is_a?(String) ? connect_unix(place) : connect_tcp(place)
      rescue SystemCallError, SocketError, IOError, Error => e
        problem = "cannot connect to #{[*place].join(":")}: #{e.message}"
      end
      raise Error.new("UNAVAILABLE", problem) unless @socket
    end

    def connect_tcp(place)
      socket = Socket.tcp(*place, connect_timeout: [@deadline - now, 0.001].max)
      socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      socket
    end

    # Not UNIXSocket: while a daemon hangs, its queue fills up, and that would wait for ever.
    def connect_unix(path)
      socket = Socket.new(:UNIX, :STREAM)
      in_time(socket) { socket.connect_nonblock(Socket.sockaddr_un(path), exception: false) }
      socket
    end

    def authenticate(login)
      reply = begin
        exchange(login)
      rescue Error => e
        raise Error.new("UNAVAILABLE", "auth: #{e.message}") # the request itself was not sent
      end
      raise reply if reply.is_a?(Error)
    end

    def exchange(words)
      @is_whole = false
      write(encoded(words))
      reply = read(DEPTH)
      raise broken if @at < @unread.bytesize

      @unread.clear
      @at = 0
      @is_whole = true
      reply
    rescue SystemCallError, IOError
      raise Error.new("LOST", "the connection broke before the answer")
    end

    def encoded(words)
      words.each_with_object("*#{words.size}\r\n".b) do |word, bytes|
        word = word.to_s
        bytes << "$#{word.bytesize}\r\n" << word.b << "\r\n"
      end
    end

    # What the socket gives once it is ready, in time.
    def in_time(socket)
      while %i[wait_readable wait_writable].include?(done = yield)
        left = @deadline - now
        raise Error.new("TIMEOUT", "no answer in time") if left <= 0 || !socket.wait(left, done.to_s[5..].to_sym)
      end
      done or raise EOFError, "closed"
    end

    def write(bytes)
      bytes = bytes.byteslice(in_time(@socket) { @socket.write_nonblock(bytes, exception: false) }..) until bytes.empty?
    end

    def fill
      raise Error.new("TIMEOUT", "no answer in time") if now > @deadline # also where it drips without an end

      @unread << in_time(@socket) { @socket.read_nonblock(65_536, exception: false) }
    end

    # The next bytes; their line end is passed over.
    def take(size)
      if @unread.bytesize - @at < size + 2
        @unread = @unread.byteslice(@at..)
        @at = 0
        fill while @unread.bytesize < size + 2
      end
      raise broken unless @unread.byteslice(@at + size, 2) == "\r\n"

      @at += size + 2
      @unread.byteslice(@at - size - 2, size).force_encoding(Encoding::UTF_8)
    end

    def line
      until (found = @unread.index("\r\n", @at))
        raise broken if @unread.bytesize - @at > LINE

        fill
      end
      take(found - @at)
    end

    def error(text)
      code, rest = text.split(" ", 2)
      Error.new(code.to_s, rest.to_s)
    end

    def read(depth)
      kind, rest = (text = line.scrub)[0], text[1..]
      return rest if kind == "+"
      return error(rest) if kind == "-"
      raise broken unless [":", "$", "*"].include?(kind) && /\A-?\d{1,19}\z/.match?(rest)

      number = rest.to_i
      return number if kind == ":"
      return nil if number == -1
      raise broken if number.negative? || number > LARGEST || (kind == "*" && depth.zero?)
      return take(number) if kind == "$"

      items = []
      items << read(depth - 1) while items.size < number
      raise broken if items.any?(Error) # no array of the daemon's has errors

      items
    end
  end

  # A connection that is made at the first request, and made anew when the daemon has closed it. Threads take turns at it; a
  # forked child gets its own.
  class Client
    # address: the path of a socket, HOST:PORT or [IPV6]:PORT; else as the environment says, as are user and token.
    # timeout: seconds, to connect and for each answer.
    def initialize(address: nil, user: nil, token: nil, timeout: 5)
      @where = [address, user, token]
      @timeout = timeout
      @mutex = Mutex.new
      Connection.places(address)
      Connection.login(user, token)
    end

    # The reply: a string, an integer, nil, or an array of these.
    def call(*words) = call_within(@timeout, *words)

    # The same for a request that may take so many seconds, as memo.get with wait= does.
    def call_within(seconds, *words)
      raise ArgumentError, "no verb is given" if words.empty?

      odd = words.reject { |word| [String, Symbol, Numeric].any? { |kind| word.is_a?(kind) } }
      raise ArgumentError, "a word is #{odd[0].inspect}: a string, a symbol or a number was expected" unless odd.empty?

      @mutex.synchronize do
        renew unless @pid == Process.pid && @connection&.good?
        @connection.call(words, seconds)
      end
    end

    def close
      @mutex.synchronize { forget }
    end

    # Without the token: Ruby shows an object in its own errors.
    def inspect = "#<#{self.class} #{@where.first(2).compact.join(" ")}>"

    private

    def renew
      forget
      @connection = Connection.new(*@where, @timeout)
      @pid = Process.pid
    end

    # What a forked child closes is its own end alone.
    def forget
      @connection&.close
      @connection = nil
    end
  end
end
