# Redis.pm: each kind of value, pipelines, transactions, scripts, and each way to log in.
# debian: libredis-perl
use strict;
use warnings;
use Redis;

sub check { my ($holds, $what) = @_; die "not so: $what\n" unless $holds }

my @logins = ([], [username => 'web', password => 'right'], [name => 'app'], [on_connect => sub { $_[0]->select(1) }]);
for my $login (@logins) {
    my %login = @$login;
    my $user = delete $login{username};
    my $password = delete $login{password};
    my $redis = Redis->new(server => "$ENV{REDIS_HOST}:$ENV{REDIS_PORT}", %login);
    check($redis->auth($user, $password), 'auth') if $user;
    check($redis->ping && $redis->setex('s', 60, 'v') && $redis->get('s') eq 'v' && !defined $redis->get('none'), 'get');
    check($redis->set('f', 'v') && join(',', $redis->mget('s', 'f')) eq 'v,v' && $redis->incrby('n', 5) == 5, 'mget');
    $redis->hset('h', 'f', 1);
    my %hash = $redis->hgetall('h');
    check($hash{f} == 1 && $redis->zadd('z', 1.5, 'm') == 1 && $redis->rpush('l', 1, 2) == 2, 'collections');
    check($redis->eval('return ARGV[1]', 1, 's', 'x') eq 'x', 'eval');
    $redis->multi;
    $redis->incr('n');
    $redis->expire('n', 60);
    check(join(',', $redis->exec) eq '6,1', 'multi');
    my @said;
    $redis->incr('n', sub { push @said, $_[0] }) for 1 .. 3;
    $redis->wait_all_responses;
    check("@said" eq '7 8 9', 'pipeline');
    my @keys;
    my ($cursor, $found) = (0);
    do { ($cursor, $found) = $redis->scan($cursor, MATCH => '*'); push @keys, @$found } while $cursor;
    check(join(',', sort @keys) eq 'f,h,l,n,s,z' && $redis->del('f', 'h', 'l') == 3 && $redis->flushdb, 'scan');
    $redis->quit;
}
