<?php
// A client of cachesd in PHP 8.1; it needs nothing but this file.
//
//   require 'Cachesd.php';
//   $cachesd = new Cachesd\Client();
//   $cachesd->call('key.set', 'ttl=90s', 'demo', 'greeting', 'hello');
//   echo $cachesd->call('key.get', 'demo', 'greeting');
//
// Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing
// is ever quoted.
declare(strict_types=1);

namespace Cachesd;

// What a request failed of. The code is the daemon's own word (WRONGTYPE, POLICY, …), or that of the client itself:
// UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in time), LOST (the connection broke before the answer).
final class Error extends \RuntimeException
{
    public function __construct(public readonly string $errorCode, string $text = '')
    {
        parent::__construct(rtrim("$errorCode $text"));
    }

    // Whether a write may have been applied all the same; else it was not.
    public function isPerhapsApplied(): bool
    {
        return in_array($this->errorCode, ['TIMEOUT', 'LOST', 'INTERNAL'], true);
    }
}

// One connection, made at the first request, and made anew when the daemon has closed it. A forked child gets its own.
final class Client
{
    private const LINE = 65536; // bytes of a reply's line, at most
    private const DEPTH = 8; // arrays within arrays, at most
    private const LARGEST = 1 << 30; // bytes of a value, or items of an array

    /** @var resource|null */
    private $stream = null;
    private int $pid = 0;
    private string $unread = ''; // of which the bytes before `at` are taken
    private int $at = 0;
    private float $deadline = 0;
    private bool $isBusy = false; // with a request

    // address: the path of a socket, HOST:PORT or [IPV6]:PORT; else $CACHESD_ADDRESS, else where a daemon usually is.
    // user and token: else $CACHESD_USER and $CACHESD_TOKEN. timeout: seconds, to connect and for each answer.
    public function __construct(
        private ?string $address = null,
        private ?string $user = null,
        #[\SensitiveParameter] private ?string $token = null,
        public readonly float $timeout = 5,
    ) {
        $this->address ??= getenv('CACHESD_ADDRESS') ?: null;
        $this->user ??= getenv('CACHESD_USER') ?: null;
        $this->token ??= getenv('CACHESD_TOKEN') ?: null;
        if ($this->token !== null && $this->user === null) {
            throw new \InvalidArgumentException('a token needs a user: the argument user, or CACHESD_USER');
        }
        if ($this->address !== null) {
            self::place($this->address);
        }
    }

    // The reply: a string, an int, null, or an array of these.
    public function call(string|int|float ...$words): string|int|array|null
    {
        return $this->callWithin($this->timeout, ...$words);
    }

    // The same, for a request that may take so many seconds, as memo.get with wait= does.
    public function callWithin(float $seconds, string|int|float ...$words): string|int|array|null
    {
        return $this->callAllWithin($seconds, [$words])[0];
    }

    // Several requests on one way there and back. Returns their replies; where one of them is refused, all
    // have been carried out, and the first refusal is thrown.
    public function callAll(array $requests): array
    {
        return $requests ? $this->callAllWithin($this->timeout, $requests) : [];
    }

    public function close(): void
    {
        if ($this->stream !== null && $this->pid === getmypid()) {
            fclose($this->stream);
        }
        $this->stream = null;
        [$this->unread, $this->at] = ['', 0];
    }

    // Without the token, where a client is dumped.
    public function __debugInfo(): array
    {
        return ['address' => $this->address, 'user' => $this->user, 'timeout' => $this->timeout];
    }

    // A copy has a connection of its own.
    public function __clone()
    {
        [$this->stream, $this->unread, $this->at, $this->isBusy] = [null, '', 0, false];
    }

    private function callAllWithin(float $seconds, array $requests): array
    {
        if ($this->isBusy) { // a signal's handler asks in the midst of a request, whose reply is not for it
            return (clone $this)->callAllWithin($seconds, $requests);
        }
        $bytes = implode('', array_map(self::encoded(...), $requests));
        $this->deadline = self::now() + $seconds;
        if ($this->stream === null || $this->pid !== getmypid() || $this->isStale()) {
            $this->connect();
        }
        $replies = $this->exchange($bytes, count($requests));
        foreach ($replies as $reply) {
            if ($reply instanceof Error) {
                throw $reply;
            }
        }
        return $replies;
    }

