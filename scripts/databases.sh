#!/bin/sh
# What the tests of databases need and no Python package brings, from Debian: MariaDB's server, and a
# library for Microsoft's driver of SQL Server.
#
#     sh scripts/databases.sh
#
# These packages hold the bare programs, without a service: nothing is started, enabled, upgraded or
# removed, and a server that runs on this machine is left alone. Where they can't be had, their tests
# skip themselves (in CI that is a failure). PostgreSQL comes with the Python packages of the tests.
set -eu

cd "$(dirname "$0")/.."
log=.venv/podium/databases.log
packages="mariadb-server-core mariadb-client-core libltdl7"

for place in $(printf '%s' "$PATH" | tr : ' ') /usr/sbin /usr/local/bin /opt/homebrew/bin; do
    [ ! -x "$place/mariadbd" ] || packages=libltdl7
done
for place in /usr/lib/*-linux-gnu /usr/lib64 /usr/lib; do
    [ ! -e "$place/libltdl.so.7" ] || packages=${packages%libltdl7}
done
[ -n "$packages" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "$packages: not installed, so the tests that need it will be skipped."
    echo "To run them too, install it (Debian: sudo apt install $packages)."
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
mkdir -p .venv/podium
printf 'Installing %s for the tests ... ' "$packages"
begun=$(date +%s)
# shellcheck disable=SC2086 # one word a package
if apt-get update >"$log" 2>&1 &&
    apt-get install --yes --no-install-recommends --no-upgrade --no-remove $packages \
        >>"$log" 2>&1; then
    printf '%s s\n' "$(($(date +%s) - begun))"
else
    printf 'failed: the tests that need it will be skipped. The end of %s:\n\n' "$log"
    tail -n 10 "$log"
fi
