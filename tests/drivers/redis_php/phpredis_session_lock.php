<?php
// Sessions of PHP in phpredis's handler with locks, which are keys without ttl and a script that removes them.
// debian: php-redis
// prefix: PHPREDIS_SESSION:
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', 'tcp://' . getenv('REDIS_HOST') . ':' . getenv('REDIS_PORT'));
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('redis.session.locking_enabled', '1');
ini_set('redis.session.lock_retries', '2');
ini_set('redis.session.lock_wait_time', '1000');

foreach ([1, 2, 3] as $expected) {
    session_id('a');
    session_start() || exit("no session\n");
    $_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
    $_SESSION['count'] === $expected || exit("counted {$_SESSION['count']}\n");
    session_write_close() || exit("not written\n");
}
session_id('a');
session_start();
session_destroy() || exit("not destroyed\n");
