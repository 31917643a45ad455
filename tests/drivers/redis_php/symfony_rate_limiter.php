<?php
// Symfony's rate limiters, which are kept in its RedisAdapter.
// debian: php-symfony-rate-limiter php-symfony-cache php-symfony-lock php-redis
// prefix: app
require __DIR__ . '/symfony.inc';
require '/usr/share/php/Symfony/Component/Lock/autoload.php';
require '/usr/share/php/Symfony/Component/RateLimiter/autoload.php';
use Symfony\Component\Cache\Adapter\RedisAdapter;
use Symfony\Component\RateLimiter\RateLimiterFactory;
use Symfony\Component\RateLimiter\Storage\CacheStorage;

$cache = new RedisAdapter(RedisAdapter::createConnection(getenv('REDIS_URL')), 'app');
foreach (['fixed_window', 'sliding_window'] as $policy) {
    $settings = ['id' => $policy, 'policy' => $policy, 'limit' => 2, 'interval' => '1 minute'];
    $limiter = (new RateLimiterFactory($settings, new CacheStorage($cache)))->create('caller');
    $accepted = array_map(fn () => $limiter->consume()->isAccepted(), [1, 2, 3]);
    $accepted === [true, true, false] || exit("$policy: " . json_encode($accepted) . "\n");
    $limiter->reset();
}
