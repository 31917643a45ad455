<?php
// Symfony's RedisAdapter on phpredis: items, many items, contracts, clear().
// debian: php-symfony-cache php-redis
// prefix: app
require __DIR__ . '/symfony.inc';
use Symfony\Component\Cache\Adapter\RedisAdapter;
use Symfony\Contracts\Cache\ItemInterface;

$redis = RedisAdapter::createConnection(getenv('REDIS_URL'), ['class' => Redis::class]);
$cache = new RedisAdapter($redis, 'app', 60);
$made = 0;
$make = function (ItemInterface $item) use (&$made) {
    $item->expiresAfter(30);
    return ['made' => ++$made];
};
$cache->get('k', $make) === $cache->get('k', $make) && $made === 1 || exit("made $made times\n");
foreach (['x', 'y'] as $key) {
    $cache->saveDeferred($cache->getItem($key)->set("value of $key")) || exit("not deferred\n");
}
$cache->commit() || exit("not committed\n");
foreach ($cache->getItems(['x', 'y']) as $key => $item) {
    $item->isHit() && $item->get() === "value of $key" || exit("not kept: $key\n");
}
$forever = new RedisAdapter($redis, 'app');
$forever->save($forever->getItem('f')->set(1)) && $forever->hasItem('f') || exit("not saved\n");
$cache->deleteItems(['x', 'y']) && !$cache->hasItem('x') || exit("not deleted\n");
$cache->clear() && !$cache->hasItem('k') || exit("not cleared\n");
