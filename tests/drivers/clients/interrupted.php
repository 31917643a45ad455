<?php
// Asks for the key `slow` of the namespace demo, and for `other` when a signal has ended that request; then, a line of standard input
// later, for `slow` once more, and a signal's handler for `other` meanwhile.
declare(strict_types=1);
require __DIR__ . '/../../../clients/php/Cachesd.php';

pcntl_async_signals(true);
$client = new Cachesd\Client(timeout: 60);
pcntl_signal(SIGUSR1, fn () => throw new LogicException('interrupted'));
try {
    $client->call('key.get', 'demo', 'slow');
} catch (LogicException $exception) {
    echo $exception->getMessage(), "\n";
}
echo $client->call('key.get', 'demo', 'other'), "\n";

pcntl_signal(SIGUSR1, function () use ($client) {
    echo $client->call('key.get', 'demo', 'other'), "\n";
});
fgets(STDIN);
echo $client->call('key.get', 'demo', 'slow'), "\n";
