# Asks for the key `slow` of the namespace demo, and an event of the program asks for the key `other` meanwhile.
source [file join [file dirname [info script]] ../../../clients/tcl/cachesd.tcl]

chan configure stdout -buffering line
set client [cachesd::Client new -timeout 60000]
fileevent stdin readable {
    gets stdin
    fileevent stdin readable {}
    puts [$client call key.get demo other]
}
puts [$client call key.get demo slow]
