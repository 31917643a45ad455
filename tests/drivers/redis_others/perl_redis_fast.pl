# Redis::Fast, which is Redis.pm on hiredis.
# debian: libredis-fast-perl
use strict;
use warnings;
use Redis::Fast;

my $redis = Redis::Fast->new(server => "$ENV{REDIS_HOST}:$ENV{REDIS_PORT}", name => 'app', reconnect => 1);
$redis->setex('s', 60, 'v') && $redis->get('s') eq 'v' or die "setex\n";
my %hash = (f => 1, g => 2);
$redis->hmset('h', %hash) && scalar(@{[$redis->hgetall('h')]}) == 4 or die "hgetall\n";
$redis->multi;
$redis->incr('n');
$redis->expire('n', 60);
join(',', $redis->exec) eq '1,1' or die "multi\n";
my @said;
$redis->incr('n', sub { push @said, $_[0] }) for 1 .. 3;
$redis->wait_all_responses;
"@said" eq '2 3 4' or die "pipeline: @said\n";
$redis->del('s', 'h', 'n') == 3 or die "del\n";
$redis->quit;
