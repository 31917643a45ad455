<?php
// Symfony's RedisTagAwareAdapter, which wants to know how the server evicts, and uses scripts: they make a key that
// begins with a brace, and no prefix.
// debian: php-symfony-cache php-redis
require __DIR__ . '/symfony.inc';
use Symfony\Component\Cache\Adapter\RedisAdapter;
use Symfony\Component\Cache\Adapter\RedisTagAwareAdapter;

$cache = new RedisTagAwareAdapter(RedisAdapter::createConnection(getenv('REDIS_URL')), 'app', 60);
$items = ['a' => ['red'], 'b' => ['red', 'blue'], 'c' => ['blue']];
foreach ($items as $key => $tags) {
    $cache->save($cache->getItem($key)->set($key)->tag($tags)) || exit("not saved: $key\n");
}
$cache->invalidateTags(['red']) || exit("not invalidated\n");
$left = array_keys(array_filter($items, fn ($key) => $cache->hasItem($key), ARRAY_FILTER_USE_KEY));
$left === ['c'] || exit('left: ' . json_encode($left) . "\n");
$cache->deleteItem('c') && $cache->clear() || exit("not cleared\n");
