# Drives ../../../clients/perl/Cachesd.pm: see talk.md.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../../clients/perl";
use Cachesd;

$| = 1;

sub shown {
    my ($reply) = @_;
    return 'nil' unless defined $reply;
    return '$' . unpack 'H*', $reply unless ref $reply;
    return '[' . join(' ', map { shown($_) } @$reply) . ']';
}

my $client;

sub answer {
    my ($verb, @words) = @_;
    return shown($client->call(@words)) if $verb eq 'call';
    my ($address, $timeout, $user, $token) = @words;
    $client = Cachesd->new(address => $address, timeout => $timeout / 1000, user => $user, token => $token);
    return 'opened';
}

while (my $line = <STDIN>) {
    chomp $line;
    my ($verb, @words) = split / /, $line;
    my $text = eval { answer($verb, map { $_ eq '.' ? '' : pack 'H*', $_ } @words) };
    if (defined $text) { print "$text\n" }
    elsif (ref $@) { print "-${\$@->code} $@->{text} ", $@->is_perhaps_applied ? "(perhaps)\n" : "(no)\n" }
    else { print "-WRONG $@" }
}
