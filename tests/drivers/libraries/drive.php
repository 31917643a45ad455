<?php
// Drives phpredis: OPTIONS, in JSON. Prints what it is answered.
$options = json_decode($argv[1], true);
$client = new Redis();
$client->connect($options['host'], $options['port'] ?? 0);
if (isset($options['auth'])) {
    $client->auth($options['auth']);
    $client->select(0);
}
echo $client->rawCommand('key.set', 'carts', 'k', 'v') ? 'OK' : 'not stored', "\n";
echo $client->rawCommand('key.get', 'carts', 'k'), "\n";
try {
    $client->get('k');
    echo $client->getLastError(), "\n";
} catch (RedisException $e) {
    echo $e->getMessage(), "\n";
}
$client->close();
