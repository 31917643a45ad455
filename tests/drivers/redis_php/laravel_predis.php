<?php
// Laravel's cache on Predis.
// debian: php-illuminate-cache php-illuminate-redis php-predis
// prefix: app:
require __DIR__ . '/laravel.inc';
require '/usr/share/php/Predis/autoload.php';

$cache = new Illuminate\Cache\Repository(new Illuminate\Cache\RedisStore(redis_manager('predis'), 'cache'));
check($cache->put('k', ['a' => 1], 60) && $cache->get('k') === ['a' => 1] && $cache->add('k', 2, 60) === false, 'put');
check($cache->putMany(['x' => 1, 'y' => 2], 60) && $cache->many(['x', 'y']) == ['x' => 1, 'y' => 2], 'many');
check($cache->increment('n') == 1 && $cache->tags(['red'])->put('t', 1, 60) && $cache->tags(['red'])->flush(), 'tags');
$lock = $cache->lock('job', 30);
check($lock->get() && !$cache->lock('job', 30)->get() && $lock->release(), 'lock');
check($cache->flush() && $cache->get('k') === null, 'flush');
