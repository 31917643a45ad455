<?php
// Predis alone: values, pipeline, transaction, scripts, scan, and each way to log in.
// debian: php-predis
require '/usr/share/php/Predis/autoload.php';

function check(bool $holds, string $what): void
{
    $holds || exit("not so: $what\n");
}

class Add extends Predis\Command\ScriptCommand
{
    public function getKeysCount()
    {
        return 1;
    }

    public function getScript()
    {
        return "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    }
}

$at = ['host' => getenv('REDIS_HOST'), 'port' => (int) getenv('REDIS_PORT')];
$web = (int) explode('.', Predis\Client::VERSION)[0] > 1 ? ['username' => 'web', 'password' => 'right'] : [];
foreach ([[], $web, ['database' => 1], $web + ['database' => 1]] as $login) {
    $client = new Predis\Client($at + $login);
    check((string) $client->ping() === 'PONG' && (string) $client->setex('s', 60, 'v') === 'OK', 'setex');
    check($client->get('s') === 'v' && $client->get('none') === null && $client->set('s', 'w', 'EX', 60, 'NX') === null, 'get');
    check($client->mget('s', 'none') === ['v', null] && $client->incrby('n', 5) === 5, 'mget');
    check($client->hmset('h', ['f' => 1]) == 'OK' && $client->hgetall('h') === ['f' => '1'], 'hgetall');
    check($client->zadd('z', ['m' => 1.5]) === 1 && $client->zrange('z', 0, -1, ['withscores' => true]) == ['m' => '1.5'], 'zrange');
    check($client->sadd('set', ['x', 'y']) === 2 && $client->rpush('l', ['1', '2']) === 2, 'sets and lists');
    $found = $client->pipeline(fn ($pipe) => $pipe->set('p', 1)->get('p'));
    check((string) $found[0] === 'OK' && $found[1] === '1', 'pipeline');
    check($client->transaction(fn ($all) => $all->incr('n')->expire('n', 60)) == [6, 1], 'transaction');
    check($client->eval("return {KEYS[1], ARGV[1]}", 1, 'n', 'x') === ['n', 'x'], 'eval');
    $found = iterator_to_array(new Predis\Collection\Iterator\Keyspace($client, '*'), false);
    sort($found);
    check($found === ['h', 'l', 'n', 'p', 's', 'set', 'z'], 'scan');
    if (method_exists($client, 'getProfile')) {
        $client->getProfile()->defineCommand('add', Add::class);
        check($client->add('n', 2) === 8 && $client->add('n', 2) === 10, 'a script of its own');
    }
    check((string) $client->flushdb() === 'OK' && $client->keys('*') === [], 'flushdb');
    $client->disconnect();
}
