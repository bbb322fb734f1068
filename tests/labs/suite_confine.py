"""What runs confined cannot hurt this machine, learn of it, or speak to anyone."""
import os
import socket
import subprocess
import tempfile
import time

import confine


def run(world, script, seconds=30):
    """(status, output) of a shell script, confined. In a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="lab-") as directory:
        command = world.confined.command(["sh", "-c", script], directory, seconds=10)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as late:
            return None, (late.stdout or b"").decode("utf-8", "replace")
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def works(world):
    status, output = run(world, "echo fine > here && cat here")
    if (status, output) != (0, "fine\n"):
        return f"{status}: {output}"


def deletes_files(world):
    """Everything outside is as it was."""
    with tempfile.TemporaryDirectory(prefix="kept-") as kept:
        os.chmod(kept, 0o777)
        with open(f"{kept}/file", "w", encoding="utf-8") as file:
            file.write("kept")
        run(world, f"rm -rf {kept}/file {kept} /usr/bin/env {os.path.abspath('Makefile')}; echo x > {kept}/file")
        if not os.path.exists("/usr/bin/env") or not os.path.exists("Makefile"):
            return "files are gone"
        with open(f"{kept}/file", encoding="utf-8") as file:
            return None if file.read() == "kept" else "a file was changed"


def fork_bomb(world):
    begin = time.monotonic()
    run(world, "bomb() { bomb | bomb & }; bomb; sleep 5", seconds=20)
    time.sleep(0.5)
    left = subprocess.run(["pgrep", "-f", "bomb() [{] bomb"], capture_output=True, text=True, check=False).stdout.split()
    if left:
        return f"{len(left)} processes are left"
    if time.monotonic() - begin > 60:
        return "it took too long"


def large_file(world):
    status, _ = run(world, "head -c 1000000000 /dev/zero > large; stat -c %s large | grep -q ^67108864$")
    return None if status == 0 else "a file of 1 GB could be written"


def endless(world):
    begin = time.monotonic()
    run(world, "while :; do :; done", seconds=120)
    return None if time.monotonic() - begin < 100 else "no end"


def reads_users(world):
    status, output = run(world, "cat /etc/passwd /root/.profile /home/*/.profile")
    return None if status else output


def speaks(world):
    """A server of ours, to which nobody comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        status, _ = run(world, f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 5)'")
    return None if status else "it could connect"


CASES = [("a command runs", works), ("it deletes no file of ours", deletes_files),
         ("a fork bomb ends, with all of its processes", fork_bomb), ("no large file is written", large_file),
         ("an endless loop ends", endless), ("nobody's files are read", reads_users), ("there is no network", speaks)]


def cases(world):
    if not isinstance(world.confined, confine.Strong):
        return
    for name, case in CASES:
        yield f"confined: {name}", lambda case=case: case(world)
