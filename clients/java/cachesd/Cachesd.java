package cachesd;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A client of cachesd for Java 17; it needs nothing but this file.
 *
 * <pre>
 * try (var cachesd = new Cachesd()) {
 *     cachesd.call("key.set", "ttl=90s", "demo", "greeting", "hello");
 *     System.out.println(cachesd.call("key.get", "demo", "greeting").text());
 * }
 * </pre>
 *
 * Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing is ever quoted.
 * Threads may share a client: each request has a connection for itself, and connections are kept for the next.
 */
public final class Cachesd implements AutoCloseable {
    private static final int MOST_IDLE = 8; // connections that are kept
    private static final Pattern HOST_AND_PORT = Pattern.compile("(?:\\[([^\\]]+)\\]|([^:\\[\\]]+)):(\\d{1,5})");

    private final Options options;
    private final ConcurrentLinkedDeque<Connection> idle = new ConcurrentLinkedDeque<>(); // the one that was used last is first
    private volatile boolean isClosed;

    /**
     * Where the daemon is, and who asks. What is null is as the environment says (CACHESD_ADDRESS, CACHESD_USER, CACHESD_TOKEN);
     * without an address the client looks where a daemon usually is.
     *
     * @param address the path of a socket, HOST:PORT or [IPV6]:PORT
     * @param timeout to connect, and for each answer
     */
    public record Options(String address, String user, String token, Duration timeout) {
        public Options() {
            this(null, null, null, Duration.ofSeconds(5));
        }

        public Options {
            address = or(address, "CACHESD_ADDRESS");
            user = or(user, "CACHESD_USER");
            token = or(token, "CACHESD_TOKEN");
            if (token != null && user == null) {
                throw new IllegalArgumentException("a token needs a user: the option user, or CACHESD_USER");
            }
            if (address != null) {
                place(address);
            }
        }

        public Options withTimeout(Duration timeout) {
            return new Options(address, user, token, timeout);
        }

        /** Without the token, which logs would keep. */
        @Override
        public String toString() {
            return "Options[address=" + address + ", user=" + user + ", timeout=" + timeout + "]";
        }

        private static String or(String value, String name) {
            String found = value != null ? value : System.getenv(name);
            return found == null || found.isEmpty() ? null : found;
        }
    }

    /** A reply: a string, a number, an array, or nil where all of these are null. */
    public record Reply(byte[] bytes, Long number, List<Reply> items) {
        public boolean isNil() {
            return bytes == null && number == null && items == null;
        }

        /** The string as UTF-8, the number as text, or null where it is neither. */
        public String text() {
            if (number != null) {
                return number.toString();
            }
            return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
        }

        /** The strings of an array. */
        public List<String> texts() {
            return items.stream().map(Reply::text).toList();
        }
    }

    /**
     * What a request failed of. The code is the daemon's own word (WRONGTYPE, POLICY, ...), or that of the client itself: UNAVAILABLE (no
     * connection: nothing was sent), TIMEOUT (no answer in time), LOST (the connection broke before the answer).
     */
    public static final class Failure extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final String code;

        Failure(String code, String text, Throwable cause) {
            super(code + " " + text, cause);
            this.code = code;
        }

        public String code() {
            return code;
        }

