#!/usr/bin/env perl
# Drives ../../clients/perl/Cached.pm: a command a line, `call|forget|refresh WORD`, and a result a line.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/../../clients/perl";
use Cached 'cached';

my $folder = $ENV{FOLDER};

sub compute {
    my ($word) = @_;
    open my $log, '>>:utf8', "$folder/computed" or die $!;
    print $log "$word\n";
    close $log;
    select undef, undef, undef, 0.005 while $word =~ /^gate/ && !-e "$folder/gate";
    die "$word\n" if $word =~ /^throw/;
    open $log, '<:utf8', "$folder/computed" or die $!;
    my $count = grep { $_ eq "$word\n" } <$log>;
    return $word =~ /^null/ ? undef : { word => $word, count => $count };
}

my $function = cached(
    \&compute,
    namespace => $ENV{NAMESPACE}, key => sub { "f:$_[0]" }, ttl => $ENV{TTL},
    wait => $ENV{WAIT_MS} / 1000, timeout => 2,
);
my $json = JSON::PP->new->allow_nonref->ascii;
binmode STDIN, ':utf8';
$| = 1;
while (my $line = <STDIN>) {
    my ($verb, $word) = split ' ', $line;
    my $result = eval {
        $verb eq 'call'  ? $json->encode($function->($word))
      : $verb eq 'forget' ? ($function->forget($word) ? 'true' : 'false')
      :                     $json->encode($function->refresh($word));
    };
    print defined $result ? "$result\n" : "threw $@";
}
