package Cached;
# Keeps a function's results in cachesd; it needs Cachesd.pm beside it.
#
#   use Cached 'cached';
#   my $report = cached(sub { my ($user) = @_; ... }, name => 'report', ttl => '10m');
#
#   $report->(7);            # computed once, whoever asks, in whatever process
#   $report->forget(7);      # forget it: the next call computes
#   $report->refresh(7);     # forget it and call
#
# A caller that asks while another computes waits for that result. When the daemon is away or refuses, the
# function is simply called. A result is one scalar; undef is kept too. Values are JSON, unless you give dump (to
# bytes) and load.
use strict;
use warnings;
use B ();
use Cachesd;
use Carp 'croak';
use Digest::SHA 'sha256_hex';
use Exporter 'import';
use JSON::PP;
use Scalar::Util 'blessed';
use Time::HiRes 'time';
use overload '&{}' => sub { my $self = shift; sub { $self->result(@_) } };

our @EXPORT_OK = 'cached';
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $DEPTH = 100;      # how deep an argument may be nested
my %clients;          # by address, user and process
sub CLONE { %clients = () }

# namespace. name: what a key begins with, before the arguments; or key: a string, or a function of the arguments.
# ttl: as the namespace says, or 90, '10m', '2h'. wait: seconds for what another computes. timeout: seconds
# for the daemon to answer. on_error: is told what the daemon refused. address, user, token: else as
# the environment says.
sub cached {
    my ($function, %options) = @_;
    croak 'cached: give the option name or key' unless defined $options{name} || defined $options{key};
    return bless {
        function => $function, namespace => 'demo', wait => 10, timeout => 1,
        dump => sub { $json->encode($_[0]) }, load => sub { $json->decode($_[0]) }, %options,
    }, __PACKAGE__;
}

sub result {
    my ($self, @args) = @_;
    my $key = $self->key(@args);
    my ($state, $value, $lease) = $self->get($key);
    ($state, $value, $lease) = $self->get($key, $self->{wait}) if $state eq 'MISS' && !defined $lease && $self->{wait} > 0;
    return $self->compute($key, $lease, @args) if defined $lease;
    return undef if $state eq 'NULL';
    return scalar $self->{function}->(@args) unless defined $value;    # away, or still computed by another
    my ($result, $error);
    return $result if is_done(sub { $result = $self->{load}->($value) }, \$error);
    $self->{on_error}->($error) if $self->{on_error};    # perhaps another version of the program has written it
    $self->ask('del', $self->{namespace}, $key);
    return scalar $self->{function}->(@args);
}

# Whether the daemon could be told.
sub forget {
    my ($self, @args) = @_;
    return defined $self->ask('del', $self->{namespace}, $self->key(@args));
}

sub refresh {
    my ($self, @args) = @_;
    $self->forget(@args);
    return $self->result(@args);
}

# --- keys: a text that equal arguments share, and no others ---------------------------------

sub key {
    my ($self, @args) = @_;
    my $given = $self->{key};
    $given = $given->(@args) if ref $given eq 'CODE';
    if (defined $self->{key}) {
        croak 'cached: the option key must give a string' if !defined $given || ref $given;
        return encoded($given);
    }
    my @texts;
    for my $at (0 .. $#args) {
        my $problem;
        push @texts, text($args[$at], $DEPTH, \$problem);
        croak "$self->{name}: argument ${\($at + 1)} cannot be told apart from others ($problem): give the option key"
            if $problem;
    }
    my $text = encoded('[' . join(',', @texts) . ']');
    return encoded($self->{name}) . ':' . (length $text < 200 ? $text : sha256_hex($text));
}

# Characters as UTF-8, however Perl keeps them.
sub encoded {
    my ($text) = @_;
    utf8::encode($text);
    return $text;
}

