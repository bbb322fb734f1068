#!/usr/bin/env python3
"""Write a cpio archive in the "newc" form, the initramfs that Linux and Realign take.

usage: mkcpio.py ARCHIVE NAME=FILE ...      NAME=DIRECTORY takes all that is in it, hidden files aside

Directories are made as needed. Inodes are counted, times are zero, of a file's rights only "executable" counts: the
same files give the same bytes.
"""
import os
import sys

DIRECTORY = 0o040755
PROGRAM = 0o100755
FILE = 0o100644
ALIGN = 4


def padded(data):
    return data + b"\0" * (-len(data) % ALIGN)


def record(inode, name, mode, data):
    links = 2 if mode == DIRECTORY else 1
    raw = name.encode() + b"\0"
    fields = [inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(raw), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(head + raw) + padded(data)


def collect(name, path, found):
    """Add @path, or all that is in it, to @found: name -> path."""
    found[name] = path
    if os.path.isdir(path):
        for entry in os.listdir(path):
            if not entry.startswith("."):
                collect(f"{name}/{entry}", f"{path}/{entry}", found)


def parents(names):
    """Every directory on the way to one of @names."""
    for name in names:
        parts = name.split("/")
        yield from ("/".join(parts[:i]) for i in range(1, len(parts)))


def member(name, path):
    """(name, mode, data); without a path it is a directory."""
    if not path or os.path.isdir(path):
        return name, DIRECTORY, b""
    with open(path, "rb") as file:
        return name, PROGRAM if os.access(path, os.X_OK) else FILE, file.read()


def archive(arguments):
    found = {}
    for argument in arguments:
        name, _, path = argument.partition("=")
        collect(name.strip("/"), path, found)
    for name in list(parents(found)):
        found.setdefault(name, None)
    members = [member(name, found[name]) for name in sorted(found)]
    blob = b"".join(record(i + 1, *m) for i, m in enumerate(members))
    return blob + record(0, "TRAILER!!!", 0, b"")


def main():
    with open(sys.argv[1], "wb") as file:
        file.write(archive(sys.argv[2:]))


if __name__ == "__main__":
    main()
