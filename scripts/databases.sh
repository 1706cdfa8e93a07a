#!/bin/sh
# What the tests of databases and engines need and no Python package brings: MariaDB's server, a library
# for Microsoft's driver of SQL Server and the Java in which Spark runs, from Debian; and dynalite, which
# speaks DynamoDB's protocol, from npm.
#
#     sh scripts/databases.sh
#
# Debian's packages hold the bare programs, without a service: nothing is started, enabled, upgraded or
# removed, and a server that runs on this machine is left alone. npm's go into .venv. Where they can't
# be had, their tests skip themselves (in CI that is a failure). PostgreSQL and the other servers come
# with the Python packages of the tests.
set -eu

cd "$(dirname "$0")/.."
own=.venv/podium
log=$own/databases.log
packages=''
dynalite=dynalite@4.0.0

# Runs an installation: its name is shown, then how long it took; its output only if it fails.
install() { # install NAME COMMAND...
    name=$1
    shift
    mkdir -p "$own"
    printf 'Installing %s for the tests ... ' "$name"
    begun=$(date +%s)
    if "$@" >"$log" 2>&1; then
        printf '%s s\n' "$(($(date +%s) - begun))"
    else
        printf 'failed: the tests that need it will be skipped. The end of %s:\n\n' "$log"
        tail -n 10 "$log"
    fi
}

from_debian() {
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # one word a package
    apt-get update && apt-get install --yes --no-install-recommends --no-upgrade --no-remove $packages
}

from_npm() {
    npm install --prefix "$own/dynalite" --no-save --no-audit --no-fund --ignore-scripts "$dynalite"
}

is_somewhere() { # is_somewhere NAME FOLDER...
    name=$1
    shift
    for place in "$@"; do
        [ ! -e "$place/$name" ] || return 0
    done
    return 1
}

# shellcheck disable=SC2046 # one word a folder
is_program() { # is_program NAME
    is_somewhere "$1" $(printf '%s' "$PATH" | tr : ' ') /usr/sbin /usr/local/bin /opt/homebrew/bin
}

is_program mariadbd || packages="mariadb-server-core mariadb-client-core"
is_somewhere libltdl.so.7 /usr/lib/*-linux-gnu /usr/lib64 /usr/lib || packages="$packages libltdl7"
is_program java || packages="$packages default-jre-headless"
packages=${packages# }

if [ -z "$packages" ]; then
    :
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install "$packages" from_debian
else
    echo "$packages: not installed, so the tests that need it will be skipped."
    echo "To run them too, install it (Debian: sudo apt install $packages)."
fi

if [ -d "$own/dynalite/node_modules/dynalite" ]; then
    :
elif command -v npm >/dev/null; then
    install dynalite from_npm
else
    echo "dynalite: not installed, so the tests that need it will be skipped."
    echo "To run them too, install Node.js 20 or newer with npm, and run this again."
fi
