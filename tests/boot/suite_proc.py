"""busybox's programs that read /proc: each as the first program, alone in the machine."""
import re

from harness import Case, Outcome, last_lines

# What is run, and what its lines must look like, in this order; each line of the pattern is one of the output.
PROGRAMS = {
    "ps -o pid,ppid,pgid,sid,stat,vsz,rss,comm,args": r"""
PID +PPID +PGID +SID +STAT +VSZ +RSS +COMMAND +COMMAND
 +1 +0 +1 +1 +R[s<]* +\d{3,} +\d{2,} +busybox +/bin/busybox ps -o pid,.*""",
    "top -b -n1": r"""
Mem: \d+K used, \d+K free, \d+K shrd, \d+K buff, \d+K cached
CPU: +\d+% usr +\d+% sys +\d+% nic +\d+% idle +\d+% io +\d+% irq +\d+% sirq
Load average: \d+\.\d\d \d+\.\d\d \d+\.\d\d 1/1 1
  PID  PPID USER +STAT +VSZ %VSZ %CPU COMMAND
    1 +0 \S+ +R +\d+ +\d+% +\d+% /bin/busybox top -b -n1""",
    "free": r"""
 +total +used +free +shared +buff/cache +available
Mem: +26\d{4} +\d+ +\d{6} +\d+ +\d+ +\d{6}
Swap: +0 +0 +0""",
    "uptime": r"""
 \d\d:\d\d:\d\d up 0 min, +\d users?, +load average: \d+\.\d\d, \d+\.\d\d, \d+\.\d\d""",
    "mount": r"""
rootfs on / type rootfs \(rw\)
proc on /proc type proc \(rw,relatime\)
sysfs on /sys type sysfs \(rw,relatime\)""",
    "cat /proc/self/maps": r"""
[0-9a-f]{8,}-[0-9a-f]{8,} r--p 00000000 00:01 \d+ +/bin/busybox
[0-9a-f]{8,}-[0-9a-f]{8,} r-xp [0-9a-f]{8} 00:01 \d+ +/bin/busybox
(?:.*\n)*.* rw-p 00000000 00:00 0 +\[heap\]
(?:.*\n)*.* rw-p 00000000 00:00 0 +\[stack\]""",
    "find /proc/self/ -name maps": r"""
/proc/self/task/1/maps
/proc/self/maps""",
    "ls -l /proc/self/fd/0": r"""
lrwx------ +1 \S+ +\S+ +64 .* /proc/self/fd/0 -> /dev/console""",
    "sysctl vm.max_map_count": r"""
vm\.max_map_count = 65530""",
    "pidof busybox": r"""
1""",
    "nproc": r"""
1""",
}


def runs(arguments, pattern):
    def run(env):
        result = env.boot(f"init=/bin/busybox -- {arguments}")
        output = "\n".join(line for line in result.lines() if not line.startswith("["))
        problem = result.failure
        if not problem and result.status != 0:
            problem = f"status {result.status}"
        if not problem and not re.search("^" + pattern.strip("\n") + "$", output, re.M):
            problem = "the output is not what it should be"
        return Outcome(0, 1, [problem] + last_lines(result, 24)) if problem else Outcome(1, 0)
    return run


def cases():
    return [Case(f"busybox {arguments}", runs(arguments, pattern)) for arguments, pattern in PROGRAMS.items()]
