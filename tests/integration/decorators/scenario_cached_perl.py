#!/usr/bin/env python3
"""../../../clients/perl."""

import harness
from cached_every import EveryLanguage
from cached_world import Scripts, World


class Perl(EveryLanguage, World):
    pass


class PerlItself(Scripts):
    def test_perl_has_forks_alarms_and_any_bytes(self):
        self.take_lease("held")
        right = ["7 7", "300 0", "alarm", "1 1", "00ff0d0a", "e4", "[1,2]"]
        self.assertEqual(self.run_to_end("perl", "-we", PERL), right)


PERL = r"""
use strict;
use Cached 'cached';
my @bytes = (namespace => 'memo', dump => sub { $_[0] }, load => sub { $_[0] });
my $f = cached(sub { $_[0] }, namespace => 'memo', name => 'f');
print join(' ', $f->(7), $f->('7')), "\n";
my $child = fork;
my $wrong = grep { $f->($_) != $_ } 1 .. 300;
exit $wrong if !$child;
waitpid $child, 0;
print 300 - $wrong, " $?\n";
my $held = cached(sub { 'computed' }, namespace => 'memo', key => 'held');
$SIG{ALRM} = sub { die "alarm\n" };
alarm 1;
eval { $held->(); 1 } or print $@;
my $n = 0;
my $g = cached(sub { ++$n }, namespace => 'memo', key => 'g');
print $g->(), ' ', $g->(), "\n";
my $any = cached(sub { "\0\xff\r\n" }, key => 'bytes', @bytes);
$any->();
print unpack('H*', $any->()), "\n";
my $text = cached(sub { "\xe4" }, namespace => 'memo', key => 'text');
$text->();
print unpack('H*', $text->()), "\n";
my $list = cached(sub { [1, 2] }, namespace => 'memo', key => 'list');
$list->();
print JSON::PP->new->encode($list->()), "\n";
"""


if __name__ == "__main__":
    harness.main()
