#!/usr/bin/python3
"""A session in the shell of the initramfs, typed by pexpect. TAP.

shell_session.py --kernel FILE --initrd FILE [--linux] [--append OPTIONS]

On Realign and, with the same expectations, on Linux. A command is followed by `echo` of its status between two marks,
which end what belongs to it.
"""
import argparse
import hashlib
import os
import re
import sys
import time

import pexpect

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
CTRL_C, CTRL_D, CTRL_Z = "\x03", "\x04", "\x1a"
PROMPT = re.escape("~ # ")
END = "[\\r\\n]+"   # of a line: QEMU's terminal adds to what the guest sends
LIMIT = 30          # seconds that a command may take, unless it says otherwise
BOOT_LIMIT = 90


class Shell:
    """The machine with its shell; run() types a command and returns (status, output)."""

    def __init__(self, args, limit=LIMIT):
        command = [sys.executable, f"{ROOT}/tools/qemu.py", "--kernel", args.kernel, "--initrd", args.initrd, "--shell"]
        command += ["--linux", "--memory", "512M"] if args.linux else ["--append", f"init=/sbin/init loglevel=warn {args.append}"]
        self.limit = limit
        self.lost = False
        self.console = pexpect.spawn(command[0], command[1:], encoding="utf-8", codec_errors="replace", timeout=limit,
                                     dimensions=(24, 80))
        self.console.delaybeforesend = None
        self.console.expect(PROMPT, timeout=BOOT_LIMIT)
        self.greeting = self.console.before

    def type(self, text):
        self.console.send(text)

    def run(self, command, limit=None):
        self.type(f"{command}; echo \"<<$?>>\"\r")
        return self.result(limit)

    def result(self, limit=None):
        """(status, output) of what was typed."""
        self.console.expect(r"<<(\d+)>>" + END, timeout=limit or self.limit)
        status, output = int(self.console.match.group(1)), self.console.before
        self.console.expect(PROMPT)
        return status, output.replace("\r", "")

    def end(self, text):
        """Type @text, which is to be the end: QEMU's exit status, and what was said."""
        self.type(text)
        self.console.expect(pexpect.EOF)
        self.console.close()
        return self.console.exitstatus, self.console.before

    def close(self):
        if self.console.isalive():
            self.console.terminate(force=True)


class Failure(Exception):
    pass


def must(condition, words):
    if not condition:
        raise Failure(words)


def says(command, pattern, status=0, limit=None):
    """A case: @command prints what @pattern, several lines of it, matches, and ends with @status."""
    def case(shell):
        seen, output = shell.run(command, limit)
        must(re.search(pattern, output, re.M), f"said: {output}")
        must(seen == status, f"status {seen}, expected {status}; said: {output}")
    return command, case


def greeting(shell):
    must("busybox's shell" in shell.greeting, f"said: {shell.greeting}")


def interrupted(command, key, status, words=""):
    """A command that only a key ends. Typed before the key is waited for: the line is echoed first."""
    def case(shell):
        shell.type(command + "\r")
        shell.console.expect(re.escape(command) + END)
        time.sleep(0.5)
        shell.type(key)
        shell.console.expect(PROMPT)
        must(words in shell.console.before, f"said: {shell.console.before}")
        seen, _ = shell.run("(exit $?)")
        must(seen == status, f"status {seen}, expected {status}")
    return f"^{chr(ord(key) + 64)}: {command}", case


def end_of_input(shell):
    shell.type("cat > /tmp/typed\rone\rtwo\r")
    time.sleep(0.3)
    shell.type(CTRL_D)
    shell.console.expect(PROMPT)
    seen, output = shell.run("cat /tmp/typed")
    must(seen == 0 and "one\ntwo\n" in output, f"status {seen}; said: {output}")


def line_editing(shell):
    """Erase, kill, arrows: the shell's own editing in raw mode."""
    shell.type("echo wrong\x15ecko\x7f\x7fho a fine\x1b[D\x1b[D\x1b[D\x1b[D\x7f=\x05")
    seen, output = shell.run("")
    must(seen == 0 and re.search("^a=fine$", output, re.M), f"said: {output}")


def job_control(shell):
    shell.type("sleep 100\r")
    shell.console.expect("sleep 100" + END)
    time.sleep(0.5)
    shell.type(CTRL_Z)
    shell.console.expect("Stopped")
    shell.console.expect(PROMPT)
    must("Stopped" in shell.run("jobs")[1], "not listed as stopped")
    shell.run("bg")
    must("Running" in shell.run("jobs")[1], "not listed as running")
    shell.type("fg\r")
    shell.console.expect("sleep 100" + END)
    time.sleep(0.5)
    shell.type(CTRL_C)
    shell.console.expect(PROMPT)
    must("sleep" not in shell.run("jobs")[1].replace("jobs", ""), "not ended")


