<?php
// Uses ../../../clients/php/SimpleCache.php as PSR-16 says; an assertion that fails ends it.
declare(strict_types=1);
require 'Psr/SimpleCache/autoload.php';
require __DIR__ . '/../../../clients/php/SimpleCache.php';

final class Money
{
    public function __construct(public int $cents = 0)
    {
    }
}

function refused(Closure $do): string
{
    try {
        $do();
    } catch (Psr\SimpleCache\InvalidArgumentException $error) {
        return $error->getMessage();
    }
    return 'not refused';
}

$client = new Cachesd\Client();
$cache = new Cachesd\SimpleCache($client, 'demo', classes: [Money::class]);
$ttl = fn (string $key) => $client->call('ttl', 'demo', $key);

foreach ([null, true, false, 0, -7, 1.5, NAN, '', "\0\r\n\xff", 'b:0;', [], [1, 'a' => [false, null]], new Money(7)] as $value) {
    assert($cache->set('k', $value) === true);
    assert($cache->has('k') === true);
    $found = $cache->get('k', 'default');
    assert($found === $value || $found == $value && is_object($value) || is_float($found) && is_nan($found), var_export($value, true));
}
assert($cache->get('none') === null && $cache->get('none', 'default') === 'default' && $cache->has('none') === false);
assert($cache->set('k', 1, 90) && $ttl('k') === 90);
assert($cache->set('k', 1, new DateInterval('PT2M')) && $ttl('k') === 120);
assert($cache->set('k', 1) && $ttl('k') === 3600, 'the namespace has 1h');
assert($cache->set('k', 1, 0) && !$cache->has('k'), 'a ttl that has passed removes it');
assert($cache->set('k', 1) && $cache->delete('k') && $cache->delete('k') && !$cache->has('k'));
assert($cache->setMultiple(new ArrayIterator(['a' => 1, '2' => null]), 90) && $ttl('a') === 90);
$found = $cache->getMultiple(new ArrayIterator(['a', '2', 'none']), 'default');
assert($found === ['a' => 1, '2' => null, 'none' => 'default']);
assert($cache->getMultiple([]) === [] && $cache->deleteMultiple([]) && $cache->setMultiple([]));
assert($cache->deleteMultiple(['a', '2']) && !$cache->has('a') && !$cache->has('2'));
assert($cache->set('k', 1) && $cache->clear() && !$cache->has('k'));

foreach (['', '{', 'a}', '(', ')', 'a/b', 'a\\b', '@', 'a:b', 7, null] as $key) {
    $uses = [fn () => $cache->get($key), fn () => $cache->set($key, 1), fn () => $cache->deleteMultiple([$key]), fn () => $cache->has($key)];
    foreach ($uses as $do) {
        assert(str_contains(refused($do), 'key '), var_export($key, true));
    }
}
assert(str_contains(refused(fn () => $cache->getMultiple('k')), 'string'));
assert(str_contains(refused(fn () => $cache->set('k', 1, '90')), 'ttl string'));
assert(str_contains(refused(fn () => $cache->set('k', [new ArrayObject()])), 'ArrayObject'));

$client->call('key.set', 'demo', 'k', serialize(new ArrayObject()));
assert(get_debug_type($cache->get('k')) === '__PHP_Incomplete_Class', 'no class that was not named is made');
$client->call('key.set', 'demo', 'k', 'no serialize()');
assert($cache->get('k', 'default') === 'default');

$refused = new Cachesd\SimpleCache($client, 'nowhere');
assert($refused->get('k', 'default') === 'default' && $refused->set('k', 1) === false && $refused->clear() === false);
assert([...$refused->getMultiple(['k'], 7)] === ['k' => 7] && $refused->setMultiple(['k' => 7]) === false && $refused->has('k') === false);
$strict = new Cachesd\SimpleCache($client, 'nowhere', isStrict: true);
try {
    $strict->get('k');
    assert(false);
} catch (Cachesd\Error $error) {
    assert($error->errorCode === 'NAMESPACE' && !$error->isPerhapsApplied());
}
echo "all is well\n";
