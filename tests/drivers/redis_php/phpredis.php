<?php
// Phpredis alone: each kind of value, multi, pipeline, scan, and each way to log in.
// debian: php-redis
const WEB = ['web', 'right'];

function check(bool $holds, string $what): void
{
    $holds || exit("not so: $what\n");
}

function connected(array $login): Redis
{
    $redis = new Redis();
    $redis->connect(getenv('REDIS_HOST'), (int) getenv('REDIS_PORT'));
    isset($login['auth']) && check($redis->auth($login['auth']), 'auth');
    isset($login['db']) && check($redis->select($login['db']), 'select');
    isset($login['name']) && check($redis->client('setname', $login['name']), 'setname');
    return $redis;
}

foreach ([[], ['auth' => WEB], ['db' => 1], ['name' => 'app'], ['auth' => WEB, 'db' => 1, 'name' => 'app']] as $login) {
    $redis = connected($login);
    check($redis->setex('s', 60, 'v') && $redis->get('s') === 'v' && $redis->ttl('s') > 0, 'setex');
    check($redis->set('s', 'w', ['nx', 'ex' => 60]) === false && $redis->set('s', 'w', ['xx', 'px' => 60000]), 'set nx, xx');
    check($redis->set('forever', 'v') && $redis->get('none') === false, 'set');
    check($redis->mset(['a' => 1, 'b' => 2]) && $redis->mget(['a', 'b', 'none']) === ['1', '2', false], 'mget');
    check($redis->incrBy('n', 5) === 5 && $redis->expire('n', 60) && $redis->persist('n'), 'incrBy');
    check($redis->hMSet('h', ['f' => '1', 'g' => '2']) && $redis->hGetAll('h') === ['f' => '1', 'g' => '2'], 'hGetAll');
    check($redis->hIncrBy('h', 'f', 2) === 3 && $redis->hMGet('h', ['f', 'x']) === ['f' => '3', 'x' => false], 'hMGet');
    check($redis->sAdd('set', 'x', 'y') === 2 && $redis->sIsMember('set', 'x') && count($redis->sMembers('set')) === 2, 'sets');
    check($redis->zAdd('z', 1, 'one', 2.5, 'two') === 2 && $redis->zScore('z', 'two') === 2.5, 'zScore');
    check($redis->zRange('z', 0, -1, true) === ['one' => 1.0, 'two' => 2.5], 'zRange');
    check($redis->rPush('l', '1', '2') === 2 && $redis->lRange('l', 0, -1) === ['1', '2'] && $redis->lPop('l') === '1', 'lists');
    check($redis->multi()->incr('n')->expire('n', 60)->get('a')->exec() === [6, true, '1'], 'multi');
    check($redis->pipeline()->set('a', 3)->get('a')->exec() === [true, '3'], 'pipeline');
    check($redis->eval("return {KEYS[1], ARGV[1]}", ['a', 'x'], 1) === ['a', 'x'], 'eval');
    $redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    for ($found = [], $cursor = null; ($keys = $redis->scan($cursor, '*', 100)) !== false;) {
        $found = array_merge($found, $keys);
    }
    sort($found);
    check($found === ['a', 'b', 'forever', 'h', 'l', 'n', 's', 'set', 'z'], 'scan');
    check($redis->type('h') === Redis::REDIS_HASH && $redis->exists('h', 'z') === 2 && is_array($redis->info()), 'type');
    check($redis->del('a', 'b') === 2 && $redis->unlink('h') === 1 && $redis->flushDB() && $redis->keys('*') === [], 'flushDB');
    check($redis->getLastError() === null && $redis->close(), 'close');
}
