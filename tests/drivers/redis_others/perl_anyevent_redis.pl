# AnyEvent::Redis: requests without waiting.
# debian: libanyevent-redis-perl
use strict;
use warnings;
use AnyEvent;
use AnyEvent::Redis;

my $redis = AnyEvent::Redis->new(host => $ENV{REDIS_HOST}, port => $ENV{REDIS_PORT}, on_error => sub { die "@_\n" });
my @waits = map { $redis->set("k$_", $_, 'EX', 60) } 1 .. 20;
$_->recv eq 'OK' or die "set\n" for @waits;
my $found = $redis->mget(map { "k$_" } 1 .. 20)->recv;
"@$found" eq join(' ', 1 .. 20) or die "mget: @$found\n";
$redis->multi;
$redis->incr('n');
my $said = $redis->exec->recv;
$said->[0] == 1 or die "exec\n";