def background_read(shell):
    """It stops, and reads on in the foreground."""
    _, output = shell.run("head -n 1 & sleep 0.5; jobs")
    must("Stopped (tty input)" in output, f"said: {output}")
    shell.type("fg\r")
    shell.console.expect("head -n 1" + END)
    time.sleep(0.3)
    shell.type("typed\r")
    shell.console.expect(f"typed{END}typed{END}")
    shell.console.expect(PROMPT)


def background_write(shell):
    """With tostop it stops; else it just writes."""
    _, output = shell.run("stty tostop; (echo late) & sleep 0.5; jobs; stty -tostop")
    must("Stopped (tty output)" in output and "\nlate" not in output, f"said: {output}")
    shell.type("fg\r")
    shell.console.expect(END + "late" + END)
    shell.console.expect(PROMPT)
    _, output = shell.run("(echo now) & sleep 0.5; jobs")
    must(re.search("^now$", output, re.M), f"said: {output}")


def takes_time(shell):
    start = time.monotonic()
    seen, _ = shell.run("sleep 2")
    took = time.monotonic() - start
    must(seen == 0 and 1.8 < took < 8, f"status {seen} after {took:.1f} s")


def background(shell):
    """The shell goes on while the job runs."""
    start = time.monotonic()
    shell.run("sleep 3 & echo started")
    must(time.monotonic() - start < 2, "the shell waited for the job")
    seen, _ = shell.run("wait $!")
    must(seen == 0 and time.monotonic() - start > 2.5, "the job was not waited for")


def orphans(shell):
    """Init reaps those whose parent has ended."""
    shell.run("(sleep 0.2 & sleep 0.1 & true)")
    time.sleep(1)
    seen, output = shell.run("ps -o stat,comm")
    must(seen == 0 and not re.search("^Z", output, re.M), f"zombies: {output}")
    must(not re.search(r"\bsleep$", output, re.M), f"left: {output}")


def same_file(shell):
    """A file of the initramfs, read through a pipe, has the bytes that were put in."""
    with open(shell.busybox, "rb") as file:
        expected = hashlib.md5(file.read()).hexdigest()
    seen, output = shell.run("cat /bin/busybox | md5sum")
    must(seen == 0 and expected in output, f"said: {output}; the file: {expected}")


def mremap_test(shell):
    seen, output = shell.run("mremap_test", 180)
    counts = re.search(r"^(\d+) passed, (\d+) failed", output, re.M)
    must(counts and int(counts.group(1)) > 60, output[-500:])
    failed = "\n".join(line for line in output.split("\n") if line.startswith(("not ok", "#")))
    must(shell.linux or (seen == 0 and counts.group(2) == "0"), f"status {seen}; {counts.group(0)}\n{failed}")


