#!/bin/sh
# The clients of other serving systems (scripts/clients.txt), for the tests that use them against
# Podium: in .venv/podium/clients, an environment of their own.
#
#     sh scripts/clients.sh
#
# Where it is there already, and the list hasn't changed since, it ends within milliseconds and needs no
# network. Where they can't be had, their tests skip themselves (in CI that is a failure).
set -eu

cd "$(dirname "$0")/.."
own=.venv/podium
list=scripts/clients.txt
log=$own/clients.log

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0

# The mark is in the folder, and written last: an installation that was interrupted is begun again.
key=$(cat "$list" .venv/pyvenv.cfg | cksum)
[ "$(cat "$own/clients/installed" 2>/dev/null)" != "$key" ] || exit 0

install() {
    rm -rf "$own/clients"
    .venv/bin/python -m venv "$own/clients" &&
        "$own/clients/bin/python" -m pip install --progress-bar off -r "$list"
}

mkdir -p "$own"
printf 'Installing the clients of other systems for the tests (a minute or two) ... '
begun=$(date +%s)
if install >"$log" 2>&1; then
    printf '%s\n' "$key" >"$own/clients/installed"
    printf '%s s\n' "$(($(date +%s) - begun))"
else
    printf 'failed: the tests that need them will be skipped. The end of %s:\n\n' "$log"
    grep -v '^ *WARNING: ' "$log" | tail -n 10
fi
