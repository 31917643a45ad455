package Cachesd;
# A client of cachesd in Perl 5.20; it needs nothing but this file and Perl itself.
#
#   use Cachesd;
#   my $cachesd = Cachesd->new;
#   $cachesd->call('key.set', 'ttl=90s', 'demo', 'greeting', 'hello');
#   print $cachesd->call('key.get', 'demo', 'greeting'), "\n";
#
# Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing
# is ever quoted. Words and values are bytes: text has to be encoded and decoded.
use strict;
use warnings;
use Carp 'croak';
use Errno qw(EAGAIN EINTR);
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket 'MSG_NOSIGNAL';
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $LINE = 65536;       # bytes of a reply's line, at most
my $DEPTH = 8;          # arrays within arrays, at most
my $LARGEST = 1 << 30;  # bytes of a value, or items of an array

# What a request failed of, as call() dies of it. The code is the daemon's own word (WRONGTYPE, POLICY, …), or that of the
# client itself: UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in time), LOST (the connection broke
# before the answer).
package Cachesd::Error {
    use overload '""' => sub { "$_[0]{code} $_[0]{text}\n" }, fallback => 1;

    sub throw {
        my ($class, $code, $text) = @_;
        die $class->new($code, $text);
    }

    sub new {
        my ($class, $code, $text) = @_;
        return bless { code => $code, text => $text }, $class;
    }

    sub code { $_[0]{code} }

    # Whether a write may have been applied all the same; else it was not.
    sub is_perhaps_applied { $_[0]{code} =~ /^(?:TIMEOUT|LOST|INTERNAL)$/ }
}

