<?php
// Symfony's Lock in its RedisStore: exclusive and shared locks. It tries the server with a key of no prefix.
// mappings: bound rest
// debian: php-symfony-lock php-redis
require '/usr/share/php/Symfony/Component/Lock/autoload.php';
use Symfony\Component\Lock\LockFactory;
use Symfony\Component\Lock\Store\RedisStore;

$redis = new Redis();
$redis->connect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'));
$factory = new LockFactory(new RedisStore($redis));
[$lock, $rival] = [$factory->createLock('job', 30), $factory->createLock('job', 30)];
$lock->acquire() && !$rival->acquire() || exit("not exclusive\n");
$lock->refresh(60);
$lock->isAcquired() && $lock->getRemainingLifetime() > 30 || exit("not refreshed\n");
$lock->release();
$lock->acquireRead() && $rival->acquireRead() && $rival->isAcquired() || exit("not shared\n");
$lock->release();
$rival->release();