        /** Whether a write may have been applied all the same; else it was not. */
        public boolean isPerhapsApplied() {
            return List.of("TIMEOUT", "LOST", "INTERNAL").contains(code);
        }
    }

    public Cachesd() {
        this(new Options());
    }

    public Cachesd(Options options) {
        this.options = options;
    }

    /** The reply to these words: strings, byte[], and numbers. */
    public Reply call(Object... words) {
        return callWithin(options.timeout, words);
    }

    /** The same, for a request that may take so long, as memo.get with wait= does. */
    public Reply callWithin(Duration timeout, Object... words) {
        long deadline = System.nanoTime() + timeout.toNanos();
        byte[] request = encoded(words);
        Connection connection = take(deadline);
        try {
            Reply reply = connection.call(request, deadline);
            keep(connection);
            return reply;
        } catch (IOException error) {
            connection.close();
            throw failure(error);
        } catch (Failure refused) {
            keep(connection);
            throw refused;
        }
    }

    /** Closes the connections that nobody uses, and those that are used when they are done. */
    @Override
    public void close() {
        isClosed = true;
        for (Connection connection; (connection = idle.poll()) != null; ) {
            connection.close();
        }
    }

    private static Failure failure(IOException error) {
        return error instanceof Late ? new Failure("TIMEOUT", "no answer in time", error)
            : new Failure("LOST", "the connection broke before the answer: " + error.getMessage(), error);
    }

    // --- connections ------------------------------------------------------------------------

    private Connection take(long deadline) {
        for (Connection connection; (connection = idle.poll()) != null; connection.close()) {
            if (connection.isGood()) {
                return connection;
            }
        }
        return connect(deadline);
    }

    private void keep(Connection connection) {
        if (isClosed || idle.size() >= MOST_IDLE) {
            connection.close();
        } else {
            idle.push(connection);
        }
    }

    private Connection connect(long deadline) {
        String problem = "";
        for (String place : places(options.address)) {
            try {
                Connection connection = new Connection(place(place), deadline);
                login(connection, deadline);
                return connection;
            } catch (IOException error) {
                problem = "cannot connect to " + place + ": " + (error instanceof Late ? "no answer in time" : error.getMessage());
            }
        }
        throw new Failure("UNAVAILABLE", problem, null);
    }

    private void login(Connection connection, long deadline) throws IOException {
        if (options.token == null) {
            return;
        }
        boolean isDone = false;
        try {
            connection.call(encoded("auth", options.user, options.token), deadline);
            isDone = true;
        } finally {
            if (!isDone) {
                connection.close();
            }
        }
    }

    // Where a daemon may be.
    private static List<String> places(String address) {
        if (address != null) {
            return List.of(address);
        }
        Path own = Path.of("/tmp/cachesd-" + uid(Path.of("/proc/self"))); // whoever comes first can make it
        boolean isOwn = uid(own) != null && uid(own).equals(uid(Path.of("/proc/self")));
        Stream<String> folders = Stream.of("/run/cachesd", System.getenv("XDG_RUNTIME_DIR"), isOwn ? own.toString() : null);
        Stream<String> sockets = folders.filter(folder -> folder != null && !folder.isEmpty()).map(folder -> folder + "/cachesd.sock");
        return Stream.concat(sockets.filter(path -> Files.exists(Path.of(path))), Stream.of("127.0.0.1:7379")).toList();
    }

    private static Object uid(Path path) {
        try {
            boolean isLink = path.equals(Path.of("/proc/self")); // the one that has to be followed
            return Files.getAttribute(path, "unix:uid", isLink ? new LinkOption[0] : new LinkOption[] {LinkOption.NOFOLLOW_LINKS});
        } catch (IOException | UnsupportedOperationException error) {
            return null;
        }
    }

    private static SocketAddress place(String address) {
        if (address.contains("/")) {
            return UnixDomainSocketAddress.of(address);
        }
        Matcher parts = HOST_AND_PORT.matcher(address);
        if (!parts.matches() || Integer.parseInt(parts.group(3)) > 65535) {
            throw new IllegalArgumentException("address " + address + ": a path, HOST:PORT or [IPV6]:PORT was expected");
        }
        String host = parts.group(1) != null ? parts.group(1) : parts.group(2);
        return InetSocketAddress.createUnresolved(host, Integer.parseInt(parts.group(3)));
    }

    private static byte[] encoded(Object... words) {
        if (words.length == 0) {
            throw new IllegalArgumentException("no verb is given");
        }
        var bytes = new ByteArrayOutputStream();
        bytes.writeBytes(("*" + words.length + "\r\n").getBytes(StandardCharsets.US_ASCII));
        for (Object word : words) {
            byte[] part = bytesOf(word);
            bytes.writeBytes(("$" + part.length + "\r\n").getBytes(StandardCharsets.US_ASCII));
            bytes.writeBytes(part);
            bytes.writeBytes(new byte[] {'\r', '\n'});
        }
        return bytes.toByteArray();
    }

    private static byte[] bytesOf(Object word) {
        if (word instanceof byte[] bytes) {
            return bytes;
        }
        if (word instanceof CharSequence || word instanceof Number) {
            return word.toString().getBytes(StandardCharsets.UTF_8);
        }
        throw new IllegalArgumentException("a word is " + word + ": a string, a byte[] or a number was expected");
    }

    private static final class Late extends IOException {
        private static final long serialVersionUID = 1;
    }

    // One connection, until the first thing goes wrong.
    private static final class Connection {
        private static final int LINE = 65536; // bytes of a reply's line, at most
        private static final int DEPTH = 8; // arrays within arrays, at most
        private static final int LARGEST = 1 << 29; // bytes of a value, or items of an array

        private final SocketChannel channel;
        private final Selector selector;
        private byte[] unread = new byte[LINE];
        private int at; // what is before it is taken
        private int end; // of what was read
        private long deadline;

        Connection(SocketAddress place, long deadline) throws IOException {
            this.deadline = deadline;
            selector = Selector.open();
            channel = place instanceof InetSocketAddress ? SocketChannel.open() : SocketChannel.open(java.net.StandardProtocolFamily.UNIX);
            try {
                channel.configureBlocking(false);
                channel.register(selector, 0);
                boolean isDone = channel.connect(place instanceof InetSocketAddress tcp ? resolved(tcp) : place);
                while (!isDone) {
                    await(SelectionKey.OP_CONNECT);
                    isDone = channel.finishConnect();
                }
                if (place instanceof InetSocketAddress) {
                    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                }
            } catch (IOException error) {
                close();
                throw error;
            }
        }

        private static InetSocketAddress resolved(InetSocketAddress place) throws IOException {
            return new InetSocketAddress(InetAddress.getByName(place.getHostString()), place.getPort());
        }

        void close() {
            try {
                selector.close();
                channel.close();
            } catch (IOException error) {
                // there is nothing more to do with it
            }
        }

        // Whether the daemon has neither closed it nor said anything unasked.
        boolean isGood() {
            try {
                return channel.read(ByteBuffer.allocate(1)) == 0;
            } catch (IOException error) {
                return false;
            }
        }

        Reply call(byte[] request, long deadline) throws IOException {
            this.deadline = deadline;
            for (ByteBuffer bytes = ByteBuffer.wrap(request); bytes.hasRemaining(); ) {
                await(SelectionKey.OP_WRITE);
                channel.write(bytes);
            }
            String refused = null;
            Reply reply = null;
            if (peek() == '-') {
                refused = line().substring(1);
            } else {
                reply = read(DEPTH);
            }
            if (at < end) {
                throw broken();
            }
            if (refused != null) {
                String[] parts = (refused + " ").split(" ", 2);
                throw new Failure(parts[0], parts[1].strip(), null);
            }
            return reply;
        }

        private static IOException broken() {
            return new IOException("a broken reply");
        }

        private void await(int operation) throws IOException {
            for (int ready = 0; ready == 0; ) {
                long left = (deadline - System.nanoTime() + 999_999) / 1_000_000;
                if (left <= 0) {
                    throw new Late();
                }
                channel.keyFor(selector).interestOps(operation);
                ready = selector.select(left);
                selector.selectedKeys().clear();
                if (Thread.currentThread().isInterrupted()) {
                    throw new IOException("the thread was interrupted");
                }
            }
        }

        // Reads until so many bytes are there.
        private void gather(int size) throws IOException {
            while (end - at < size) {
                makeRoom();
                await(SelectionKey.OP_READ);
                int count = channel.read(ByteBuffer.wrap(unread, end, unread.length - end));
                if (count < 0) {
                    throw new EOFException("closed");
                }
                end += count;
            }
        }

        // Memory grows as bytes come, not as they are announced.
        private void makeRoom() {
            if (at > 0 && (at == end || end == unread.length)) {
                System.arraycopy(unread, at, unread, 0, end - at);
                end -= at;
                at = 0;
            }
            if (end == unread.length) {
                unread = Arrays.copyOf(unread, unread.length * 2);
            }
        }

        private byte peek() throws IOException {
            gather(1);
            return unread[at];
        }

        private byte[] take(int size) throws IOException {
            gather(size + 2);
            if (unread[at + size] != '\r' || unread[at + size + 1] != '\n') {
                throw broken();
            }
            byte[] taken = Arrays.copyOfRange(unread, at, at + size);
            at += size + 2;
            return taken;
        }

        private String line() throws IOException {
            int length = 0;
            while (true) {
                gather(length + 2);
                while (length < end - at - 1) {
                    if (unread[at + length] == '\r' && unread[at + length + 1] == '\n') {
                        return new String(take(length), StandardCharsets.UTF_8);
                    }
                    length++;
                }
                if (length > LINE) {
                    throw broken();
                }
            }
        }

        private Reply read(int depth) throws IOException {
            String line = line();
            String rest = line.isEmpty() ? "" : line.substring(1);
            switch (line.isEmpty() ? ' ' : line.charAt(0)) {
                case '+':
                    return new Reply(rest.getBytes(StandardCharsets.UTF_8), null, null);
                case ':':
                    return new Reply(null, number(rest), null);
                case '$':
                    return rest.equals("-1") ? new Reply(null, null, null) : new Reply(take(size(rest)), null, null);
                case '*':
                    return rest.equals("-1") ? new Reply(null, null, null) : new Reply(null, null, items(size(rest), depth - 1));
                default:
                    throw broken();
            }
        }

        private List<Reply> items(int count, int depth) throws IOException {
            if (depth < 0) {
                throw broken();
            }
            var items = new ArrayList<Reply>();
            while (items.size() < count) {
                items.add(read(depth));
            }
            return items;
        }

        private static long number(String text) throws IOException {
            try {
                return Long.parseLong(text);
            } catch (NumberFormatException error) {
                throw broken();
            }
        }

        private static int size(String text) throws IOException {
            long size = number(text);
            if (size < 0 || size > LARGEST) {
                throw broken();
            }
            return (int) size;
        }
    }

    // --- cached results ---------------------------------------------------------------------

    /**
     * Where a result is kept.
     *
     * @param ttl how long, or null: as the namespace says
     * @param patience how long to wait for what another computes
     * @param onError is told what the daemon refused, and that a result was not kept; or null
     */
    public record Memo(String namespace, String key, Duration ttl, Duration patience, Consumer<Exception> onError) {
        public Memo(String namespace, String key) {
            this(namespace, key, null, Duration.ofSeconds(10), null);
        }

        public Memo withTtl(Duration ttl) {
            return new Memo(namespace, key, ttl, patience, onError);
        }

        public Memo withPatience(Duration patience) {
            return new Memo(namespace, key, ttl, patience, onError);
        }

        public Memo withOnError(Consumer<Exception> onError) {
            return new Memo(namespace, key, ttl, patience, onError);
        }

        private void report(Exception error) {
            if (onError != null) {
                onError.accept(error);
            }
        }
    }

    /** What is kept, or what `compute` gives: it is called once, whoever asks, in whatever process. */
    public String cached(Memo memo, Callable<String> compute) throws Exception {
        return cached(memo, compute, text -> text.getBytes(StandardCharsets.UTF_8), bytes -> new String(bytes, StandardCharsets.UTF_8));
    }

    /**
     * The same for other things than strings. null is kept as a result too. A caller that asks while another computes waits for that
     * result. When the daemon is away or refuses, `compute` is simply called; an exception is always its own.
     */
    public <T> T cached(Memo memo, Callable<T> compute, Function<T, byte[]> dump, Function<byte[], T> load) throws Exception {
        Found found = find(memo, Duration.ZERO);
        if (found.state.equals("MISS") && found.lease == null && !memo.patience.isZero()) { // somebody else computes it
            found = find(memo, memo.patience);
        }
        if (found.lease != null) {
            return compute(memo, found.lease, compute, dump);
        }
        if (found.state.equals("NULL")) {
            return null;
        }
        if (found.value == null) {
            return compute.call();
        }
        try {
            return load.apply(found.value);
        } catch (RuntimeException error) { // perhaps another version of the program has written it
            memo.report(error);
        }
        tell(memo, "del", memo.namespace, memo.key);
        return compute.call();
    }

    /** The next call of `cached` computes. Tells whether the daemon could be told. */
    public boolean forget(Memo memo) {
        return tell(memo, "del", memo.namespace, memo.key);
    }

    private record Found(String state, byte[] value, String lease) {}

    private Found find(Memo memo, Duration wait) {
        Object[] words = wait.isZero() ? new Object[] {"memo.get", memo.namespace, memo.key}
            : new Object[] {"memo.get", "wait=" + (wait.toMillis() + 1) + "ms", memo.namespace, memo.key};
        try {
            List<Reply> items = callWithin(options.timeout.plus(wait), words).items();
            if (items != null && items.size() == 3 && items.get(0).bytes() != null) {
                return new Found(items.get(0).text(), items.get(1).bytes(), items.get(2).text());
            }
        } catch (Failure error) {
            memo.report(error);
        }
        return new Found("AWAY", null, null);
    }

    private <T> T compute(Memo memo, String lease, Callable<T> compute, Function<T, byte[]> dump) throws Exception {
        boolean isStored = false;
        try {
            T result = compute.call();
            byte[] value = result == null ? null : dumped(memo, result, dump);
            isStored = result == null || value != null;
            if (result == null) {
                tell(memo, "memo.null", memo.namespace, memo.key, lease);
            } else if (value != null && memo.ttl != null) {
                tell(memo, "memo.put", "ttl=" + memo.ttl.toMillis() + "ms", memo.namespace, memo.key, lease, value);
            } else if (value != null) {
                tell(memo, "memo.put", memo.namespace, memo.key, lease, value);
            }
            return result;
        } finally {
            if (!isStored) {
                tell(memo, "memo.drop", memo.namespace, memo.key, lease);
            }
        }
    }

    // The bytes, or null where the result cannot be written.
    private static <T> byte[] dumped(Memo memo, T result, Function<T, byte[]> dump) {
        try {
            return dump.apply(result);
        } catch (RuntimeException error) {
            memo.report(error);
            return null;
        }
    }

    private boolean tell(Memo memo, Object... words) {
        try {
            call(words);
            return true;
        } catch (Failure error) {
            memo.report(error);
            return false;
        }
    }
}
