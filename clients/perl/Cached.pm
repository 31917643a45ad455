package Cached;
# Keeps a function's results in cachesd; it needs nothing but this file and Perl itself.
#
#   use Cached 'cached';
#   my $report = cached(sub { my ($user) = @_; ... }, name => 'report', ttl => '10m');
#
#   $report->(7);            # computed once, whoever asks, in whatever process
#   $report->forget(7);      # forget it: the next call computes
#   $report->refresh(7);     # forget it and call
#
# What is asked for while it is computed is waited for. When the daemon is away or refuses, the function is
# simply called. A result is one scalar; undef is kept too. Values are JSON, unless you give dump and load.
use strict;
use warnings;
use Digest::SHA 'sha256_hex';
use Exporter 'import';
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use Socket qw(SOL_SOCKET SO_RCVTIMEO SO_SNDTIMEO);
use overload '&{}' => sub { my $self = shift; sub { $self->result(@_) } };

our @EXPORT_OK = 'cached';
our $ADDRESS = $ENV{CACHESD_ADDRESS} // '127.0.0.1:7379';    # or the path of a Unix socket
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my %streams;    # by address and process: a forked child must not share its parent's

# name: what its keys begin with, before the arguments; or key: a string, or a function of the arguments.
# ttl: as the namespace says, or 90, '10m', '2h'. wait: seconds for what another computes. timeout: seconds
# for the daemon to answer. on_error: is told what the daemon refused.
sub cached {
    my ($function, %options) = @_;
    die "cached: name or key?\n" unless defined $options{name} || defined $options{key};
    return bless {
        function => $function, namespace => 'demo', wait => 10, timeout => 1, address => $ADDRESS,
        dump => sub { $json->encode($_[0]) }, load => sub { $json->decode($_[0]) }, on_error => sub { },
        %options,
    }, __PACKAGE__;
}

sub result {
    my ($self, @args) = @_;
    my $key = $self->key(@args);
    my ($state, $value, $lease) = $self->get($key);
    ($state, $value, $lease) = $self->get($key, $self->{wait}) if $state eq 'MISS' && !defined $lease;
    return $self->compute($key, $lease, @args) if defined $lease;
    return undef if $state eq 'NULL';
    return scalar $self->{function}->(@args) unless defined $value;    # away, or still computed by another
    my $result;
    return $result if eval { $result = $self->{load}->($value); 1 };
    $self->{on_error}->($@);    # perhaps another version of the program has written it
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

sub key {
    my ($self, @args) = @_;
    my $key = $self->{key};
    $key = $key->(@args) if ref $key;
    if (!defined $key) {
        my $text = $json->encode([map { defined && !ref ? "$_" : $_ } @args]);    # 7 and '7' are one
        $key = "$self->{name}:" . (length $text < 200 ? $text : sha256_hex($text));
    }
    return $key;
}

sub get {
    my ($self, $key, $wait) = @_;
    my @options = $wait ? 'wait=' . int($wait * 1000) . 'ms' : ();
    local $self->{timeout} = $self->{timeout} + ($wait // 0);
    return @{ $self->ask('memo.get', @options, $self->{namespace}, $key) // ['AWAY'] };
}

sub compute {
    my ($self, $key, $lease, @args) = @_;
    my ($result, $value);
    my $is_done = eval {
        $result = $self->{function}->(@args);
        $value = $self->{dump}->($result) if defined $result;
        1;
    };
    if (!$is_done) {
        my $error = $@;
        $self->ask('memo.drop', $self->{namespace}, $key, $lease);
        die $error;
    }
    my @options = defined $self->{ttl} ? "ttl=$self->{ttl}" : ();
    if (defined $value) { $self->ask('memo.put', @options, $self->{namespace}, $key, $lease, $value) }
    else                { $self->ask('memo.null', $self->{namespace}, $key, $lease) }
    return $result;
}

# The reply, or undef: a cache that is away or refuses must not stop anybody.
sub ask {
    my ($self, @words) = @_;
    local $@;
    my $reply = eval { $self->call(@words) };
    return $reply if defined $reply;
    die $@ if $@ !~ /^cachesd: /;    # it is from a handler of a signal, say
    $self->{on_error}->($@);
    return undef;
}

# One request; over a new connection when the one it has turns out to be closed.
sub call {
    my ($self, @words) = @_;
    utf8::is_utf8($_) && utf8::encode($_) for @words;    # text; all else is bytes already
    my $key = "$self->{address} $$";
    while (1) {
        my $stream = delete $streams{$key};    # only whole replies put it back
        my $is_new = !$stream;
        $stream //= $self->connect;
        setsockopt($stream, SOL_SOCKET, $_, pack('l!l!', int $self->{timeout}, $self->{timeout} * 1e6 % 1e6))
            for SO_RCVTIMEO, SO_SNDTIMEO;
        local $SIG{PIPE} = 'IGNORE';
        $! = 0;
        print $stream '*' . @words . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @words;
        my $reply = $stream->flush && reply($stream);
        my $is_late = $!{EAGAIN};
        $streams{$key} = $stream if $reply;
        die "cachesd: $$reply->[0]\n" if $reply && ref $$reply eq 'Cached::Refused';
        return $$reply if $reply;
        die $is_late ? "cachesd: no answer in time\n" : "cachesd: closed\n" if $is_late || $is_new;
    }
}

sub connect {
    my ($self) = @_;
    my $stream = $self->{address} =~ m{/}
        ? IO::Socket::UNIX->new(Peer => $self->{address}, Timeout => $self->{timeout})
        : IO::Socket::INET->new(PeerAddr => $self->{address}, Timeout => $self->{timeout});
    die "cachesd: can't connect to $self->{address}: $!\n" unless $stream;
    binmode $stream;
    return $stream;
}

# A reference to one reply, undef when the stream ends in it.
sub reply {
    my ($stream) = @_;
    my $line = <$stream> // return;
    my ($kind, $rest) = $line =~ /^(.)(.*)\r\n$/s or return;
    return \bless [$rest], 'Cached::Refused' if $kind eq '-';
    return \[map { ${ reply($stream) // return } } 1 .. $rest] if $kind eq '*';
    return \$rest if $kind ne '$';
    return \undef if $rest < 0;
    (read($stream, my $value, $rest + 2) // 0) == $rest + 2 or return;
    return \substr($value, 0, $rest);
}

1;
