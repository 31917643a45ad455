<?php
// Symfony's RedisSessionHandler of HttpFoundation.
// debian: php-symfony-http-foundation php-redis
// prefix: sf_s
require '/usr/share/php/Symfony/Component/HttpFoundation/autoload.php';
use Symfony\Component\HttpFoundation\Session\Storage\Handler\RedisSessionHandler;

$redis = new Redis();
$redis->connect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'));
$handler = new RedisSessionHandler($redis);
$handler->open('', 'session');
$handler->write('a', 'count|i:1;') && $handler->read('a') === 'count|i:1;' || exit("not kept\n");
$handler->updateTimestamp('a', 'count|i:1;') && $handler->validateId('a') || exit("not valid\n");
$handler->destroy('a') && (new RedisSessionHandler($redis))->read('a') === '' || exit("not destroyed\n");