CASES = [
    ("the greeting", greeting),
    says("ls -1 /", r"^bin\n(.*\n)*dev\netc\n(.*\n)*proc\n(.*\n)*tmp$"),
    says("ls -l /bin/ls", r"^l.* /bin/ls -> /bin/busybox$"),
    says("cat /proc/self/maps", r" r-xp .* /bin/busybox$[\s\S]*\[heap\]$[\s\S]* rw-p .*\[stack\]$"),
    says("cat /proc/self/maps | grep -c stack", r"^1$"),
    says("echo one two three | wc -w", r"^3$"),
    says("yes | head -n 1000 | sort | uniq -c", r"^ *1000 y$"),
    says("tar c /etc 2>/dev/null | gzip | gunzip | tar t", r"^etc/passwd$"),
    ("a file's bytes", same_file),
    says("ps", r"^ *1 .*init$[\s\S]* -sh$[\s\S]*\bps\b"),
    says("true", r"", 0),
    says("false", r"", 1),
    says("sh -c 'exit 42'", r"", 42),
    says("sh -c 'kill -9 $$'", r"Killed", 137),
    says("sh -c 'kill -SEGV $$'", r"Segmentation fault", 139),
    says("no_such_command", r"not found", 127),
    says("/etc/passwd", r"Permission denied", 126),
    says("echo a > /tmp/f; echo b >> /tmp/f; cat < /tmp/f; wc -l /tmp/f", r"^a\nb\n2 /tmp/f$"),
    says("ls /nothing 2> /tmp/e > /dev/null; cat /tmp/e", r"/nothing: No such file"),
    says("cat <<X\nfirst\nX\n true", r"first"),
    says("cd /tmp && mkdir -p d/e && mv f d/e/g && find d && rm -r d; cd", r"^d\nd/e\nd/e/g$"),
    says("ln -s /etc/passwd /tmp/l && cat /tmp/l && rm /tmp/l", r"^root:"),
    says("printf '#!/bin/sh\\necho \"$0:$1\"\\n' > /tmp/s; chmod +x /tmp/s; /tmp/s word", r"^/tmp/s:word$"),
    says("i=0; while [ $i -lt 200 ]; do i=$((i+1)); /bin/true; done; echo $i", r"^200$"),
    says("x=$(seq 1 1000 | awk '{s += $1} END {print s}'); echo sum $x", r"^sum 500500$"),
    says("dyn_demo_dyn a b", r"argument 2: b[\s\S]* /lib/ld-musl-x86_64.so.1$"),
    says("dyn_demo_glibc_dyn", r" /lib/x86_64-linux-gnu/libc.so.6$[\s\S]* /lib64/ld-linux-x86-64.so.2$"),
    says("trap 'echo got it' USR1; kill -USR1 $$; trap - USR1", r"^got it$"),
    ("sleep 2", takes_time),
    ("sleep 3 &", background),
    says("sleep 100 & sleep 0.5; kill $!; wait $!", r"", 143),
    ("orphans are reaped", orphans),
    interrupted("sleep 100", CTRL_C, 130),
    interrupted("while true; do true; done", CTRL_C, 130),
    interrupted("yes > /dev/null", CTRL_C, 130),
    interrupted("cat | cat", CTRL_C, 130),
    interrupted("sleep 100", "\x1c", 131, "Quit"),
    ("^Z, bg, fg, ^C", job_control),
    ("a job in the background reads", background_read),
    ("a job in the background writes", background_write),
    says("sh -c 'kill -STOP $$; echo went on' & sleep 0.5; kill -CONT $!; sleep 0.5", r"^went on$"),
    ("^D", end_of_input),
    ("line editing", line_editing),
    says("stty -a", r"^speed \d+ baud[\s\S]*^intr = \^C; quit = \^"),
    says("mount", r"^proc on /proc type proc"),
    says("uname -sm", r"^(Realign|Linux) x86_64$"),
    says("free", r"^Mem: +\d+"),
    says("uptime", r"load average"),
    ("mremap_test", mremap_test),
]


def report(number, name, problem):
    print(f"{'not ok' if problem else 'ok'} {number} - {name}".replace("\n", " "))
    if problem:
        print("\n".join("# " + line for line in problem.strip().split("\n")))
    sys.stdout.flush()
    return not problem


def attempt(case, *args):
    """Why @case failed, or None."""
    try:
        case(*args)
    except Failure as failure:
        return str(failure) or "failed"
    except (pexpect.TIMEOUT, pexpect.EOF) as error:
        return f"{type(error).__name__}, not what was waited for"
    return None


def attempt_in(shell, case):
    """The same in @shell, which is brought back to its prompt; or shell.lost."""
    problem = attempt(case, shell)
    if problem and "not what was waited for" in problem:
        problem += "; the last words:\n" + repr(shell.console.buffer[-500:])
        shell.type(CTRL_C + "\recho in\"\"sync\r")
        if attempt(lambda: shell.console.expect(f"insync{END}.*{PROMPT}", timeout=10)):
            shell.lost = True
    return problem


def ends(args, text, status):
    """A session that @text ends, with QEMU's exit @status."""
    def case():
        shell = Shell(args)
        try:
            seen, said = shell.end(text)
            must(seen == status, f"status {seen}, expected {status}; said: {said}")
        finally:
            shell.close()
    return case


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", required=True)
    parser.add_argument("--busybox", default="/bin/busybox", help="the file that is in the initramfs")
    parser.add_argument("--linux", action="store_true")
    parser.add_argument("--append", default="", help="more options for Realign")
    parser.add_argument("--only", default="", help="cases with this in their name")
    return parser.parse_args()


def main():
    args = parse_arguments()
    cases = [case for case in CASES if args.only in case[0]]
    number = good = 0
    shell = Shell(args)
    shell.linux, shell.busybox = args.linux, args.busybox
    try:
        for name, case in cases:
            number += 1
            good += report(number, name, attempt_in(shell, case))
            if shell.lost:
                print("Bail out! the shell does not answer any more")
                break
    finally:
        shell.close()
    for text, status in (("poweroff\r", 0), ("poweroff -f\r", 0), ("exit\r", 0), (CTRL_D, 0)):
        name = f"the end by {text.strip() if text != CTRL_D else '^D'}"
        if args.only in name:
            number += 1
            good += report(number, name, attempt(ends(args, text, status)))
    print(f"1..{number}")
    print(f"{good} passed, {number - good} failed")
    sys.exit(0 if number and good == number else 1)


if __name__ == "__main__":
    main()
