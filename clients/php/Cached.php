<?php
// Keeps a function's results in cachesd; it needs Cachesd.php beside it.
//
//   $report = new Cachesd\Cached(fn (int $user) => compute($user), name: 'report', ttl: '10m');
//   $report(7);             // computed once, whoever asks, in whatever process
//   $report->forget(7);     // forget it: the next call computes
//   $report->refresh(7);    // forget it and call
//
// A caller that asks while another computes waits for that result. When the daemon is away or refuses, the function
// is simply called. null is kept as a result too. Values are JSON, with arrays for its objects, unless you give dump and load.
declare(strict_types=1);

namespace Cachesd;

require_once __DIR__ . '/Cachesd.php';

final class Cached
{
    private const DEPTH = 100; // how deep an argument may be nested

    private bool $hasTold = false;
    private float $seconds = 0; // that the last result took
    private readonly Client $client;

    // name: what a key begins with, before the arguments; or key: a string, or a function of the arguments. ttl: as
    // the namespace says, or 90, '10m', '2h'. wait: seconds for what another computes. onError: is told what
    // the daemon refused. client: a Client of your own, for another address, user or timeout than 1 s.
    public function __construct(
        private readonly \Closure $function,
        private readonly ?string $name = null,
        private readonly string|\Closure|null $key = null,
        private readonly string $namespace = 'demo',
        private readonly string|int|null $ttl = null,
        private readonly float $wait = 10,
        private readonly ?\Closure $dump = null,
        private readonly ?\Closure $load = null,
        private readonly ?\Closure $onError = null,
        ?Client $client = null,
    ) {
        if ($name === null && $key === null) {
            throw new \InvalidArgumentException('cached: give the argument name or key');
        }
        $this->client = $client ?? new Client(timeout: 1);
    }

    public function __invoke(mixed ...$arguments): mixed
    {
        $key = $this->keyOf($arguments);
        [$state, $value, $lease] = $this->get($key);
        if ($state === 'MISS' && $lease === null && $this->wait > 0) { // somebody else computes it
            [$state, $value, $lease] = $this->get($key, $this->wait);
        }
        if ($lease !== null) {
            return $this->compute($key, $lease, $arguments);
        }
        if ($state === 'NULL') {
            return null;
        }
        return $value === null ? ($this->function)(...$arguments) : $this->loaded($key, $value, $arguments);
    }

    // Whether the daemon could be told.
    public function forget(mixed ...$arguments): bool
    {
        return $this->ask('del', $this->namespace, $this->keyOf($arguments)) !== null;
    }

    public function refresh(mixed ...$arguments): mixed
    {
        $this->forget(...$arguments);
        return $this(...$arguments);
    }

    // --- keys: a text that equal arguments share, and no others -----------------------------

    private function keyOf(array $arguments): string
    {
        if ($this->key !== null) {
            return is_string($this->key) ? $this->key : ($this->key)(...$arguments);
        }
        $texts = [];
        foreach ($arguments as $at => $value) {
            try {
                $texts[] = (is_int($at) ? '' : "$at=") . self::text($value, self::DEPTH);
            } catch (\DomainException $error) {
                $which = is_int($at) ? 'argument ' . ($at + 1) : "argument $at";
                throw new \InvalidArgumentException(
                    "$this->name: $which cannot be told apart from others ({$error->getMessage()}): give the argument key"
                );
            }
        }
        $text = '[' . implode(',', $texts) . ']';
        return "$this->name:" . (strlen($text) < 200 ? $text : hash('sha256', $text));
    }

    private static function text(mixed $value, int $depth): string
    {
        if ($depth === 0) {
            throw new \DomainException('nested more than ' . self::DEPTH . ' deep');
        }
        return match (true) {
            is_string($value) => '"' . addcslashes($value, '"\\') . '"',
            is_array($value) => self::textOfArray($value, $depth),
            $value instanceof \UnitEnum => $value::class . '::' . $value->name,
            $value === null || is_scalar($value) => var_export($value, true),
            default => throw new \DomainException(is_object($value) ? 'an object of class ' . $value::class : 'a resource'),
        };
    }

