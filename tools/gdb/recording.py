#!/usr/bin/env python3
"""GDB on a recording: runs a program on a machine that records, then debugs what was recorded, forwards and backwards.

A recording is all that QEMU needs to run the machine a second time, instruction for instruction: what came from
outside, and when. It ends when the machine switches off, at --seconds, or at ^C. It lies in a directory of its own
below --recordings and is removed with the session, unless --keep.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import session  # noqa: E402  (finds tools/)
import qemu  # noqa: E402

ALWAYS = "norandmaps seed=1 trace_ring=all"
SNAPSHOTS = "64G"       # the size that the file of snapshots may come to, not what it takes
PATIENCE_SECONDS = 20


def command_line(program):
    """The kernel's options for "NAME ARGUMENT...", NAME being a path or a file of /bin."""
    name, _, arguments = program.strip().partition(" ")
    return f"init={name if name.startswith('/') else '/bin/' + name}" + (f" -- {arguments}" if arguments else "")


def check_program(args):
    """Before anything is recorded: is there such a program? A name in an archive stands behind no slash, and ends with 0."""
    path = command_line(args.program).split(" ")[0].removeprefix("init=")
    with open(args.initrd, "rb") as file:
        if f"{path[1:]}\0".encode() not in file.read():
            sys.exit(f"recording.py: no {path} in the initramfs; PROG is one of its programs: make shell, ls /bin")


def machine_command(args, directory, mode, extra):
    """QEMU that records or replays. Its reverse steps never end with the APIC's vapic, nor without a first snapshot."""
    rules = f"shift=auto,rr={mode},rrfile={directory}/rr.bin,rrsnapshot=init"
    boot = qemu.Boot(kernel=args.kernel, initrd=args.initrd, memory=args.memory,
                     append=f"{ALWAYS} {args.append} {command_line(args.program)}",
                     extra=["-global", "apic-common.vapic=off", "-icount", rules,
                            "-drive", f"file={directory}/rr.qcow2,if=none,id=rr", *extra])
    return ["timeout", "--kill-after=5", str(qemu.DAY), *qemu.command(boot, directory)]


def start(command, **streams):
    """In a session of its own: ^C is for this program, or for GDB."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdin=subprocess.DEVNULL,
                            start_new_session=True, **streams)


def end(process):
    """QEMU that waits for an event which does not come heeds SIGKILL alone."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Monitor:
    """QEMU's, on its socket."""

    def __init__(self, path):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(path)
        self.file = connection.makefile("rw")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command):
        self.file.write(json.dumps({"execute": command}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "event" not in answer:
                return answer["return"]


def stop_recording(path):
    """End the machine whose monitor is at @path. At which instruction it was."""
    monitor = Monitor(path)
    monitor.ask("stop")
    instruction = monitor.ask("query-replay")["icount"]
    monitor.ask("quit")
    return instruction


def record(args, directory):
    """The instruction at which the recording ends; 0: where the machine switches off."""
    monitor = f"{directory}/monitor.socket"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", f"{directory}/rr.qcow2", SNAPSHOTS], check=True)
    machine = start(machine_command(args, directory, "record", ["-qmp", f"unix:{monitor},server=on,wait=off"]))
    try:
        code = machine.wait(args.seconds)
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as why:
        instruction = stop_recording(monitor)
        machine.wait(PATIENCE_SECONDS)
        print(f"\nrecorded until {'^C' if isinstance(why, KeyboardInterrupt) else f'{args.seconds:g} s had passed'}", flush=True)
        return instruction
    finally:
        end(machine)
    if code == 0 or not code & 1:
        sys.exit(f"recording.py: QEMU ended with code {code}: a triple fault, or it did not start")
    status = (code >> 1) - qemu.EXIT_BASE
    print("\nrecorded; the machine " + (f"switched off with status {status}" if code >> 1 != qemu.EXIT_PANICKED else "panicked"),
          flush=True)
    return 0


def replay(args, directory, instruction):
    """GDB on the recording. Its exit status."""
    path = f"{directory}/gdb.socket"
    out = open(args.serial, "wb") if args.serial else subprocess.DEVNULL
    machine = start(machine_command(args, directory, "replay",
                                    ["-no-shutdown", "-S", "-chardev", f"socket,path={path},server=on,wait=off,id=gdb",
                                     "-gdb", "chardev:gdb"]), stdout=out)
    try:
        session.wait_for(machine, path)
        args.gdb = ["-ex", f"python back.opened({instruction})", *args.gdb]
        return session.debug(args, path)
    finally:
        end(machine)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", required=True)
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--append", default="", help="options of the kernel")
    parser.add_argument("--program", default="demo", help="a file of the initramfs, and its arguments")
    parser.add_argument("--seconds", type=float, default=60, help="how long to record at most")
    parser.add_argument("--recordings", default="build")
    parser.add_argument("--keep", action="store_true", help="leave the recording where it is")
    parser.add_argument("--serial", help="file for what the machine says when it is replayed")
    parser.add_argument("gdb", nargs="*", help="arguments for GDB, after --")
    args = parser.parse_args()
    qemu.exit_on_signals()
    check_program(args)
    os.makedirs(args.recordings, exist_ok=True)
    directory = tempfile.mkdtemp(prefix="recording-", dir=args.recordings)
    try:
        status = replay(args, directory, record(args, directory))
    finally:
        if not args.keep:
            shutil.rmtree(directory)
    sys.exit(status)


if __name__ == "__main__":
    main()
