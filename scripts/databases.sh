#!/bin/sh
# The database servers of the tests that no Python package brings: MariaDB's, from Debian.
#
#     sh scripts/databases.sh
#
# These packages hold the bare programs, without a service: nothing is started, enabled, upgraded or
# removed, and a server that runs on this machine is left alone. Where they can't be had, their tests
# skip themselves (in CI that is a failure). PostgreSQL comes with the Python packages of the tests.
set -eu

cd "$(dirname "$0")/.."
log=.venv/podium/databases.log
packages="mariadb-server-core mariadb-client-core"

for place in $(printf '%s' "$PATH" | tr : ' ') /usr/sbin /usr/local/bin /opt/homebrew/bin; do
    [ ! -x "$place/mariadbd" ] || exit 0
done

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "MariaDB isn't installed: its tests will be skipped."
    echo "To run them too, install it (Debian: sudo apt install $packages)."
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
mkdir -p .venv/podium
printf 'Installing MariaDB for the tests ... '
begun=$(date +%s)
# shellcheck disable=SC2086 # one word a package
if apt-get update >"$log" 2>&1 &&
    apt-get install --yes --no-install-recommends --no-upgrade --no-remove $packages \
        >>"$log" 2>&1; then
    printf '%s s\n' "$(($(date +%s) - begun))"
else
    printf 'failed: its tests will be skipped. The end of %s:\n\n' "$log"
    tail -n 10 "$log"
fi
