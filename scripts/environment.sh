#!/bin/sh
# The private .venv of this checkout: made by Python's own venv, filled by pip.
#
#     sh scripts/environment.sh demo|test|docs
#
# Installs one part. Where that part is there already, and nothing that decides about it has changed
# since, it ends within milliseconds and needs no network. PYTHON chooses the Python.
set -eu

part=$1
cd "$(dirname "$0")/.."
own=.venv/podium # what is written here: the marks of what is installed, and the logs
python=.venv/bin/python

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0

fail() {
    printf '\n%s\n' "$1" >&2
    exit 1
}

# Runs a phase: its name is shown, then how long it took; its output only if it fails.
phase() { # phase TITLE LOG COMMAND...
    title=$1 log=$2
    shift 2
    printf '%s ... ' "$title"
    begun=$(date +%s)
    if "$@" >"$log" 2>&1; then
        printf '%s s\n' "$(($(date +%s) - begun))"
        return
    fi
    printf 'failed. The end of %s:\n\n' "$log"
    grep -v '^ *WARNING: ' "$log" | tail -n 20
    if grep -q -i -E 'NewConnectionError|name resolution|timed out|ProxyError' "$log"; then
        fail "The package index didn't answer. Is this machine online? Behind a proxy set
HTTPS_PROXY, for a mirror set PIP_INDEX_URL; then run the same command again."
    fi
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

has_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

version_of() {
    "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null
}

# Prints the Python to use: the one that was asked for, else the newest that can make a venv.
choose_python() {
    old='' bare=''
    for name in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 python}; do
        version=$(version_of "$name") || continue
        if ! is_new_enough "$name"; then
            old="$old $name is $version;"
        elif ! has_venv "$name"; then
            bare=${bare:-$name}
        else
            printf '%s\n' "$name"
            return
        fi
    done
    if [ -n "$bare" ]; then
        fail "$bare can't make a virtual environment: its venv module is a package of its own here.
On Debian and Ubuntu: sudo apt install python$(version_of "$bare" | cut -d. -f1,2)-venv
Then run the same command again, or name another Python: make $part PYTHON=/path/to/python3.12"
    elif [ -n "$old" ]; then
        fail "Podium needs Python 3.11 or newer;${old%;}.
Install a newer one (Debian 12+, Ubuntu 24.04+: sudo apt install python3 python3-venv;
macOS: brew install python), or name one: make $part PYTHON=/path/to/python3.12"
    fi
    fail "No Python was found${PYTHON:+ as $PYTHON}. Podium needs Python 3.11 or newer.
Install one, or name one: make $part PYTHON=/path/to/python3.12"
}

# A .venv serves as long as its Python runs, has pip, and the folder is where it was made.
is_usable() {
    is_new_enough "$python" && "$python" -c 'import pip' >/dev/null 2>&1 || return 1
    [ ! -f "$own/place" ] || [ "$(cat "$own/place")" = "$PWD" ] || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$python")" ]
}

make_venv() {
    chosen=$(choose_python)
    if [ -e .venv ] && [ ! -f "$own/place" ]; then
        fail "There is a .venv here that this Makefile didn't make and can't use (its Python is
older than 3.11 or another one than you named, or it has no pip). Move it away, then run the
same command again."
    fi
    rm -rf .venv
    mkdir -p "$own"
    printf '%s\n' "$PWD" >"$own/place" # first, so that an interrupted start is known as ours
    phase "Making .venv with Python $(version_of "$chosen")" "$own/venv.log" \
        "$chosen" -m venv .venv
}

# --group came with pip 25.1; the pip inside a Python is often older.
renew_pip() {
    "$python" -c 'import pip, sys
sys.exit(tuple(int(n) for n in pip.__version__.split(".")[:2]) < (25, 1))' && return
    phase "Renewing pip" "$own/pip.log" "$python" -m pip install --upgrade pip
}

install() {
    pip_install="$python -m pip install --progress-bar off"
    case $part in
    demo) phase "Installing Podium and what the demo needs (a minute or two)" "$own/demo.log" \
        $pip_install -e '.[demo]' ;;
    test) phase "Installing what the tests need (a few minutes)" "$own/test.log" \
        $pip_install -e '.[demo]' --group test ;;
    docs) phase "Installing what the docs need" "$own/docs.log" \
        $pip_install -e . --group docs ;;
    *) fail "scripts/environment.sh knows demo, test and docs, not $part" ;;
    esac
}

is_usable || make_venv
mkdir -p "$own"
key=$(cat pyproject.toml setup.py src/podium/*/*.[ch] 2>/dev/null | cksum)
[ "$(cat "$own/$part" 2>/dev/null)" != "$key" ] || exit 0

[ "$part" = demo ] || renew_pip
install
# The tests' part holds the others.
[ "$part" != test ] || printf '%s\n' "$key" | tee "$own/demo" >"$own/docs"
printf '%s\n' "$key" >"$own/$part"