    // The replies, with errors among them. After anything but whole replies the connection is not used again.
    private function exchange(#[\SensitiveParameter] string $bytes, int $count): array
    {
        $this->isBusy = true;
        try {
            $this->write($bytes);
            for ($replies = []; count($replies) < $count;) {
                $replies[] = $this->reply(self::DEPTH);
            }
            if ($this->at < strlen($this->unread)) {
                throw self::broken();
            }
        } catch (\Throwable $error) { // also one of a signal's handler: the reply that is still to come is nobody's
            $this->close();
            throw $error;
        } finally {
            $this->isBusy = false;
        }
        [$this->unread, $this->at] = ['', 0];
        return $replies;
    }

    private static function encoded(#[\SensitiveParameter] array $words): string
    {
        if (!$words) {
            throw new \InvalidArgumentException('no verb is given');
        }
        $text = '*' . count($words) . "\r\n";
        foreach ($words as $word) {
            if (!is_string($word) && !is_int($word) && !is_float($word)) {
                throw new \InvalidArgumentException('a word is ' . get_debug_type($word) . ': a string, an int or a float was expected');
            }
            $word = (string) $word;
            $text .= '$' . strlen($word) . "\r\n$word\r\n";
        }
        return $text;
    }

    // Seconds of a clock that nobody sets.
    private static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    private static function broken(): Error
    {
        return new Error('LOST', 'a broken reply');
    }

    // Whether the daemon has closed the connection, or has said something unasked.
    private function isStale(): bool
    {
        $read = [$this->stream];
        $none = null;
        return stream_select($read, $none, $none, 0) !== 0;
    }

    // Waits until the stream can be read or written.
    private function await(bool $isWriting): void
    {
        do {
            $left = $this->deadline - self::now();
            if ($left <= 0) {
                throw new Error('TIMEOUT', 'no answer in time');
            }
            $read = $isWriting ? null : [$this->stream];
            $write = $isWriting ? [$this->stream] : null;
            $none = null;
            $ready = @stream_select($read, $write, $none, (int) $left, (int) (fmod($left, 1) * 1e6)); // a signal ends it early
        } while (!$ready);
    }

    private function write(#[\SensitiveParameter] string $bytes): void
    {
        for ($at = 0; $at < strlen($bytes); $at += $sent) {
            $this->await(true);
            $sent = @fwrite($this->stream, $at ? substr($bytes, $at) : $bytes);
            if ($sent === false) {
                throw new Error('LOST', 'the connection broke');
            }
        }
    }

    // The next bytes, whose line end is passed over.
    private function take(int $size): string
    {
        if (strlen($this->unread) - $this->at < $size + 2) {
            $this->gather($size + 2);
        }
        if (substr_compare($this->unread, "\r\n", $this->at + $size, 2) !== 0) {
            throw self::broken();
        }
        $taken = substr($this->unread, $this->at, $size);
        $this->at += $size + 2;
        return $taken;
    }

    // Reads until so many bytes are there.
    private function gather(int $size): void
    {
        $this->unread = substr($this->unread, $this->at);
        $this->at = 0;
        while (strlen($this->unread) < $size) {
            $this->await(false);
            $bytes = fread($this->stream, 65536);
            if ($bytes === false || $bytes === '') {
                throw new Error('LOST', 'the connection was closed before the answer');
            }
            $this->unread .= $bytes;
        }
    }

    private function line(): string
    {
        while (($end = strpos($this->unread, "\r\n", $this->at)) === false) {
            $length = strlen($this->unread) - $this->at;
            if ($length > self::LINE) {
                throw self::broken();
            }
            $this->gather($length + 1);
        }
        return $this->take($end - $this->at);
    }

    private function reply(int $depth): string|int|array|null|Error
    {
        $line = $this->line();
        $rest = substr($line, 1);
        return match ($line[0] ?? '') {
            '+' => $rest,
            '-' => new Error(...explode(' ', $rest, 2)),
            ':' => self::number($rest),
            '$' => $rest === '-1' ? null : $this->take(self::size($rest)),
            '*' => $rest === '-1' ? null : $this->items(self::size($rest), $depth),
            default => throw self::broken(),
        };
    }

    private function items(int $count, int $depth): array
    {
        if ($depth === 0) {
            throw self::broken();
        }
        for ($items = []; $count > 0; $count--) {
            $item = $this->reply($depth - 1);
            $items[] = $item instanceof Error ? throw self::broken() : $item; // no array of the daemon's has errors
        }
        return $items;
    }

    private static function number(string $text): int
    {
        return preg_match('/^-?\d{1,19}$/D', $text) ? (int) $text : throw self::broken();
    }

    private static function size(string $text): int
    {
        $size = self::number($text);
        return $size < 0 || $size > self::LARGEST ? throw self::broken() : $size;
    }

    private function connect(): void
    {
        $this->close();
        foreach (self::places($this->address) as $place) {
            $left = $this->deadline - self::now();
            $context = stream_context_create(['socket' => ['tcp_nodelay' => true]]);
            $stream = $left > 0 ? @stream_socket_client($place, $code, $reason, $left, context: $context) : false;
            if ($stream) {
                stream_set_blocking($stream, false);
                stream_set_read_buffer($stream, 0);
                $this->stream = $stream;
                $this->pid = getmypid();
                $this->login();
                return;
            }
        }
        throw new Error('UNAVAILABLE', "cannot connect to $place: " . ($reason ?? 'no time was left'));
    }

    private function login(): void
    {
        if ($this->token === null) {
            return;
        }
        try {
            $reply = $this->exchange(self::encoded(['auth', $this->user, $this->token]), 1)[0];
        } catch (Error $error) {
            throw new Error('UNAVAILABLE', 'auth: ' . $error->getMessage()); // the request itself was not sent
        }
        if ($reply instanceof Error) {
            $this->close();
            throw $reply;
        }
    }

    // Where a daemon may be.
    private static function places(?string $address): array
    {
        if ($address !== null) {
            return [self::place($address)];
        }
        $uid = own_uid();
        $own = "/tmp/cachesd-$uid"; // whoever comes first can make it
        $isOwn = @lstat($own) && lstat($own)['uid'] === $uid;
        $folders = array_filter(['/run/cachesd', getenv('XDG_RUNTIME_DIR'), $isOwn ? $own : null]);
        $paths = array_filter(array_map(fn ($folder) => "$folder/cachesd.sock", $folders), 'file_exists');
        return [...array_map(fn ($path) => "unix://$path", array_values($paths)), 'tcp://127.0.0.1:7379'];
    }

    private static function place(string $address): string
    {
        if (str_contains($address, '/')) {
            return "unix://$address";
        }
        $isRight = preg_match('/^(\[[^\]]+\]|[^:\[\]]+):(\d{1,5})$/D', $address, $parts) && $parts[2] < 65536;
        if (!$isRight) {
            throw new \InvalidArgumentException("address $address: a path, HOST:PORT or [IPV6]:PORT was expected");
        }
        return "tcp://$address";
    }
}

// The uid of this process: the extension posix tells, and without it the owner of a new file does.
function own_uid(): int
{
    return function_exists('posix_geteuid') ? posix_geteuid() : fstat(tmpfile())['uid'];
}