sub text {
    my ($value, $depth, $problem) = @_;
    return 'null' unless defined $value;
    return '"' . scalar_text($value) =~ s/(["\\])/\\$1/gr . '"' unless ref $value;
    my $kind = ref $value;
    my $inner = sub { text($_[0], $depth - 1, $problem) };
    if (!$depth) { $$problem = "nested more than $DEPTH deep" }
    elsif ($kind eq 'ARRAY') { return '[' . join(',', map { $inner->($_) } @$value) . ']' }
    elsif ($kind eq 'HASH') { return '{' . join(',', map { $inner->($_) . ':' . $inner->($value->{$_}) } sort keys %$value) . '}' }
    elsif ($kind eq 'SCALAR' || $kind eq 'REF') { return '\\' . $inner->($$value) }
    elsif ($kind eq 'JSON::PP::Boolean') { return $value ? 'true' : 'false' }
    elsif ($kind eq 'Regexp' && "$value" !~ /\(\?\??\{/) { return 'qr' . $inner->("$value") }
    else { $$problem //= blessed $value ? "an object of class $kind" : "a reference to $kind" }
    return '';
}

# 7 and '7' are one. A number has all its digits, of which Perl itself shows fifteen.
sub scalar_text {
    my ($value) = @_;
    my $flags = B::svref_2object(\$value)->FLAGS;
    return "$value" if $flags & (B::SVf_POK | B::SVf_IOK) || !($flags & B::SVf_NOK);
    return $value && $value == int $value && abs $value < 2**63 ? sprintf '%d', $value : sprintf '%.17g', $value
        if "$value" != $value || "$value" =~ /e/;
    return "$value";
}

# --- what is done with an answer ------------------------------------------------------------

sub get {
    my ($self, $key, $wait) = @_;
    my @options = $wait ? sprintf 'wait=%dms', $wait * 1000 || 1 : ();
    local $self->{timeout} = $self->{timeout} + ($wait // 0);
    return @{ $self->ask('memo.get', @options, $self->{namespace}, $key) // ['AWAY'] };
}

sub compute {
    my ($self, $key, $lease, @args) = @_;
    my $begin = time;
    my $held = bless { cached => $self, words => ['memo.drop', $self->{namespace}, $key, $lease] }, 'Cached::Lease';
    my $result = $self->{function}->(@args);
    my ($value, $error);
    if (defined $result && !is_done(sub { $value = bytes($self->{dump}->($result)) }, \$error)) {
        $self->{on_error}->($error) if $self->{on_error};
        return $result;
    }
    $held->{is_used} = 1;
    local $self->{seconds} = time - $begin;
    my @options = defined $self->{ttl} ? "ttl=$self->{ttl}" : ();
    if (defined $value) { $self->ask('memo.put', @options, $self->{namespace}, $key, $lease, $value) }
    else                { $self->ask('memo.null', $self->{namespace}, $key, $lease) }
    return $result;
}

# A lease is given back however the function is left.
sub Cached::Lease::DESTROY {
    my ($self) = @_;
    return if $self->{is_used};
    local ($@, $!, $?);
    $self->{cached}->ask(@{ $self->{words} });
}

# Runs it out of sight of the program's own handlers.
sub is_done {
    my ($code, $error) = @_;
    local ($@, $SIG{__DIE__});
    return 1 if eval { $code->(); 1 };
    $$error = $@;
    return 0;
}

sub bytes {
    my ($text) = @_;
    die "dump must give bytes, not undef or a reference\n" if !defined $text || ref $text;
    utf8::downgrade($text, 1) or die "dump must give bytes, not characters\n";
    return $text;
}

# The reply, or undef: a cache that is away or refuses must not stop anybody.
sub ask {
    my ($self, @words) = @_;
    my ($reply, $error);
    return $reply if is_done(sub { $reply = $self->call(map { bytes("$_") } @words) }, \$error);
    die $error unless ref $error eq 'Cachesd::Error' || $error =~ s/^cachesd: //;    # a handler of a signal has died, say
    if (ref $error ne 'Cachesd::Error' || $error->code ne 'LEASE') { $self->{on_error}->($error) if $self->{on_error} }
    elsif (!$self->{has_told}++) { $self->tell }
    return undef;
}

sub tell {
    my ($self) = @_;
    my $text = sprintf "cached %s: a result was not kept: it took %.1f s, longer than the lease of namespace %s, or its "
        . "key was written meanwhile. This is said once.\n", $self->{name} // 'function', $self->{seconds} // 0, $self->{namespace};
    $self->{on_error} ? $self->{on_error}->($text) : warn $text;
}

# --- requests -------------------------------------------------------------------------------

# The reply to one request, over this process's connection.
sub call {
    my ($self, @words) = @_;
    my $key = join ' ', $$, map { $_ // '' } @$self{qw(address user token)};
    my $client = $clients{$key} //= Cachesd->new(map { $_ => $self->{$_} } qw(address user token));
    $client->{timeout} = $self->{timeout};
    my $reply = $client->call(@words);
    my $is_memo = ref $reply eq 'ARRAY' && @$reply == 3 && ($reply->[0] // '') =~ /^(HIT|STALE|NULL|MISS)$/;
    my $is_right = $words[0] eq 'memo.get' ? $is_memo && !grep { ref } @$reply : defined $reply && !ref $reply;
    Cachesd::Error->throw('LOST', 'a broken reply') unless $is_right;
    return $reply;
}

1;
