<?php
// Symfony's RedisAdapter on Predis.
// debian: php-symfony-cache php-predis
// prefix: app
require __DIR__ . '/symfony.inc';
require '/usr/share/php/Predis/autoload.php';
use Symfony\Component\Cache\Adapter\RedisAdapter;

$redis = RedisAdapter::createConnection(getenv('REDIS_URL'), ['class' => Predis\Client::class]);
$cache = new RedisAdapter($redis, 'app', 60);
$cache->get('k', fn () => 'made') === 'made' && $cache->get('k', fn () => 'again') === 'made' || exit("not kept\n");
$cache->save($cache->getItem('x')->set([1])) && $cache->getItem('x')->get() === [1] || exit("not saved\n");
$cache->deleteItem('x') && !$cache->hasItem('x') || exit("not deleted\n");
$cache->clear() && !$cache->hasItem('k') || exit("not cleared\n");
