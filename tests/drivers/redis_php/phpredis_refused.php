<?php
// What cachesd refuses in phpredis is thrown or kept as the last error, and the connection lives on.
// debian: php-redis
// expects: NOPERM .*'(watch|publish|xadd|swapdb|brpop)'
if (getenv('BASELINE')) {
    echo "redis-server refuses none of this\n";
    exit(77);
}
$redis = new Redis();
$redis->connect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'));
$calls = [['watch', 'k'], ['publish', 'news', 'x'], ['xAdd', 'x', '*', ['f' => 'v']], ['swapdb', 0, 1], ['brPop', 'l', 1]];
foreach ($calls as $call) {
    $name = array_shift($call);
    try {
        $answer = $redis->$name(...$call);
        $said = (string) $redis->getLastError(); // phpredis throws no error where it wants an array
        $redis->clearLastError();
    } catch (RedisException $error) {
        $said = $error->getMessage();
    }
    stripos($said, "'$name'") || exit("$name: $said, " . json_encode($answer) . "\n");
    $redis->setex('k', 60, $name) && $redis->get('k') === $name || exit("not stored after $name\n");
}
