<?php
// Phpredis with a prefix of its own and a serializer, and a persistent connection.
// debian: php-redis
// prefix: app:
$redis = new Redis();
$redis->pconnect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'));
$redis->setOption(Redis::OPT_PREFIX, 'app:');
$redis->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
$redis->setex('k', 60, ['a' => 1]) || exit("not stored\n");
$redis->get('k') === ['a' => 1] || exit("read otherwise\n");
$redis->keys('*') === ['app:k'] || exit("keys\n");
$redis->setOption(Redis::OPT_SCAN, Redis::SCAN_PREFIX);
$cursor = null;
$redis->scan($cursor, '*', 1000) === ['app:k'] || exit("scan\n");
$redis->hSet('h', 'f', ['x']) === 1 && $redis->hGetAll('h') === ['f' => ['x']] || exit("hash\n");
$redis->del('k', 'h') === 2 || exit("not deleted\n");
