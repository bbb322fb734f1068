#!/usr/bin/env python3
"""GDB with Realign's commands, on a machine that waits for it at --socket, or on one of its own.

A machine of its own is reached by a socket in a directory of its own, so any number of sessions run side by side; it
ends with GDB. What it says goes to this terminal, or to --serial.
"""
import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_SECONDS = 20
sys.path.insert(0, TOOLS)


def waits(path):
    """Does a machine listen there?"""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def start(args, path):
    """QEMU, stopped before its first instruction, in a session of its own: ^C is for GDB."""
    command = [sys.executable, f"{TOOLS}/qemu.py", "--kernel", args.kernel, "--initrd", args.initrd, "--memory",
               args.memory, "--append", f"norandmaps trace_ring=all {args.append}", "--gdb", path]
    out = open(args.serial, "wb") if args.serial else None
    machine = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdin=subprocess.DEVNULL, stdout=out,
                               stderr=out, start_new_session=True)
    wait_for(machine, path)
    return machine


def wait_for(machine, path):
    """Until QEMU listens at @path."""
    deadline = time.monotonic() + START_SECONDS
    while not os.path.exists(path):
        if machine.poll() is not None or time.monotonic() > deadline:
            sys.exit("session.py: QEMU did not start")
        time.sleep(0.02)


def debug(args, path):
    command = ["gdb", "-q", args.kernel, "-x", f"{TOOLS}/gdb/realign.py", "-ex", f"target remote {path}", *args.gdb]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(command, check=False, restore_signals=True,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", required=True)
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--append", default="")
    parser.add_argument("--socket", help="of a machine that may wait already")
    parser.add_argument("--serial", help="file for what the machine says")
    parser.add_argument("gdb", nargs="*", help="arguments for GDB, after --")
    args = parser.parse_args()
    if args.socket and waits(args.socket):
        sys.exit(debug(args, args.socket))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/gdb.socket"
        machine = start(args, path)
        try:
            status = debug(args, path)
        finally:
            machine.terminate()
            machine.wait()
    sys.exit(status)


if __name__ == "__main__":
    main()
