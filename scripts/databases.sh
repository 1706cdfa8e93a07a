#!/bin/sh
# The databases of the tests: Debian's PostgreSQL and MariaDB, installed where root can do it.
#
#     sh scripts/databases.sh
#
# The tests start servers of their own; no service is started or enabled here. Where the servers
# can't be had, their tests skip themselves (in CI that is a failure).
set -eu

cd "$(dirname "$0")/.."
log=.venv/podium/databases.log

has() {
    for place in $(printf '%s' "$PATH" | tr : ' ') /usr/sbin /usr/local/bin /opt/homebrew/bin \
        /usr/lib/postgresql/*/bin; do
        [ ! -x "$place/$1" ] || return 0
    done
    return 1
}

missing=
has postgres || missing="$missing postgresql"
has mariadbd || missing="$missing mariadb-server"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed:$missing: the tests of these databases will be skipped."
    echo "To run them too, install them (Debian: sudo apt install$missing)."
    exit 0
fi

# Packages ask this before they start a service: not now. What was there before is put back.
policy=/usr/sbin/policy-rc.d
had=
[ ! -e "$policy" ] || { had=$policy.podium; mv "$policy" "$had"; }
put_back() { rm -f "$policy"; [ -z "$had" ] || mv "$had" "$policy"; }
trap put_back EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
mkdir -p .venv/podium

export DEBIAN_FRONTEND=noninteractive
printf 'Installing%s for the tests ... ' "$missing"
begun=$(date +%s)
# shellcheck disable=SC2086 # one word a package
if apt-get update >"$log" 2>&1 &&
    apt-get install --yes --no-install-recommends $missing >>"$log" 2>&1; then
    ! command -v systemctl >/dev/null ||
        systemctl disable mariadb postgresql >>"$log" 2>&1 || true
    printf '%s s\n' "$(($(date +%s) - begun))"
else
    printf 'failed: the tests of these databases will be skipped. The end of %s:\n\n' "$log"
    tail -n 10 "$log"
fi
