<?php
// Malkusch's lock library on phpredis and on Predis, which releases by a script.
// debian: php-malkusch-lock php-redis php-predis
// prefix: lock_
foreach (['Malkusch/Lock', 'Predis', 'Psr/Log'] as $library) {
    require "/usr/share/php/$library/autoload.php";
}
use malkusch\lock\mutex\PHPRedisMutex;
use malkusch\lock\mutex\PredisMutex;

$redis = new Redis();
$redis->connect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'));
$predis = new Predis\Client(getenv('REDIS_URL'));
foreach ([new PHPRedisMutex([$redis], 'job'), new PredisMutex([$predis], 'job')] as $mutex) {
    $mutex->synchronized(fn () => $redis->exists('lock_job')) === 1 || exit("not locked\n");
    $redis->exists('lock_job') === 0 || exit("not released\n");
}
