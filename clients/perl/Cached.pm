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
# A caller that asks while another computes waits for that result. When the daemon is away or refuses, the
# function is simply called. A result is one scalar; undef is kept too. Values are JSON, unless you give dump (to
# bytes) and load.
use strict;
use warnings;
use B ();
use Carp 'croak';
use Digest::SHA 'sha256_hex';
use Errno qw(EAGAIN EINTR EWOULDBLOCK ECONNREFUSED ENOENT EACCES);
use Exporter 'import';
use IO::Socket::IP;
use IO::Socket::UNIX;
use JSON::PP;
use Scalar::Util 'blessed';
use Socket 'MSG_NOSIGNAL';
use Time::HiRes 'time';
use overload '&{}' => sub { my $self = shift; sub { $self->result(@_) } };

our @EXPORT_OK = 'cached';
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $DEPTH = 100;      # how deep an argument may be nested
my $LINE = 65536;     # bytes of a reply's line, at most
my %streams;          # by address, user and process: a forked child must not share its parent's
sub CLONE { %streams = () }    # nor a thread its maker's

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
    die $error if ref $error || $error !~ s/^cachesd: //;    # a handler of a signal has died, say
    if ($error !~ /^LEASE/) { $self->{on_error}->($error) if $self->{on_error} }
    elsif (!$self->{has_told}++) { $self->tell }
    return undef;
}

sub tell {
    my ($self) = @_;
    my $text = sprintf "cached %s: a result was not kept: it took %.1f s, longer than the lease of namespace %s, or its "
        . "key was written meanwhile. This is said once.\n", $self->{name} // 'function', $self->{seconds} // 0, $self->{namespace};
    $self->{on_error} ? $self->{on_error}->($text) : warn $text;
}

# --- the protocol ---------------------------------------------------------------------------

# One request; over a new connection when the one it has turns out to be closed.
sub call {
    my ($self, @words) = @_;
    my $key = join ' ', $$, map { $_ // '' } @$self{qw(address user token)};
    while (1) {
        my $stream = delete $streams{$key};    # only whole replies put it back
        my $is_new = !$stream;
        $stream //= $self->connect;
        my $reply = $self->exchange($stream, @words);
        die "cachesd: closed\n" if !$reply && $is_new;
        next if !$reply;
        $streams{$key} = $stream;
        die "cachesd: $$reply->[0]\n" if ref $$reply eq 'Cached::Refused';
        return $$reply;
    }
}

# A reference to the reply, or nothing where the connection has been closed.
sub exchange {
    my ($self, $stream, @words) = @_;
    my $bytes = '*' . @words . "\r\n" . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words;
    $stream->{deadline} = time + $self->{timeout};
    while (length $bytes) {
        ready($stream, 1);
        my $sent = send $stream->{socket}, $bytes, MSG_NOSIGNAL;
        return if !defined $sent && !$!{EAGAIN} && !$!{EINTR};
        substr($bytes, 0, $sent // 0) = '';
    }
    my $reply = reply($stream, 0) or return;
    my $is_memo = ref $$reply eq 'ARRAY' && @$$reply == 3 && ($$reply->[0] // '') =~ /^(HIT|STALE|NULL|MISS)$/;
    my $is_right = $words[0] eq 'memo.get' ? $is_memo : defined $$reply && !ref $$reply;
    broken() unless ($is_right || ref $$reply eq 'Cached::Refused') && !length $stream->{unread};
    return $reply;
}

sub broken { die "cachesd: a broken reply\n" }

# Waits until the socket can be read or written.
sub ready {
    my ($stream, $is_writing) = @_;
    my $bits = '';
    vec($bits, fileno $stream->{socket}, 1) = 1;
    while (1) {
        my $left = $stream->{deadline} - time;
        die "cachesd: no answer in time\n" if $left <= 0;
        my $wanted = $bits;
        my $found = $is_writing ? select undef, $wanted, undef, $left : select $wanted, undef, undef, $left;
        return if $found > 0;
    }
}

# More of what the daemon says, or nothing at its end.
sub fill {
    my ($stream) = @_;
    while (1) {
        ready($stream, 0);
        my $count = sysread $stream->{socket}, $stream->{unread}, 65536, length $stream->{unread};
        return $count if defined $count || !($!{EAGAIN} || $!{EINTR});
    }
}

# A reference to one reply, or nothing when the stream ends in it.
sub reply {
    my ($stream, $is_inside) = @_;
    my $end;
    until (($end = index $stream->{unread}, "\r\n") >= 0) {
        broken() if length $stream->{unread} > $LINE;
        fill($stream) or return;
    }
    my ($kind, $rest) = substr($stream->{unread}, 0, $end + 2, '') =~ /^(.)(.*)\r\n$/s or broken();
    return \$rest if $kind eq '+' || $kind eq ':';
    return \bless [$rest], 'Cached::Refused' if $kind eq '-';
    broken() unless $kind =~ /[\$*]/ && $rest =~ /^(-1|[0-9]{1,12})$/;
    return \undef if $rest < 0;
    if ($kind eq '*') {
        broken() if $is_inside || $rest > 3;
        return \[map { ${ reply($stream, 1) // return } } 1 .. $rest];
    }
    while (length $stream->{unread} < $rest + 2) { fill($stream) or return }
    my $value = substr $stream->{unread}, 0, $rest + 2, '';
    substr($value, -2) = '';
    return \$value;
}

sub connect {
    my ($self) = @_;
    my $user = $self->{user} // $ENV{CACHESD_USER};
    my $token = $self->{token} // $ENV{CACHESD_TOKEN};
    die "cachesd: a token needs a user: the option user, or CACHESD_USER\n" if defined $token && !defined $user;
    my $stream = { socket => scalar open_socket($self->{timeout}, places($self->{address})), unread => '' };
    return $stream unless defined $token;
    my $reply = $self->exchange($stream, 'auth', map { bytes($_) } $user, $token) or die "cachesd: closed\n";
    die "cachesd: $$reply->[0]\n" if ref $$reply;
    return $stream;
}

# Where a daemon may be: paths, and [host, port].
sub places {
    my ($address) = @_;
    $address //= $ENV{CACHESD_ADDRESS};
    return split_address($address) if length($address // '');
    my $own = "/tmp/cachesd-$>";    # whoever comes first can make it
    my @folders = ('/run/cachesd', $ENV{XDG_RUNTIME_DIR} // (), ((lstat $own)[4] // -1) == $> ? $own : ());
    return ((grep { -e } map { "$_/cachesd.sock" } @folders), ['127.0.0.1', 7379]);
}

sub split_address {
    my ($address) = @_;
    return $address if $address =~ m{/};
    return [$1 // $2, $3] if $address =~ /^(?:\[([^\]]+)\]|([^:\[\]]+)):([0-9]{1,5})$/;
    die "cachesd: address $address: a path, HOST:PORT or [IPV6]:PORT was expected\n";
}

sub open_socket {
    my ($timeout, $place, @others) = @_;
    my $socket = ref $place
        ? IO::Socket::IP->new(PeerHost => $place->[0], PeerPort => $place->[1], Timeout => $timeout)
        : IO::Socket::UNIX->new(Peer => $place, Timeout => $timeout);
    if ($socket) {
        $socket->blocking(0);
        return $socket;
    }
    return open_socket($timeout, @others) if @others && ($!{ECONNREFUSED} || $!{ENOENT} || $!{EACCES});
    die 'cachesd: cannot connect to ' . (ref $place ? join ':', @$place : $place) . ": $!\n";
}

1;
