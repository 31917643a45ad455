#!/usr/bin/env bash
# Lists, each ended by a zero byte, the files that a person would have cloned: those that git knows, and
# new ones that it does not ignore. Of an unpacked archive, everything but builds.
set -euo pipefail
cd "$(dirname "$0")/../.."
if git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard
else
    find . -path './build*' -prune -o -type f -print0
fi | while IFS= read -rd '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
done
