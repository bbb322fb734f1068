#!/bin/sh
# Fetches the distribution's own Linux, to look at beside Realign: the package is downloaded and unpacked, not installed.
#
#   fetch_linux.sh DIRECTORY [SUITE]    leaves the kernel in DIRECTORY/vmlinuz and its release in DIRECTORY/release
#
# SUITE is one of Debian's, such as trixie, in place of this machine's own; what apt learns of it stays in DIRECTORY/apt.

set -eu

# Packages that depend on the current kernel's package: the small ones for virtual machines first; Debian's, Ubuntu's.
METAPACKAGES='linux-image-cloud-amd64 linux-image-amd64 linux-image-virtual linux-image-generic'

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

options=    # of apt; words

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# The name of the package with the kernel in it; nothing where there is none.
find_package() {
    for package in $METAPACKAGES; do
        found=$(apt-cache $options depends "$package" 2>/dev/null |
                sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
        if [ -n "$found" ]; then
            echo "$found"
            return
        fi
    done
}

# From here on, apt knows @1 of Debian's suites and no other, and keeps its lists in @2.
use_suite() {
    mkdir -p "$2/lists/partial" "$2/cache/archives/partial"
    echo "deb [signed-by=$KEYRING] http://deb.debian.org/debian $1 main" >"$2/sources.list"
    options="-o Dir::Etc::sourcelist=$2/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$2/lists
             -o Dir::Cache=$2/cache -o Acquire::Languages=none"
}

fail() {
    echo "fetch_linux: $1" >&2
    exit 1
}

[ $# = 1 ] || [ $# = 2 ] || fail "usage: fetch_linux.sh DIRECTORY [SUITE]"
command -v apt-get >/dev/null || fail "not a Debian or Ubuntu system, no package of Linux to fetch"
mkdir -p "$1"
cd "$1"
[ $# = 1 ] || use_suite "$2" "$PWD/apt"
package=$(find_package)
if [ -z "$package" ] || ! apt-get $options download -qq "$package" 2>download.log; then
    echo "fetch_linux: apt-get update"
    as_root apt-get $options update -qq || fail "apt-get update failed"
    package=$(find_package)
    [ -n "$package" ] || fail "this release has none of: $METAPACKAGES"
    apt-get $options download -qq "$package" 2>download.log || fail "$package: $(tail -n 1 download.log)"
fi
echo "fetch_linux: $package"
rm -rf unpacked
dpkg-deb -x "$package"_*.deb unpacked
image=$(ls unpacked/boot/vmlinuz-*)
echo "${image##*/vmlinuz-}" >release
mv "$image" vmlinuz
rm -rf unpacked "$package"_*.deb download.log
