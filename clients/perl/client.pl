#!/usr/bin/env perl
# A client of cachesd in Perl without any Redis library; $CACHESD_ADDRESS is a path or HOST:PORT.
use strict;
use warnings;
use IO::Socket::IP;
use IO::Socket::UNIX;

my @paths = grep { -e } map { "$_/cachesd.sock" } '/run/cachesd', $ENV{XDG_RUNTIME_DIR} // (), "/tmp/cachesd-$>";
my $address = $ENV{CACHESD_ADDRESS} || $paths[0] || '127.0.0.1:7379';
my $stream = $address =~ m{/} ? IO::Socket::UNIX->new(Peer => $address) : IO::Socket::IP->new(PeerAddr => $address);
die "can't connect to $address: $!" unless $stream;
binmode $stream;

sub call {
    print $stream '*' . @_ . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @_;
    $stream->flush;
    return reply();
}

sub reply {
    my $line = <$stream> // die "closed";
    my ($kind, $rest) = $line =~ /^(.)(.*)\r\n$/s;
    die "$rest\n" if $kind eq '-';
    return [map { reply() } 1 .. $rest] if $kind eq '*';
    return $rest if $kind ne '$';
    return undef if $rest < 0;
    read($stream, my $value, $rest + 2) == $rest + 2 or die "closed";
    return substr($value, 0, $rest);
}

my $binary = "\0\r\n\xff\"";
call('key.set', 'demo', 'pl:k', $binary);
call('dict.set', 'ttl=90', 'demo', 'pl:d', 'note', $binary);
call('set.add', 'demo', 'pl:s', $binary);
call('sorted.add', 'demo', 'pl:z', '1.5', $binary);
call('counter.update', 'demo', 'pl:c', 'hits', 41, 'hits', 1);
print 'key ', unpack('H*', call('key.get', 'demo', 'pl:k')), "\n";
print 'dict ', unpack('H*', call('dict.get', 'demo', 'pl:d', 'note')),
    call('ttl', 'demo', 'pl:d') > 80 ? " True\n" : " False\n";
print 'set ', unpack('H*', call('set.members', 'demo', 'pl:s')->[0]), "\n";
print 'sorted ', unpack('H*', call('sorted.range', 'demo', 'pl:z', 0, -1)->[0]), "\n";
print 'counter ', call('counter.get', 'demo', 'pl:c', 'hits'), "\n";
