<?php
// Drives ../../../clients/php/Cachesd.php: see talk.md.
declare(strict_types=1);
require __DIR__ . '/../../../clients/php/Cachesd.php';

function shown(mixed $reply): string
{
    return match (true) {
        $reply === null => 'nil',
        is_int($reply) => ":$reply",
        is_array($reply) => '[' . implode(' ', array_map(shown(...), $reply)) . ']',
        default => '$' . bin2hex($reply),
    };
}

$client = null;
while (($line = fgets(STDIN)) !== false) {
    $words = explode(' ', rtrim($line, "\n"));
    $verb = array_shift($words);
    $words = array_map(fn ($word) => $word === '.' ? '' : hex2bin($word), $words);
    try {
        if ($verb === 'open') {
            $client?->close();
            [$address, $timeout, $user, $token] = $words;
            $client = new Cachesd\Client($address ?: null, $user ?: null, $token ?: null, (int) $timeout / 1000);
            echo "opened\n";
        } else {
            echo shown($client->call(...$words)), "\n";
        }
    } catch (Cachesd\Error $error) {
        echo "-{$error->getMessage()} ", $error->isPerhapsApplied() ? '(perhaps)' : '(no)', "\n";
    } catch (InvalidArgumentException $error) {
        echo "-WRONG {$error->getMessage()}\n";
    }
}
