<?php
// A PSR-16 cache (psr/simple-cache 1, 2 or 3; Debian's php-psr-simple-cache) that keeps its values in a namespace of
// cachesd; it needs Cachesd.php beside it.
//
//   $cache = new Cachesd\SimpleCache(new Cachesd\Client(), 'demo');
//   $cache->set('greeting', ['hello', 'world'], 60);
//
// A ttl is cut to the namespace's max_ttl; null is the namespace's own. Values are serialized, so that each comes back with
// its type. Objects only of the classes that are named: who can write to your Redis must not choose what PHP makes of it.
declare(strict_types=1);

namespace Cachesd;

use Psr\SimpleCache\CacheInterface;
use Psr\SimpleCache\InvalidArgumentException as WrongArgument;

require_once __DIR__ . '/Cachesd.php';

final class InvalidArgument extends \InvalidArgumentException implements WrongArgument
{
}

// The parameters are without types, as psr/simple-cache 1 wants it.
final class SimpleCache implements CacheInterface
{
    // classes: of which objects may be kept. Other errors than a wrong key reach the caller as Cachesd\Error only
    // with isStrict; else what cannot be read is missing, and what cannot be written is false, as PSR-16 has it.
    public function __construct(
        private readonly Client $client,
        private readonly string $namespace,
        private readonly array $classes = [],
        private readonly bool $isStrict = false,
    ) {
    }

    public function get($key, $default = null): mixed
    {
        $bytes = $this->ask('key.get', [], [self::key($key)]);
        return $this->read($bytes, $default);
    }

    public function set($key, $value, $ttl = null): bool
    {
        $key = self::key($key);
        $bytes = $this->bytes($value);
        $options = self::options($ttl);
        return $options === null ? $this->delete($key) : $this->ask('key.set', $options, [$key, $bytes]) !== null;
    }

    public function delete($key): bool
    {
        return $this->ask('del', [], [self::key($key)]) !== null;
    }

    // Removes every key of the namespace.
    public function clear(): bool
    {
        return $this->ask('purge', [], []) !== null;
    }

    public function getMultiple($keys, $default = null): iterable
    {
        $keys = self::keys($keys);
        $found = $keys ? $this->ask('key.mget', [], $keys) : [];
        $values = array_map(fn ($bytes) => $this->read($bytes, $default), $found ?? array_fill(0, count($keys), null));
        return array_combine($keys, $values);
    }

    public function setMultiple($values, $ttl = null): bool
    {
        $options = self::options($ttl);
        $requests = [];
        foreach (self::isIterable($values) as $key => $value) {
            $key = self::key(is_int($key) ? (string) $key : $key);
            $bytes = $this->bytes($value);
            $requests[] = $options === null
                ? ['del', $this->namespace, $key]
                : ['key.set', ...$options, ...[$this->namespace, $key, $bytes]];
        }
        return $this->try(fn () => $this->client->callAll($requests)) !== null;
    }

    public function deleteMultiple($keys): bool
    {
        $keys = self::keys($keys);
        return !$keys || $this->ask('del', [], $keys) !== null;
    }

    public function has($key): bool
    {
        return $this->ask('exists', [], [self::key($key)]) === 1;
    }

    private function ask(string $verb, array $options, array $words): mixed
    {
        return $this->try(fn () => $this->client->call($verb, ...$options, ...[$this->namespace], ...$words));
    }

    private function try(\Closure $ask): mixed
    {
        try {
            return $ask();
        } catch (Error $error) {
            return $this->isStrict ? throw $error : null;
        }
    }

    private static function key(mixed $key): string
    {
        if (!is_string($key) || $key === '' || strpbrk($key, '{}()/\\@:') !== false) {
            $shown = is_string($key) ? "'$key'" : get_debug_type($key);
            throw new InvalidArgument("key $shown: a string with none of {}()/\\@: was expected, and not an empty one");
        }
        return $key;
    }

    private static function keys(mixed $keys): array
    {
        $found = [];
        foreach (self::isIterable($keys) as $key) {
            $found[] = self::key($key);
        }
        return $found;
    }

    private static function isIterable(mixed $given): iterable
    {
        return is_iterable($given)
            ? $given
            : throw new InvalidArgument(get_debug_type($given) . ': an array or a Traversable was expected');
    }

    // The ttl as an option, or null where it has passed already.
    private static function options(mixed $ttl): ?array
    {
        if ($ttl instanceof \DateInterval) {
            $ttl = (new \DateTimeImmutable('@0'))->add($ttl)->getTimestamp();
        }
        if ($ttl !== null && !is_int($ttl)) {
            throw new InvalidArgument('ttl ' . get_debug_type($ttl) . ': seconds, a DateInterval or null was expected');
        }
        return $ttl === null ? [] : ($ttl > 0 ? ["ttl=$ttl"] : null);
    }

    private function bytes(mixed $value): string
    {
        $check = function (mixed $part) use (&$check): void {
            if (is_array($part)) {
                array_walk($part, $check);
            } elseif (is_object($part) && !in_array($part::class, $this->classes, true)) {
                throw new InvalidArgument('an object of class ' . $part::class . ': name it in the argument classes');
            }
        };
        $check($value);
        return serialize($value);
    }

    private function read(?string $bytes, mixed $default): mixed
    {
        $value = $bytes === null ? false : @unserialize($bytes, ['allowed_classes' => $this->classes]);
        $isMissing = $value === false && $bytes !== 'b:0;'; // or nothing that serialize() has written
        return $isMissing ? $default : $value;
    }
}
