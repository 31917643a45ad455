# A client of cachesd for Tcl 8.6; it needs nothing but this file. Tcl has no Unix sockets: the daemon must listen on TCP.
#
#   source cachesd.tcl
#   set cachesd [cachesd::Client new]
#   $cachesd call key.set ttl=90s demo greeting hello
#   puts [$cachesd call key.get demo greeting]
#
# Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing
# is ever quoted.
#
# What fails is an error with the errorcode {CACHESD CODE APPLIED}. The code is the daemon's own word (WRONGTYPE, POLICY, …), or that
# of the client itself: UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in time), LOST (the connection broke
# before the answer). APPLIED is `perhaps` when a write may have been applied all the same, else `no`:
#
#   try { … } trap {CACHESD WRONGTYPE} text { … } trap CACHESD text { … }
package require Tcl 8.6-
package require TclOO

namespace eval cachesd {
    variable line 65536        ;# bytes of a reply's line, at most
    variable depth 8           ;# arrays within arrays, at most
    variable largest 1073741824 ;# bytes of a value, or items of an array

    proc fail {code text} {
        set applied [expr {$code in {TIMEOUT LOST INTERNAL} ? "perhaps" : "no"}]
        return -level 0 -code error -errorcode [list CACHESD $code $applied] "$code $text"
    }

    proc split {address} {
        if {![regexp {^(?:\[([^]]+)\]|([^]:[]+)):(\d{1,5})$} $address - v6 host port] || [scan $port %d] > 65535} {
            error "address $address: HOST:PORT or \[IPV6\]:PORT was expected (Tcl has no Unix sockets)"
        }
        return [list $v6$host [scan $port %d]]
    }

    proc or {value name} {
        return [expr {$value ne "" || ![info exists ::env($name)] ? $value : $::env($name)}]
    }

    # Tcl 9 would refuse what is no UTF-8.
    proc text {bytes} {
        if {[package vsatisfies [package provide Tcl] 9-]} {
            return [encoding convertfrom -profile replace utf-8 $bytes]
        }
        return [encoding convertfrom utf-8 $bytes]
    }

    # A typed reply as text or bytes: nil is empty, an array is a list.
    proc plain {reply isText} {
        lassign $reply kind value
        if {$kind eq "items"} {
            return [lmap item $value { plain $item $isText }]
        }
        return [expr {$kind eq "bytes" && $isText ? [text $value] : $value}]
    }
}

