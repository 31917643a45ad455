<?php
// Symfony's Semaphore, which is scripts on sorted sets.
// mappings: bound rest
// debian: php-symfony-semaphore php-redis
require '/usr/share/php/Symfony/Component/Semaphore/autoload.php';
use Symfony\Component\Semaphore\SemaphoreFactory;
use Symfony\Component\Semaphore\Store\RedisStore;

$redis = new Redis();
$redis->connect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'));
$factory = new SemaphoreFactory(new RedisStore($redis));
[$one, $two, $three] = array_map(fn () => $factory->createSemaphore('pool', 2), [1, 2, 3]);
$one->acquire() && $two->acquire() && !$three->acquire() || exit("not two\n");
$one->refresh();
$one->release();
$three->acquire() && $three->isAcquired() || exit("not three\n");
$two->release();
$three->release();
