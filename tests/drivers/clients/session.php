<?php
// Uses ../../../clients/php/SessionHandler.php as a site does, one request after the other; an assertion that fails ends it.
declare(strict_types=1);
require __DIR__ . '/../../../clients/php/SessionHandler.php';

$client = new Cachesd\Client();
session_set_save_handler(new Cachesd\SessionHandler($client, 'demo'), true);

// One request: gives what the session holds, and lets it hold this.
function visit(string $id, ?array $data = null): array
{
    session_id($id);
    assert(session_start(['use_cookies' => 0, 'use_only_cookies' => 0, 'cache_limiter' => '', 'use_strict_mode' => 1]));
    $held = $_SESSION;
    $_SESSION = $data ?? $held;
    session_write_close();
    return $held;
}

assert(visit('', ['user' => 42]) === []);
$id = session_id();
assert($client->call('key.get', 'demo', $id) === 'user|i:42;' && $client->call('ttl', 'demo', $id) === 3600);
assert(visit($id) === ['user' => 42]);

$client->call('key.set', 'ttl=100s', 'demo', $id, 'user|i:42;');
assert(visit($id) === ['user' => 42]);
assert($client->call('ttl', 'demo', $id) === 3600, 'a visit that changes nothing has it live on');

assert(visit($id, ['user' => 43]) === ['user' => 42] && visit($id) === ['user' => 43]);
visit('an-id-that-nobody-was-given', ['user' => 1]);
assert(session_id() !== 'an-id-that-nobody-was-given', 'a session that another has chosen is not taken');

session_id($id);
session_start(['use_cookies' => 0, 'use_only_cookies' => 0, 'cache_limiter' => '']);
assert(session_destroy() && $client->call('exists', 'demo', $id) === 0);

$warnings = [];
set_error_handler(function (int $kind, string $text) use (&$warnings) {
    return (bool) ($warnings[] = $text);
});
$nowhere = new Cachesd\SessionHandler($client, 'nowhere');
assert($nowhere->validateId($id) && $nowhere->read($id) === false, 'nobody is given another id because the daemon cannot say');
$warnings = [];
session_set_save_handler($nowhere, true);
session_id('anything');
$isStarted = session_start(['use_cookies' => 0, 'use_only_cookies' => 0, 'cache_limiter' => '', 'use_strict_mode' => 0]);
assert(!$isStarted && str_contains($warnings[0], 'cachesd: NAMESPACE'));
echo "all is well\n";