oo::class create cachesd::Client {
    variable address user token timeout stream deadline event isNil isBusy
    variable unread at ;# bytes that were read, of which those before `at` are taken

    # -address HOST:PORT or [IPV6]:PORT, else $CACHESD_ADDRESS, else 127.0.0.1:7379. -user and -token, else $CACHESD_USER and
    # $CACHESD_TOKEN. -timeout: milliseconds, to connect and for each answer.
    constructor {args} {
        set given [dict merge {-address "" -user "" -token "" -timeout 5000} $args]
        if {[dict size $given] != 4} {
            error "options [dict keys $args]: -address, -user, -token and -timeout were expected"
        }
        set address [cachesd::or [dict get $given -address] CACHESD_ADDRESS]
        set address [cachesd::split [expr {$address eq "" ? "127.0.0.1:7379" : $address}]]
        set user [cachesd::or [dict get $given -user] CACHESD_USER]
        set token [cachesd::or [dict get $given -token] CACHESD_TOKEN]
        set timeout [dict get $given -timeout]
        set stream ""
        set isNil 0
        set isBusy 0
        if {$token ne "" && $user eq ""} {
            error "a token needs a user: the option -user, or CACHESD_USER"
        }
    }

    destructor {
        my Disconnect
    }

    # The reply to these words, in UTF-8: a string, or a list. A nil is an empty string, see isNil.
    method call {args} {
        return [cachesd::plain [my typed $timeout {*}[lmap word $args { encoding convertto utf-8 $word }]] 1]
    }

    # The same of bytes.
    method callBytes {args} {
        return [cachesd::plain [my typed $timeout {*}$args] 0]
    }

    # Whether the last reply of `call` or `callBytes` was nil.
    method isNil {} {
        return $isNil
    }

    # The reply to words of bytes, within so many milliseconds, with its kind: {nil {}}, {number 5}, {bytes abc}, or
    # {items {{bytes a} {nil {}}}}.
    method typed {milliseconds args} {
        if {[llength $args] == 0} {
            error "no verb is given"
        }
        set reply [expr {$isBusy ? [my TypedApart $milliseconds $args] : [my TypedHere $milliseconds $args]}]
        if {[lindex $reply 0] eq "error"} {
            cachesd::fail {*}[lindex $reply 1]
        }
        set isNil [expr {[lindex $reply 0] eq "nil"}]
        return $reply
    }

    method TypedHere {milliseconds words} {
        set isBusy 1
        try {
            set deadline [expr {[clock milliseconds] + $milliseconds}]
            if {![my IsGood]} {
                my Connect
            }
            return [my Exchange $words]
        } finally {
            set isBusy 0
        }
    }

    # While a request waits, events of the program go on, and may ask for more: over a connection of their own, since the reply that
    # comes next over this one is another's.
    method TypedApart {milliseconds words} {
        lassign $address host port
        set other [cachesd::Client new -address "\[$host\]:$port" -user $user -token $token -timeout $timeout]
        try {
            return [$other typed $milliseconds {*}$words]
        } finally {
            $other destroy
        }
    }

    # --- the connection ---------------------------------------------------------------------

    method Disconnect {} {
        if {$stream ne ""} {
            catch { close $stream }
        }
        set stream ""
        set unread ""
        set at 0
    }

    # Whether the daemon has neither closed the connection nor said anything unasked.
    method IsGood {} {
        return [expr {$stream ne "" && ![catch { read $stream 1 } byte] && $byte eq "" && ![eof $stream]}]
    }

    # Waits until the stream can be read or written, in time.
    method Await {direction} {
        set left [expr {$deadline - [clock milliseconds]}]
        if {$left <= 0} {
            return 0
        }
        set event ""
        set timer [after $left [list set [my varname event] late]]
        fileevent $stream $direction [list set [my varname event] ready]
        vwait [my varname event]
        after cancel $timer
        fileevent $stream $direction {}
        return [expr {$event eq "ready"}]
    }

    method Connect {} {
        my Disconnect
        lassign $address host port
        if {[catch { socket -async $host $port } stream]} {
            set problem $stream
            set stream ""
        } elseif {![my Await writable]} {
            set problem "no answer in time"
        } else {
            set problem [chan configure $stream -error]
        }
        if {$problem ne ""} {
            my Disconnect
            cachesd::fail UNAVAILABLE "cannot connect to $host:$port: $problem"
        }
        chan configure $stream -translation binary -blocking 0 -buffering full -buffersize 65536
        if {$token ne ""} {
            my Login
        }
    }

    method Login {} {
        try {
            set reply [my Exchange [list auth [encoding convertto utf-8 $user] [encoding convertto utf-8 $token]]]
        } trap CACHESD text {
            cachesd::fail UNAVAILABLE "auth: $text" ;# the request itself was not sent
        }
        if {[lindex $reply 0] eq "error"} {
            my Disconnect
            cachesd::fail {*}[lindex $reply 1]
        }
    }

    # --- the protocol -----------------------------------------------------------------------

    # Sends the words, and reads their reply. After anything but a whole reply the connection is closed.
    method Exchange {words} {
        set bytes "*[llength $words]\r\n"
        foreach word $words {
            append bytes "\$[string length $word]\r\n$word\r\n"
        }
        try {
            my Write $bytes
            set reply [my Reply $cachesd::depth]
            if {$at < [string length $unread]} {
                cachesd::fail LOST "a broken reply"
            }
            set unread ""
            set at 0
        } on error {text options} {
            my Disconnect
            return -options $options $text
        }
        return $reply
    }

    method Write {bytes} {
        if {[catch { puts -nonewline $stream $bytes; flush $stream }]} {
            cachesd::fail LOST "the connection broke"
        }
        while {[chan pending output $stream] > 0} {
            if {![my Await writable]} {
                cachesd::fail TIMEOUT "no answer in time"
            }
            if {[catch { flush $stream }]} {
                cachesd::fail LOST "the connection broke"
            }
        }
    }

    method Fill {} {
        if {![my Await readable]} {
            cachesd::fail TIMEOUT "no answer in time"
        }
        if {[catch { read $stream 65536 } bytes] || ($bytes eq "" && [eof $stream])} {
            cachesd::fail LOST "the connection broke before the answer"
        }
        append unread $bytes
    }

    # Reads until so many bytes are there.
    method Gather {size} {
        set unread [string range $unread $at end]
        set at 0
        while {[string length $unread] < $size} {
            my Fill
        }
    }

    # The next bytes; their line end is passed over.
    method Take {size} {
        if {[string length $unread] - $at < $size + 2} {
            my Gather [expr {$size + 2}]
        }
        set end [expr {$at + $size}]
        if {[string range $unread $end $end+1] ne "\r\n"} {
            cachesd::fail LOST "a broken reply"
        }
        set taken [string range $unread $at $end-1]
        set at [expr {$end + 2}]
        return $taken
    }

    method Line {} {
        while {[set end [string first "\r\n" $unread $at]] < 0} {
            set have [expr {[string length $unread] - $at}]
            if {$have > $cachesd::line} {
                cachesd::fail LOST "a broken reply"
            }
            my Gather [expr {$have + 1}]
        }
        return [my Take [expr {$end - $at}]]
    }

    method Reply {depth} {
        set text [my Line]
        set kind [string index $text 0]
        set rest [string range $text 1 end]
        switch -- $kind {
            + { return [list bytes $rest] }
            - {
                regexp {^(\S*) ?(.*)$} [cachesd::text $rest] - code text
                return [list error [list $code $text]]
            }
        }
        if {![regexp {^-?\d{1,19}$} $rest] || $kind ni {: $ *}} {
            cachesd::fail LOST "a broken reply"
        }
        if {$kind eq ":"} {
            return [list number $rest]
        }
        if {$rest eq "-1"} {
            return {nil {}}
        }
        set size [scan $rest %ld]
        if {$size < 0 || $size > $cachesd::largest || ($kind eq "*" && $depth == 0)} {
            cachesd::fail LOST "a broken reply"
        }
        if {$kind eq "\$"} {
            return [list bytes [my Take $size]]
        }
        set items {}
        while {[llength $items] < $size} {
            lappend items [my Reply [expr {$depth - 1}]]
            if {[lindex $items end 0] eq "error"} {
                cachesd::fail LOST "a broken reply" ;# no array of the daemon's has errors
            }
        }
        return [list items $items]
    }

    # --- cached results ---------------------------------------------------------------------

    # What is kept, or the result of the script, which runs in its caller's scope: once, whoever asks, in whatever process.
    #
    #   set report [$cachesd cached demo report:$user { compute $user } -ttl 10m]
    #
    # A caller that asks while another computes waits for that result (-wait, 10000 ms). When the daemon is away or refuses, the
    # script simply runs; an error is always its own.
    method cached {space key script args} {
        set given [dict merge {-ttl "" -wait 10000} $args]
        lassign [my MemoGet $space $key 0] state value lease
        if {$state eq "MISS" && $lease eq ""} { ;# somebody else computes it
            lassign [my MemoGet $space $key [dict get $given -wait]] state value lease
        }
        if {$lease eq "" && $state in {HIT STALE NULL}} {
            return $value
        }
        set code [catch { uplevel 1 $script } result options]
        if {$lease ne "" && $code in {0 2}} {
            set ttl [dict get $given -ttl]
            my Tell memo.put {*}[expr {$ttl eq "" ? "" : "ttl=$ttl"}] $space $key $lease $result
        } elseif {$lease ne ""} {
            my Tell memo.drop $space $key $lease
        }
        return -options $options $result
    }

    # The next call computes. Returns whether the daemon could be told.
    method forget {space key} {
        return [my Tell del $space $key]
    }

    method MemoGet {space key wait} {
        set words [lmap word [list memo.get wait=${wait}ms $space $key] { encoding convertto utf-8 $word }]
        try {
            return [cachesd::plain [my typed [expr {$timeout + $wait}] {*}$words] 1]
        } trap CACHESD {} {
            return {AWAY "" ""}
        }
    }

    method Tell {args} {
        try {
            my call {*}$args
        } trap CACHESD {} {
            return 0
        }
        return 1
    }
}
