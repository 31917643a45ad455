# Drives ../../../clients/tcl/cachesd.tcl: a command a line, `call|forget|refresh WORD`, and a result a line.
source [file join [file dirname [info script]] ../../../clients/tcl/cachesd.tcl]

chan configure stdin -encoding utf-8
chan configure stdout -encoding utf-8 -buffering line

proc compute {word} {
    set file [open $::env(FOLDER)/computed a+]
    chan configure $file -encoding utf-8
    puts $file $word
    seek $file 0
    set count [llength [lsearch -all -exact [split [read $file] \n] $word]]
    close $file
    while {[string match gate* $word] && ![file exists $::env(FOLDER)/gate]} {
        after 5
    }
    if {[string match throw* $word]} {
        error $word
    }
    return [expr {[string match null* $word] ? "null" : "{\"word\": \"$word\", \"count\": $count}"}]
}

set client [cachesd::Client new -timeout 10000]
while {[gets stdin line] >= 0} {
    lassign $line verb word
    set key f:$word
    set isForgotten [expr {$verb ne "call" && [$client forget $::env(NAMESPACE) $key]}]
    if {$verb eq "forget"} {
        puts [expr {$isForgotten ? "true" : "false"}]
        continue
    }
    set ttl [expr {[info exists ::env(TTL)] ? $::env(TTL) : ""}]
    if {[catch { $client cached $::env(NAMESPACE) $key { compute $word } -ttl $ttl -wait $::env(WAIT_MS) } result]} {
        puts "threw $result"
    } else {
        puts $result
    }
}
