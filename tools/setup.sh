#!/bin/sh
# Installs what building and testing need and this machine lacks, from the distribution's packages (Debian, Ubuntu).
# Says what it does; does nothing when all is there.
#
#   setup.sh            install what is missing
#   setup.sh --list     print the packages that are missing, and do nothing

set -eu

# Packages that this release does not have, so that they are not looked for each time.
UNAVAILABLE=$(dirname "$0")/../build/unavailable-packages

# One line each: the package (or names that releases give it, newest first), then what it is for.
PACKAGES='
gcc                 compiles the kernel and the host tests
libc6-dev           the C library of the host tests
binutils            links
make                builds
nasm                assembles
musl-tools          the C library of the user programs
busybox-static      the shell in the initramfs
python3             tools
python3-pexpect     types into the shell for a test
qemu-system-x86     runs the kernel
qemu-utils          disk images for reverse debugging
grub-common         makes the ISO
grub-pc-bin         boots it under a BIOS
grub-efi-amd64-bin  boots it under UEFI
ovmf                UEFI for QEMU
xorriso             makes the ISO
mtools              makes the ISO
cpio                a second opinion on our archives
gdb                 debugs the kernel
libcmocka-dev       host tests
gcovr               reads the counters of make coverage
clang               fuzzing
libclang-rt-dev|libclang-rt-19-dev|libclang-rt-18-dev|libclang-rt-14-dev|libclang-common-14-dev  fuzzing
bubblewrap          confines what students hand in
parallel            grades many submissions
rsync               takes them to other machines
python3-junitparser writes JUnit files of grades
python3-jsonschema  checks its results.json
python3-tomli       reads the labs where Python cannot
clang-format        the format check
lld                 links mm/ for WebAssembly
nodejs              bundles the pages (some 10 MB to download)
npm                 fetches what they are made with (some 35 MB; then 40 MB of packages)
chromium            opens them in the tests (some 120 MB)
'

names() {
    echo "$PACKAGES" | while read -r name _; do
        [ -z "$name" ] || echo "$name"
    done
}

# Since the names of one line stand for the same thing, one installed is enough.
installed() {
    # The distribution's npm does not go with another nodejs, which brings its own.
    [ "$1" != npm ] || ! command -v npm >/dev/null || return 0
    for name in $(echo "$1" | tr '|' ' '); do
        case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true) in
        installed) return 0 ;;
        esac
    done
    return 1
}

missing() {
    for line in $(names); do
        installed "$line" || grep -qxF "$line" "$UNAVAILABLE" 2>/dev/null || echo "$line"
    done
}

# The first of a line's names that this release has; nothing, with a word, where it has none.
available() {
    for name in $(echo "$1" | tr '|' ' '); do
        if apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]'; then
            echo "$name"
            return
        fi
    done
    echo "setup: this release has no package $1, going on without it" >&2
    mkdir -p "$(dirname "$UNAVAILABLE")"
    echo "$1" >>"$UNAVAILABLE"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup: not root, and no sudo to become root with" >&2
        exit 1
    fi
}

if ! command -v dpkg-query >/dev/null; then
    echo "setup: not a Debian or Ubuntu system; please install: $(names | tr '\n' ' ')" >&2
    [ "${1:-}" != --list ] || exit 1
    exit 0
fi

wanted=$(missing)
if [ "${1:-}" = --list ]; then
    [ -z "$wanted" ] || echo "$wanted"
    exit 0
fi
[ -n "$wanted" ] || exit 0

echo "setup: missing: $(echo "$wanted" | tr '\n' ' ')"
echo "setup: apt-get update"
as_root apt-get update -qq
chosen=$(for line in $wanted; do available "$line"; done)
[ -n "$chosen" ] || exit 0
echo "setup: apt-get install $(echo "$chosen" | tr '\n' ' ')"
# shellcheck disable=SC2086
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $chosen </dev/null
echo "setup: done"
