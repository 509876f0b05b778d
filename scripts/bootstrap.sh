#!/bin/sh
# Puts the pinned uv into the user's cache, once, and prints its path: all else is uv's work.
# Needs Python 3.11 or later with pip. Set UV to use a uv of your own.
set -eu

if [ -n "${UV:-}" ]; then
    echo "$UV"
    exit 0
fi

here=$(cd "$(dirname "$0")" && pwd)
requirements="$here/uv-requirements.txt"
version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' "$requirements")
target="${XDG_CACHE_HOME:-$HOME/.cache}/mintmark/uv-$version"

if [ ! -x "$target/bin/uv" ]; then
    python=""
    for candidate in python3.11 python3 python; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python="$candidate"
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "bootstrap: no Python 3.11 or later on PATH; install it (Debian: apt-get install python3 python3-pip)" >&2
        exit 2
    fi
    echo "bootstrap: installing uv $version into $target" >&2
    # --target: no virtual environment needed, nothing of the system's Python is touched
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --upgrade --target "$target.partial.$$" --requirement "$requirements" >&2
    mkdir -p "$(dirname "$target")"
    rm -rf "$target"
    mv "$target.partial.$$" "$target"
fi
echo "$target/bin/uv"
