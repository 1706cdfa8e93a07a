#!/bin/sh
# The browser of the browser tests and of the documentation's pictures: Debian's Chromium, installed
# where root can do it.
#
#     sh scripts/browser.sh
#
# Where it can't, the browser tests skip themselves (in CI that is a failure).
set -eu

cd "$(dirname "$0")/.."
log=.venv/podium/browser.log

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    ! command -v "$name" >/dev/null || exit 0
done
[ ! -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "No Chromium or Chrome is installed: the browser tests will be skipped."
    echo "To run them too, install it (Debian: sudo apt install chromium)."
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
printf 'Installing Chromium for the browser tests ... '
begun=$(date +%s)
if apt-get update >"$log" 2>&1 &&
    apt-get install --yes --no-install-recommends --no-upgrade --no-remove \
        chromium fonts-liberation >>"$log" 2>&1; then
    printf '%s s\n' "$(($(date +%s) - begun))"
else
    printf 'failed: the browser tests will be skipped. The end of %s:\n\n' "$log"
    tail -n 10 "$log"
fi
