#!/usr/bin/env perl
# keys.pl SEED COUNT: calls a cached function with COUNT random arguments. scenario_cached_keys.py tells what it prints.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/../../clients/perl";
use Cached 'cached';

# Atoms by a text that does not depend on what is tested: first a way to make each, then others that give an equal one.
my %atoms = (
    undef => ['undef'], empty => [q("")], 0 => [q(0), q("0"), '1 - 1'], 1 => [q(1), q("1"), '1.0', 'used(1)'], -1 => [q(-1), q("-1")],
    '1.0' => [q("1.0")], 1.5 => [q(1.5), q("1.5"), 'used(1.5)'], 0.1 => [q(0.1), 'used(0.1)'], 0.3 => [q(0.3), q("0.3")],
    sum => ['0.1 + 0.2', 'used(0.1 + 0.2)'], 1e15 => ['1e15', '10**15', '1000000000000000', 'integer(1e15)'], 1e300 => ['1e300', 'used(1e300)'],
    big => ['18446744073709551615'], bigger => ['18446744073709551614'], inf => ['9**9**9'], 'null' => [q("null")],
    '[]' => [q("[]")], quote => [q('"'), q(upgraded('"'))], slash => [q("\\\\")], comma => [q(",")],
    '1,2' => [q("1,2")], a_umlaut => [q("\xe4"), q(upgraded("\xe4"))], bytes => [q("\xc3\xa4"), q(upgraded("\xc3\xa4"))],
    wide => [q("\x{263a}")], wide_bytes => [q("\xe2\x98\xba")], 'true' => ['$JSON::PP::true'],
    'false' => ['$JSON::PP::false'], regexp => ['qr/1/'], regexp_i => ['qr/1/i'], reference => ['\1', '\"1"'],
);
my @names = sort keys %atoms;
sub upgraded { my ($text) = @_; utf8::upgrade($text); return $text }
sub used { my ($number) = @_; my $text = "$number"; return $number }       # as a string, which Perl notes
sub integer { my ($number) = @_; my $sum = $number | 0; return $number }    # as an integer, which Perl notes
sub chosen { return $_[rand @_] }

# A random value: its text, in which order does not count in a hash, and two of it.
sub value {
    my ($depth) = @_;
    my $kind = chosen(qw(atom atom atom), $depth ? qw(array hash) : ());
    if ($kind eq 'atom') {
        my $name = chosen(@names);
        my @made = map { eval(chosen(@{ $atoms{$name} })) } 1 .. 2;
        return ["<$name>", @made];
    }
    my @parts = map { value($depth - 1) } 1 .. int rand 4;
    return ['[' . join(' ', map { $_->[0] } @parts) . ']', map { my $at = $_; [map { $_->[$at] } @parts] } 1, 2] if $kind eq 'array';
    my @keys = (1, 'a', "\xe4", '"')[0 .. $#parts];
    my $text = join ' ', map { "$keys[$_]: $parts[$_][0]" } 0 .. $#parts;
    return ["{$text}", map { my $at = $_; +{ map { $keys[$_] => $parts[$_][$at] } 0 .. $#parts } } 1, 2];
}

my ($seed, $count) = @ARGV;
srand $seed;
my ($wrong, $computed, $text, %texts) = (0, 0);
my $function = cached(sub { $computed++; $text }, name => 'f', timeout => 30);
for (1 .. $count) {
    my @parts = map { value(3) } 1 .. 1 + int rand 3;
    $text = join ' ', map { $_->[0] } @parts;
    for my $at (1, 2) { $wrong++ if $function->(map { $_->[$at] } @parts) ne $text }
    $texts{$text} = 1;
}
print JSON::PP->new->encode({ wrong => $wrong, texts => scalar keys %texts, computed => $computed }), "\n";
