<?php
// Drives ../../../clients/php/Cached.php: a command a line, `call|forget|refresh WORD`, and a result a line.
declare(strict_types=1);
require __DIR__ . '/../../../clients/php/Cached.php';

$folder = getenv('FOLDER');
$call = new Cachesd\Cached(
    function (string $word) use ($folder) {
        file_put_contents("$folder/computed", "$word\n", FILE_APPEND);
        while (str_starts_with($word, 'gate') && !file_exists("$folder/gate")) {
            clearstatcache();
            usleep(5000);
        }
        if (str_starts_with($word, 'throw')) {
            throw new RuntimeException($word);
        }
        $count = count(array_keys(file("$folder/computed", FILE_IGNORE_NEW_LINES), $word));
        return str_starts_with($word, 'null') ? null : ['word' => $word, 'count' => $count];
    },
    namespace: getenv('NAMESPACE'), key: fn (string $word) => "f:$word", ttl: getenv('TTL') ?: null,
    wait: getenv('WAIT_MS') / 1000, client: new Cachesd\Client(timeout: 10),
);
while (($line = fgets(STDIN)) !== false) {
    [$verb, $word] = explode(' ', rtrim($line));
    try {
        echo json_encode($verb === 'call' ? $call($word) : $call->$verb($word)), "\n";
    } catch (RuntimeException $error) {
        echo "threw {$error->getMessage()}\n";
    }
}
