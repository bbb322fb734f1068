#!/usr/bin/env python3
"""Write a cpio archive in the "newc" form, the initramfs that Linux and Realign take.

usage: mkcpio.py ARCHIVE NAME=FILE ...      NAME=DIRECTORY takes the files in it

Directories are made as needed. Inodes are counted and times are zero: the same files give the same bytes.
"""
import os
import sys

DIRECTORY = 0o040755
FILE = 0o100755
ALIGN = 4


def padded(data):
    return data + b"\0" * (-len(data) % ALIGN)


def record(inode, name, mode, data):
    links = 2 if mode == DIRECTORY else 1
    raw = name.encode() + b"\0"
    fields = [inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(raw), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(head + raw) + padded(data)


def files(arguments):
    """(name, path) of each file, sorted by name."""
    found = {}
    for argument in arguments:
        name, _, path = argument.partition("=")
        name = name.strip("/")
        if os.path.isdir(path):
            found.update((f"{name}/{entry}", f"{path}/{entry}") for entry in os.listdir(path))
        else:
            found[name] = path
    return sorted(found.items())


def directories(names):
    """Every directory on the way to one of @names, parents first."""
    result = set()
    for name in names:
        parts = name.split("/")[:-1]
        result.update("/".join(parts[: i + 1]) for i in range(len(parts)))
    return sorted(result)


def archive(arguments):
    members = files(arguments)
    entries = [(name, DIRECTORY, b"") for name in directories(name for name, _ in members)]
    for name, path in members:
        with open(path, "rb") as file:
            entries.append((name, FILE, file.read()))
    blob = b"".join(record(i + 1, *entry) for i, entry in enumerate(entries))
    return blob + record(0, "TRAILER!!!", 0, b"")


def main():
    with open(sys.argv[1], "wb") as file:
        file.write(archive(sys.argv[2:]))


main()
