# Drives ../../../clients/tcl/cachesd.tcl: see talk.md.
source [file join [file dirname [info script]] ../../../clients/tcl/cachesd.tcl]

chan configure stdout -buffering line

proc shown {reply} {
    lassign $reply kind value
    switch $kind {
        nil { return nil }
        number { return :$value }
        bytes { return \$[binary encode hex $value] }
    }
    return "\[[join [lmap item $value { shown $item }] " "]\]"
}

proc opened {address milliseconds user token} {
    global client timeout
    if {[info exists client]} {
        $client destroy
        unset client
    }
    set timeout $milliseconds
    set client [cachesd::Client new -address $address -user $user -token $token -timeout $milliseconds]
    return opened
}

while {[gets stdin line] >= 0} {
    set words [lassign $line verb]
    set words [lmap word $words { expr {$word eq "." ? "" : [binary decode hex $word]} }]
    try {
        puts [expr {$verb eq "call" ? [shown [$client typed $timeout {*}$words]] : [opened {*}$words]}]
    } trap CACHESD {text options} {
        puts "-$text ([lindex [dict get $options -errorcode] 2])"
    } on error text {
        puts "-WRONG $text"
    }
}
