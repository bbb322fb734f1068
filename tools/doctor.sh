#!/bin/sh
# Prints each tool that Realign uses, its version or that it is missing. Exit status 1 when one is missing.

missing=0

# tool, the command that prints its version
tool() {
    name=$1
    shift
    if command -v "$1" >/dev/null 2>&1; then
        printf '%-22s %s\n' "$name" "$("$@" 2>/dev/null | head -n 1)"
    else
        printf '%-22s MISSING\n' "$name"
        missing=1
    fi
}

# what for, files of which one must be there
file() {
    name=$1
    shift
    for path in "$@"; do
        if [ -e "$path" ]; then
            printf '%-22s %s\n' "$name" "$path"
            return
        fi
    done
    printf '%-22s MISSING (%s)\n' "$name" "$1"
    missing=1
}

tool gcc gcc --version
tool ld ld --version
tool make make --version
tool nasm nasm -v
tool musl-gcc musl-gcc -dumpfullversion
tool python3 python3 --version
tool qemu-system-x86_64 qemu-system-x86_64 --version
tool qemu-img qemu-img --version
tool grub-mkrescue grub-mkrescue --version
tool xorriso xorriso --version
tool mformat mformat --version
tool gdb gdb --version
tool clang clang --version
tool clang-format clang-format --version
tool wasm-ld wasm-ld --version
tool node node --version
tool npm npm --version
tool chromium chromium --version
file busybox /bin/busybox /usr/bin/busybox
file "GRUB for a BIOS" /usr/lib/grub/i386-pc/multiboot2.mod
file "GRUB for UEFI" /usr/lib/grub/x86_64-efi/multiboot2.mod
file "UEFI for QEMU" /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd
file cmocka /usr/include/cmocka.h
packages=$("$(dirname "$0")"/setup.sh --list 2>/dev/null | tr '\n' ' ')
[ -z "$packages" ] || echo "missing packages: $packages(make setup installs them)"
exit $missing
