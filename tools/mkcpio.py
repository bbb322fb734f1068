#!/usr/bin/env python3
"""Write a cpio archive in the "newc" form, the initramfs that Linux and Realign take.

usage: mkcpio.py ARCHIVE [--list FILE] MEMBER ...       FILE has more members, one a line; later ones win

    NAME=FILE       a file, or with a directory all that is in it, hidden files aside
    NAME=           an empty directory; NAME=:1777 with these rights
    NAME=@TARGET    a symbolic link
    NAME=c:5:1      a character device, its numbers

Directories are made as needed. Inodes are counted, times are zero, of a file's rights only "executable" counts: the
same files give the same bytes.
"""
import os
import sys

DIRECTORY = 0o040755
PROGRAM = 0o100755
FILE = 0o100644
LINK = 0o120777
DEVICE = 0o020600
TYPE = 0o170000
ALIGN = 4


def padded(data):
    return data + b"\0" * (-len(data) % ALIGN)


def record(inode, name, mode, data, device=(0, 0)):
    links = 2 if mode & TYPE == DIRECTORY & TYPE else 1
    raw = name.encode() + b"\0"
    fields = [inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(raw), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(head + raw) + padded(data)


def collect(name, what, found):
    """Add the member @name, or all that is in the directory @what, to @found: name -> what."""
    found[name] = what
    if os.path.isdir(what):
        for entry in os.listdir(what):
            if not entry.startswith("."):
                collect(f"{name}/{entry}", f"{what}/{entry}", found)


def parents(names):
    """Every directory on the way to one of @names."""
    for name in names:
        parts = name.split("/")
        yield from ("/".join(parts[:i]) for i in range(1, len(parts)))


def member(name, what):
    """(name, mode, data, device)"""
    kind, _, rest = what.partition(":")
    if not what or os.path.isdir(what):
        return name, DIRECTORY, b"", (0, 0)
    if not kind:
        return name, DIRECTORY & TYPE | int(rest, 8), b"", (0, 0)
    if what[0] == "@":
        return name, LINK, what[1:].encode(), (0, 0)
    if kind == "c" and rest:
        major, minor = rest.split(":")
        return name, DEVICE, b"", (int(major), int(minor))
    with open(what, "rb") as file:
        return name, PROGRAM if os.access(what, os.X_OK) else FILE, file.read(), (0, 0)


def archive(arguments):
    found = {}
    for argument in arguments:
        name, _, what = argument.partition("=")
        collect(name.strip("/"), what, found)
    for name in list(parents(found)):
        found.setdefault(name, "")
    members = [member(name, found[name]) for name in sorted(found)]
    blob = b"".join(record(i + 1, *m) for i, m in enumerate(members))
    return blob + record(0, "TRAILER!!!", 0, b"")


def main():
    arguments = sys.argv[2:]
    if arguments[:1] == ["--list"]:
        with open(arguments[1], encoding="utf-8") as file:
            arguments = file.read().split() + arguments[2:]
    blob = archive(arguments)
    with open(sys.argv[1], "wb") as file:
        file.write(blob)


if __name__ == "__main__":
    main()
