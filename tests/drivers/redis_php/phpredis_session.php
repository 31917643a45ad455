<?php
// Sessions of PHP in phpredis's handler, which takes no locks by default.
// debian: php-redis
// prefix: PHPREDIS_SESSION:
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', 'tcp://' . getenv('REDIS_HOST') . ':' . getenv('REDIS_PORT'));
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');

function request(string $id, callable $use)
{
    session_id($id);
    session_start() || exit("no session\n");
    $result = $use();
    session_write_close() || exit("not written\n");
    return $result;
}

$count = fn () => $_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
$counts = [request('a', $count), request('a', $count), request('b', $count)];
$counts === [1, 2, 1] || exit('counted ' . json_encode($counts) . "\n");
session_id('a');
session_start();
session_regenerate_id(true) && $_SESSION['count'] === 2 || exit("not moved\n");
session_destroy() || exit("not destroyed\n");
$left = request('a', $count);
$left === 1 || exit("counted $left\n");
