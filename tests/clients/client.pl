#!/usr/bin/env perl
# A client of cachesd in Perl without any Redis library: client.pl SOCKET
use strict;
use warnings;
use IO::Socket::UNIX;

my $stream = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "can't connect: $!";
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
call('key.set', 'carts', 'pl:k', $binary);
call('dict.set', 'ttl=90', 'carts', 'pl:d', 'note', $binary);
call('set.add', 'carts', 'pl:s', $binary);
call('sorted.add', 'carts', 'pl:z', '1.5', $binary);
call('counter.update', 'carts', 'pl:c', 'hits', 41, 'hits', 1);
print 'key ', unpack('H*', call('key.get', 'carts', 'pl:k')), "\n";
print 'dict ', unpack('H*', call('dict.get', 'carts', 'pl:d', 'note')),
    call('ttl', 'carts', 'pl:d') > 80 ? " True\n" : " False\n";
print 'set ', unpack('H*', call('set.members', 'carts', 'pl:s')->[0]), "\n";
print 'sorted ', unpack('H*', call('sorted.range', 'carts', 'pl:z', 0, -1)->[0]), "\n";
print 'counter ', call('counter.get', 'carts', 'pl:c', 'hits'), "\n";
