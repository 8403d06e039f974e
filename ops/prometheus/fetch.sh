#!/bin/sh
# Put Debian's prometheus and promtool into .tools/prometheus, for the tests: nothing is installed,
# nothing is started.  The package comes through apt, which checks whose it is.  What is in PATH or
# was fetched before is not fetched.
set -eu
cd "$(dirname "$0")/../.."

where=.tools/prometheus
if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
    exit 0
fi
if [ -x "$where/usr/bin/promtool" ] && [ -x "$where/usr/bin/prometheus" ]; then
    exit 0
fi
for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || {
        echo "prometheus: no $tool here: put prometheus and promtool (2.42 or later) into PATH" >&2
        exit 1
    }
done
down=$(mktemp -d)
trap 'rm -rf "$down"' EXIT
echo "prometheus: fetching Debian's package into $where"
# As root apt drops to a user of its own, which must be able to write here.
chmod 755 "$down"
[ "$(id -u)" != 0 ] || chown _apt "$down" 2>/dev/null || true
# Where the network swallows everything, nobody shall wait for it long.
apt() { timeout 120 apt-get -q -o Acquire::Retries=0 -o Acquire::http::Timeout=10 "$@"; }
fetch() { (cd "$down" && apt download prometheus) >"$down/log" 2>&1; }
fetch || { { apt update || true; } >/dev/null 2>&1 && fetch; } || {
    echo "prometheus: apt-get download prometheus fails:" >&2
    cat "$down/log" >&2
    exit 1
}
mkdir -p "$where"
dpkg-deb -x "$down"/prometheus_*.deb "$where"
"$where/usr/bin/promtool" --version | head -n 1
