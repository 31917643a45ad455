# Completion of `caches` in bash: asks the program itself, which asks the daemon.
_caches() {
    local line=${COMP_LINE:0:COMP_POINT} words candidate summary lead
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local word=${words[-1]}
    # bash replaces only what stands behind the last of its own word breaks.
    lead=${word%"${word##*[=:]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r candidate summary; do
        COMPREPLY+=("${candidate#"$lead"}")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}
complete -o default -F _caches caches
