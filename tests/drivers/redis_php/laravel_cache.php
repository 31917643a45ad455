<?php
// Laravel's cache on its Redis connection: values, counters, tags, locks, limiters, flush.
// debian: php-illuminate-cache php-illuminate-redis php-redis
// prefix: app:
require __DIR__ . '/laravel.inc';

function use_cache(Illuminate\Redis\RedisManager $redis): void
{
    $cache = new Illuminate\Cache\Repository(new Illuminate\Cache\RedisStore($redis, 'cache'));
    check($cache->put('k', ['a' => 1], 60) && $cache->get('k') === ['a' => 1] && $cache->get('none', 7) === 7, 'put');
    check($cache->add('k', 2, 60) === false && $cache->add('l', 2, 60) === true && $cache->forever('f', 1), 'add');
    check($cache->putMany(['x' => 1, 'y' => 2], 60) && $cache->many(['x', 'y', 'none']) == ['x' => 1, 'y' => 2, 'none' => null], 'many');
    check($cache->increment('n') == 1 && $cache->increment('n', 4) == 5 && $cache->decrement('n') == 4, 'increment');
    check($cache->remember('r', 60, fn () => 'made') === 'made' && $cache->remember('r', 60, fn () => 'again') === 'made', 'remember');
    check($cache->pull('k') === ['a' => 1] && !$cache->has('k') && $cache->forget('l'), 'pull');
    check($cache->tags(['red'])->put('t', 1, 60) && $cache->tags(['red'])->get('t') == 1, 'tags');
    check($cache->tags(['red'])->flush(), 'flush of tags');
    // Laravel 10 begins a scan with a cursor that phpredis 6.1 takes for the end, and removes nothing.
    $is_broken = class_exists('Illuminate\Cache\RedisTagSet') && version_compare(phpversion('redis'), '6.1', '>=');
    check($is_broken || $cache->tags(['red'])->get('t') === null, 'what the tag held is gone');
    $lock = $cache->lock('job', 30);
    check($lock->get() && !$cache->lock('job', 30)->get() && $lock->release(), 'lock');
    check($cache->lock('eternal')->get() && $cache->restoreLock('eternal', 'other')->release() == false, 'lock without end');
    $limiter = new Illuminate\Cache\RateLimiter($cache);
    check($limiter->attempt('caller', 1, fn () => true, 60) && !$limiter->attempt('caller', 1, fn () => true, 60), 'limiter');
    $cache->flush();
    check($cache->get('f') === null, 'flush');
}

function use_redis(Illuminate\Redis\RedisManager $redis): void
{
    $connection = $redis->connection();
    $throttle = fn () => $connection->throttle('t')->allow(1)->every(60)->block(0)->then(fn () => 'in', fn () => 'out');
    check($throttle() === 'in' && $throttle() === 'out', 'throttle');
    $funnel = fn ($then) => $connection->funnel('f')->limit(1)->releaseAfter(30)->block(0)->then($then, fn () => 'out');
    check($funnel(fn () => $funnel(fn () => 'in')) === 'out' && $funnel(fn () => 'in') === 'in', 'funnel');
}

use_cache(redis_manager('phpredis'));
use_redis(redis_manager('phpredis'));
