#!/bin/sh
# The clients of other serving systems (scripts/clients.txt), for the tests that use them against
# Podium: in .venv/podium/clients, an environment of their own; and from npm, what writes types for
# TypeScript from the API's document: in .venv/podium/typescript.
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
packages="openapi-typescript@7.13.0 typescript@5.9.3"

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0

# The mark is in the folder, and written last: an installation that was interrupted is begun again.
python_clients() {
    rm -rf "$own/clients"
    .venv/bin/python -m venv "$own/clients" &&
        "$own/clients/bin/python" -m pip install --progress-bar off -r "$list" &&
        printf '%s\n' "$key" >"$own/clients/installed"
}

from_npm() {
    rm -rf "$own/typescript"
    # shellcheck disable=SC2086 # one word a package
    npm install --prefix "$own/typescript" --no-save --no-audit --no-fund --ignore-scripts $packages &&
        printf '%s\n' "$packages" >"$own/typescript/installed"
}

install() { # install NAME FUNCTION
    mkdir -p "$own"
    printf 'Installing %s for the tests ... ' "$1"
    begun=$(date +%s)
    if "$2" >"$log" 2>&1; then
        printf '%s s\n' "$(($(date +%s) - begun))"
    else
        printf 'failed: the tests that need them will be skipped. The end of %s:\n\n' "$log"
        grep -v '^ *WARNING: ' "$log" | tail -n 10
    fi
}

key=$(cat "$list" .venv/pyvenv.cfg | cksum)
if [ "$(cat "$own/clients/installed" 2>/dev/null)" != "$key" ]; then
    install "the clients of other systems (a minute or two)" python_clients
fi

if [ "$(cat "$own/typescript/installed" 2>/dev/null)" = "$packages" ]; then
    :
elif command -v npm >/dev/null; then
    install "TypeScript" from_npm
else
    echo "TypeScript: not installed, so the tests that need it will be skipped."
    echo "To run them too, install Node.js 20 or newer with npm, and run this again."
fi