# address: the path of a socket, HOST:PORT or [IPV6]:PORT; else $CACHESD_ADDRESS, else where a daemon usually is. user and
# token: else $CACHESD_USER and $CACHESD_TOKEN. timeout: seconds, to connect and for each answer.
sub new {
    my ($class, %options) = @_;
    my $self = bless { timeout => 5, %options }, $class;
    for my $name (qw(address user token)) {
        $self->{$name} //= $ENV{ 'CACHESD_' . uc $name };
        delete $self->{$name} unless length($self->{$name} // '');
    }
    croak 'cachesd: a token needs a user: the option user, or CACHESD_USER' if defined $self->{token} && !defined $self->{user};
    places($self->{address});
    return $self;
}

# The reply to these words: a string, undef, or a reference to an array of these.
sub call {
    my ($self, @words) = @_;
    return $self->call_within($self->{timeout}, @words);
}

# The same for a request that may take so many seconds, as memo.get with wait= does.
sub call_within {
    my ($self, $seconds, @words) = @_;
    my $bytes = encoded(@words);
    $self->{deadline} = now() + $seconds;
    $self->open unless $self->is_good;
    my $reply = $self->exchange($bytes);
    die $reply if ref $reply eq 'Cachesd::Error';
    return $reply;
}

sub close {
    my ($self) = @_;
    delete $self->{socket};
}

sub now { clock_gettime(CLOCK_MONOTONIC) }

sub broken { Cachesd::Error->throw('LOST', 'a broken reply') }

# --- the connection -------------------------------------------------------------------------

# A forked child must not share its parent's connection, nor a thread its maker's.
sub owner { "$$ " . (threads->can('tid') ? threads->tid : 0) }

# Whether the last reply was read to its end, and the daemon has neither closed the connection nor said anything unasked.
sub is_good {
    my ($self) = @_;
    return 0 unless $self->{socket} && $self->{is_whole} && $self->{owner} eq owner();
    my $bits = '';
    vec($bits, fileno $self->{socket}, 1) = 1;
    return !select $bits, undef, undef, 0;
}

sub open {
    my ($self) = @_;
    $self->close;
    my $socket;
    my $problem = '';
    for my $place (places($self->{address})) {
        $socket = $self->open_socket($place) and last;
        $problem = 'cannot connect to ' . (ref $place ? join ':', @$place : $place) . ": $!";
    }
    Cachesd::Error->throw('UNAVAILABLE', $problem) unless $socket;
    $socket->blocking(0);
    @$self{qw(socket unread at owner)} = ($socket, '', 0, owner());
    $self->login if defined $self->{token};
}

sub open_socket {
    my ($self, $place) = @_;
    my $left = $self->{deadline} - now();
    $left = 0.001 if $left < 0.001;
    return IO::Socket::IP->new(PeerHost => $place->[0], PeerPort => $place->[1], Timeout => $left) if ref $place;
    return IO::Socket::UNIX->new(Peer => $place, Timeout => $left);
}

sub login {
    my ($self) = @_;
    my $reply;
    {
        local $@;
        local $SIG{__DIE__};
        $reply = eval { $self->exchange(encoded('auth', $self->{user}, $self->{token})) } // $@;
    }
    return unless ref $reply eq 'Cachesd::Error' || $reply ne 'OK';
    $self->close;
    die $reply unless ref $reply eq 'Cachesd::Error' && $reply->is_perhaps_applied;
    Cachesd::Error->throw('UNAVAILABLE', "auth: $reply->{text}");    # the request itself was not sent
}

# Where a daemon may be: paths, and [host, port].
sub places {
    my ($address) = @_;
    return split_address($address) if length($address // '');
    my $own = "/tmp/cachesd-$>";    # whoever comes first can make it
    my @folders = ('/run/cachesd', $ENV{XDG_RUNTIME_DIR} // (), ((lstat $own)[4] // -1) == $> ? $own : ());
    return ((grep { -e } map { "$_/cachesd.sock" } @folders), ['127.0.0.1', 7379]);
}

sub split_address {
    my ($address) = @_;
    return $address if $address =~ m{/};
    return [$1 // $2, $3] if $address =~ /^(?:\[([^\]]+)\]|([^:\[\]]+)):([0-9]{1,5})$/ && $3 < 65536;
    croak "cachesd: address $address: a path, HOST:PORT or [IPV6]:PORT was expected";
}

# --- the protocol ---------------------------------------------------------------------------

sub encoded {
    my (@words) = @_;
    croak 'cachesd: no verb is given' if !@words;
    for my $word (@words) {
        croak 'cachesd: a word is undef or a reference' if !defined $word || ref $word;
        utf8::downgrade($word, 1) or croak 'cachesd: a word has characters, not bytes: encode it';
    }
    return '*' . @words . "\r\n" . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words;
}

# The reply, a Cachesd::Error where the daemon refuses.
sub exchange {
    my ($self, $bytes) = @_;
    $self->{is_whole} = 0;
    $self->send_all($bytes);
    my $reply = $self->reply($DEPTH);
    broken() if $self->{at} < length $self->{unread};
    @$self{qw(unread at is_whole)} = ('', 0, 1);
    return $reply;
}

sub send_all {
    my ($self, $bytes) = @_;
    while (length $bytes) {
        $self->await(1);
        my $sent = send $self->{socket}, $bytes, MSG_NOSIGNAL;
        Cachesd::Error->throw('LOST', "the connection broke: $!") if !defined $sent && !$!{EAGAIN} && !$!{EINTR};
        substr($bytes, 0, $sent // 0) = '';
    }
}

# Waits until the socket can be read or written.
sub await {
    my ($self, $is_writing) = @_;
    my $bits = '';
    vec($bits, fileno $self->{socket}, 1) = 1;
    while (1) {
        my $left = $self->{deadline} - now();
        Cachesd::Error->throw('TIMEOUT', 'no answer in time') if $left <= 0;
        my $wanted = $bits;
        my $found = $is_writing ? select undef, $wanted, undef, $left : select $wanted, undef, undef, $left;
        return if $found > 0;
    }
}

# Reads until so many bytes are there.
sub gather {
    my ($self, $size) = @_;
    substr($self->{unread}, 0, $self->{at}) = '';
    $self->{at} = 0;
    while (length $self->{unread} < $size) {
        $self->await(0);
        my $count = sysread $self->{socket}, $self->{unread}, 65536, length $self->{unread};
        next if !defined $count && ($!{EAGAIN} || $!{EINTR});
        Cachesd::Error->throw('LOST', 'the connection broke before the answer') unless $count;
    }
}

# The next bytes; their line end is passed over.
sub take {
    my ($self, $size) = @_;
    $self->gather($size + 2) if length($self->{unread}) - $self->{at} < $size + 2;
    my $end = $self->{at} + $size;
    broken() if substr($self->{unread}, $end, 2) ne "\r\n";
    my $taken = substr $self->{unread}, $self->{at}, $size;
    $self->{at} = $end + 2;
    return $taken;
}

sub line {
    my ($self) = @_;
    my $end;
    until (($end = index $self->{unread}, "\r\n", $self->{at}) >= 0) {
        my $have = length($self->{unread}) - $self->{at};
        broken() if $have > $LINE;
        $self->gather($have + 1);
    }
    return $self->take($end - $self->{at});
}

sub reply {
    my ($self, $depth) = @_;
    my ($kind, $rest) = $self->line =~ /^(.)(.*)$/s or broken();
    return $rest if $kind eq '+';
    return Cachesd::Error->new($rest =~ /^(\S*) ?(.*)$/s) if $kind eq '-';
    broken() unless $kind =~ /[:\$*]/ && $rest =~ /^-?[0-9]{1,19}$/;
    return $rest if $kind eq ':';
    return undef if $rest eq '-1';
    broken() if $rest < 0 || $rest > $LARGEST || ($kind eq '*' && !$depth);
    return $self->take($rest) if $kind eq '$';
    my @items;
    push @items, scalar $self->reply($depth - 1) while @items < $rest;
    broken() if grep { ref eq 'Cachesd::Error' } @items;    # no array of the daemon's has errors
    return \@items;
}

1;