    // In the order of the array: to PHP, the same pairs in another order are another array.
    private static function textOfArray(array $value, int $depth): string
    {
        $inner = fn ($part) => self::text($part, $depth - 1);
        if (array_is_list($value)) {
            return '[' . implode(',', array_map($inner, $value)) . ']';
        }
        return '{' . implode(',', array_map(fn ($key, $part) => $inner($key) . ':' . $inner($part), array_keys($value), $value)) . '}';
    }

    // --- what is done with an answer --------------------------------------------------------

    private function get(string $key, float $wait = 0): array
    {
        $options = $wait > 0 ? ['wait=' . (int) ceil($wait * 1000) . 'ms'] : [];
        $reply = $this->ask('memo.get', ...$options, ...[$this->namespace, $key]);
        $isRight = is_array($reply) && count($reply) === 3 && in_array($reply[0], ['HIT', 'STALE', 'NULL', 'MISS'], true);
        return $isRight ? $reply : ['AWAY', null, null];
    }

    private function compute(string $key, string $lease, array $arguments): mixed
    {
        $started = microtime(true);
        $held = [$this->namespace, $key, $lease];
        try {
            $result = ($this->function)(...$arguments);
        } catch (\Throwable $error) {
            $this->ask('memo.drop', ...$held);
            throw $error;
        }
        try {
            $value = $result === null ? null : $this->dumped($result);
        } catch (\Throwable $error) {
            $this->report($error);
            $this->ask('memo.drop', ...$held);
            return $result;
        }
        $this->seconds = microtime(true) - $started;
        if ($value === null) {
            $this->ask('memo.null', ...$held);
        } else {
            $this->ask('memo.put', ...($this->ttl === null ? [] : ["ttl=$this->ttl"]), ...$held, ...[$value]);
        }
        return $result;
    }

    private function dumped(mixed $result): string
    {
        return $this->dump ? ($this->dump)($result) : self::json($result);
    }

    // JSON, but of nothing that it would write as {}.
    private static function json(mixed $value): string
    {
        $check = function (mixed $part) use (&$check): void {
            if (is_array($part)) {
                array_walk($part, $check);
            } elseif (is_object($part) && !$part instanceof \JsonSerializable && !$part instanceof \stdClass) {
                throw new \InvalidArgumentException('JSON cannot keep an object of class ' . $part::class);
            }
        };
        $check($value);
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    }

    private function loaded(string $key, string $value, array $arguments): mixed
    {
        try {
            return $this->load ? ($this->load)($value) : json_decode($value, true, flags: JSON_THROW_ON_ERROR);
        } catch (\Throwable $error) { // perhaps another version of the program has written it
            $this->report($error);
        }
        $this->ask('del', $this->namespace, $key);
        return ($this->function)(...$arguments);
    }

    // The reply, or null: a cache that is away or refuses must not stop anybody.
    private function ask(string ...$words): string|int|array|null
    {
        try {
            return $this->client->callWithin($this->client->timeout + $this->waitOf($words), ...$words);
        } catch (Error $error) {
            $error->errorCode === 'LEASE' ? $this->tellOnce() : $this->report($error);
            return null;
        }
    }

    private function waitOf(array $words): float
    {
        return str_starts_with($words[1], 'wait=') ? $this->wait : 0;
    }

    private function report(\Throwable $error): void
    {
        if ($this->onError) {
            ($this->onError)($error);
        }
    }

    private function tellOnce(): void
    {
        if ($this->hasTold) {
            return;
        }
        $this->hasTold = true;
        $text = sprintf(
            'cached %s: a result was not kept: it took %.1f s, longer than the lease of namespace %s, or its key was '
                . 'written meanwhile. This is said once.',
            $this->name ?? 'function', $this->seconds, $this->namespace
        );
        $this->onError ? ($this->onError)(new Error('LEASE', $text)) : error_log($text);
    }
}
