<?php
// Keeps PHP's sessions in a namespace of cachesd; it needs Cachesd.php beside it.
//
//   session_set_save_handler(new Cachesd\SessionHandler(new Cachesd\Client(), 'sessions'), true);
//   session_start();
//
// A session lives as long as the namespace's ttl says, counted from the last request that used it. Requests of one session
// are not locked against each other: the last one that ends wins, as with most stores of sessions but PHP's files.
declare(strict_types=1);

namespace Cachesd;

require_once __DIR__ . '/Cachesd.php';

final class SessionHandler implements \SessionHandlerInterface, \SessionIdInterface, \SessionUpdateTimestampHandlerInterface
{
    public function __construct(private readonly Client $client, private readonly string $namespace)
    {
    }

    public function open(string $path, string $name): bool
    {
        return true;
    }

    public function close(): bool
    {
        return true;
    }

    // The daemon's errors are warnings, as those of PHP's own handlers are, and the session does not begin.
    public function read(string $id): string|false
    {
        return $this->try(fn () => $this->client->call('key.get', $this->namespace, $id) ?? '');
    }

    public function write(string $id, string $data): bool
    {
        return $this->try(fn () => $this->client->call('key.set', $this->namespace, $id, $data) === 'OK');
    }

    public function destroy(string $id): bool
    {
        return $this->try(fn () => $this->client->call('del', $this->namespace, $id) >= 0);
    }

    // Redis removes what has expired.
    public function gc(int $max_lifetime): int|false
    {
        return 0;
    }

    public function create_sid(): string
    {
        return session_create_id();
    }

    // With session.use_strict_mode, an id that nobody was given is not taken. While the daemon is away nobody knows: then PHP must not
    // give the visitor another id, which would end the session. It does not begin without read().
    public function validateId(string $id): bool
    {
        return $this->try(fn () => $this->client->call('exists', $this->namespace, $id) === 1, true);
    }

    // With session.lazy_write: the data are as they were, and live on.
    public function updateTimestamp(string $id, string $data): bool
    {
        return $this->try(fn () => $this->client->call('touch', $this->namespace, $id) === 1 || $this->write($id, $data));
    }

    private function try(\Closure $ask, bool $otherwise = false): mixed
    {
        try {
            return $ask();
        } catch (Error $error) {
            trigger_error("cachesd: {$error->getMessage()}", E_USER_WARNING);
            return $otherwise;
        }
    }
}
