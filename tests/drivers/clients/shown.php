<?php
// Shows a client that has a token, as logs and errors do.
declare(strict_types=1);
require __DIR__ . '/../../../clients/php/Cachesd.php';

$client = new Cachesd\Client(user: 'web', token: 'secret');
$client->call('ping');
var_dump($client);
print_r($client);
