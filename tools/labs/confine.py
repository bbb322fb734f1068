"""Commands that may be hostile, or work on what is: without network, with nothing of this machine's files but
programs and a directory of their own, and with limits.

bubblewrap does it. Where it is missing or may not work (some containers forbid it), nothing is run, unless
CONFINE=weak is asked for: then limits of time, memory, output and processes stay, and with luck no network.
"""
import os
import resource
import shutil
import subprocess

GIB = 1 << 30
MEMORY = 4 * GIB        # of addresses, for each process
PROCESSES = 256
UIDS = 40000            # root runs them as one of the users from here on, since its processes are not counted


class Unavailable(Exception):
    """There is nothing to confine with."""


def works(command):
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Strong:
    """In bubblewrap: @directory is all that can be written, and /usr all that can be read with it."""

    name = "bubblewrap"

    def command(self, command, directory, seconds=60, file=64 << 20, memory=None):
        arguments = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
                     "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C", "--ro-bind", "/usr", "/usr", "--dev", "/dev"]
        for name in ("bin", "lib", "lib64", "lib32", "sbin"):
            if os.path.islink(f"/{name}"):
                arguments += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
            elif os.path.isdir(f"/{name}"):
                arguments += ["--ro-bind", f"/{name}", f"/{name}"]
        arguments += ["--tmpfs", "/tmp", "--bind", directory, directory, "--chdir", directory]
        return own_user(directory) + arguments + limits(seconds, file, memory) + command


class Weak:
    """Limits only, and no network where that can be had."""

    name = "limits only"

    def __init__(self):
        self.prefix = next((p for p in (["unshare", "-n"], ["unshare", "-rn"]) if works(p + ["true"])), [])

    def command(self, command, directory, seconds=60, file=64 << 20, memory=None):
        inside = ["setpriv", "--pdeathsig", "KILL", "env", "-i", "-C", directory, "PATH=/usr/bin:/bin", "LC_ALL=C"]
        return self.prefix + own_user(directory) + inside + limits(seconds, file, memory) + command


def own_user(directory):
    """For root: the words that make the command another user's, and the directory with it."""
    if os.getuid() != 0:
        return []
    uid = UIDS + os.getpid() % 20000
    for path in [directory] + [f"{at}/{name}" for at, names, files in os.walk(directory) for name in names + files]:
        os.chown(path, uid, uid, follow_symlinks=False)
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


def limits(seconds, file, memory):
    return ["prlimit", f"--cpu={seconds}", f"--fsize={file}", f"--nproc={PROCESSES}", "--core=0",
            f"--as={memory or resource.RLIM_INFINITY}"]


def choose():
    """What there is. Unavailable, in words that say what to do."""
    if os.environ.get("CONFINE") == "weak":
        return Weak()
    strong = Strong()
    if not shutil.which("bwrap"):
        raise Unavailable("bubblewrap is not installed (make setup); CONFINE=weak does without, with limits only")
    if not works(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]):
        raise Unavailable("bubblewrap may not make namespaces here, as in some containers: run on a machine, or in a "
                          "container, that allows it, or set CONFINE=weak for limits only")
    return strong
