# Completion of `caches` in fish: asks the program itself, which asks the daemon.
function __caches_words
    set -l words (commandline -opc)
    $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c caches -f -a '(__caches_words)'
complete -c caches -l ca -l cert -l key -l token-file -r -F
