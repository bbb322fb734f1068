"""What programs must not do: the kernel ends them with a line that says why, stays whole, and loses no frame."""
from harness import Case, judge_end, qemu

SIGINT, SIGILL, SIGTRAP, SIGFPE, SIGSEGV = 2, 4, 5, 8, 11

# What user/crash.c does, the signal that it means, and what is said of it.
DEADLY = {
    "read-null": (SIGSEGV, "segfault at 0 "),
    "write-text": (SIGSEGV, "access not allowed"),
    "run-data": (SIGSEGV, "access not allowed"),
    "read-kernel": (SIGSEGV, "segfault at ffffffff80200000 "),
    "call-kernel": (SIGSEGV, "segfault at ffffffff80200000 "),
    "read-not-canonical": (SIGSEGV, "general protection"),
    "call-not-canonical": (SIGSEGV, "general protection"),
    "invalid-opcode": (SIGILL, "invalid opcode"),
    "divide": (SIGFPE, "division error"),
    "breakpoint": (SIGTRAP, "breakpoint"),
    "cli": (SIGSEGV, "general protection"),
    "in-port": (SIGSEGV, "general protection"),
    "int-14": (SIGSEGV, "general protection"),
    "int-80": (SIGSEGV, "general protection"),
    "load-segment": (SIGSEGV, "general protection"),
    "misaligned-sse": (SIGSEGV, "general protection"),
    "x87-error": (SIGFPE, "x87 floating-point error"),
    "stack-overflow": (SIGSEGV, "segfault at "),
    "bad-stack": (SIGSEGV, "segfault at ffffffff801ffff8 "),
    "single-step": (SIGTRAP, "debug exception"),
    "far-jump-32": (SIGSEGV, "general protection"),
    "far-jump-local": (SIGSEGV, "general protection"),
    "return-to-kernel": (SIGSEGV, "bad frame in rt_sigreturn"),
    "return-to-no-address": (SIGSEGV, "bad frame in rt_sigreturn"),
    "return-with-kernel-code": (SIGSEGV, "bad frame in rt_sigreturn"),
    "return-with-kernel-stack": (SIGSEGV, "bad frame in rt_sigreturn"),
    "return-with-reserved-mxcsr": (SIGSEGV, "bad frame in rt_sigreturn"),
    "return-with-bad-fpu": (SIGSEGV, "bad frame in rt_sigreturn"),
    "return-from-nowhere": (SIGSEGV, "bad frame in rt_sigreturn"),
    "handler-nowhere": (SIGSEGV, "a handler that cannot be called"),
    "handle-stack-overflow": (SIGSEGV, "segfault at "),
}

FINE = {
    "return-without-fpu": "fine: restored, system flags 0\n",
    "return-with-all-flags": "fine: restored, system flags 0\n",
    "call-without-stack": "fine: pid 1",
    "call-with-flags": "fine: uname 0, Reali",
    "exec-without-memory": "fine: uname 0, Reali",
    "call-keeps-registers": "fine: 1 2 3 8 9 10 12 13 14 15",
}

NEVER = ["PANIC", " lost\n", "errno "]

RAW = b"x" * 9999 + b"."


def boot(env, what, typed=()):
    return env.boot(f"init=/bin/crash check=1 -- {what}", timeout=20, memory="64M", typed=typed)


def deadly(what, signal, said):
    def run(env):
        status = 128 + signal
        texts = ["crash[1]: ", said, " free before init", f"power off, status {status}"]
        return judge_end(boot(env, what), min(status, qemu.STATUS_MAX), texts, NEVER)
    return Case(what, run)


def fine(what, said):
    return Case(what, lambda env: judge_end(boot(env, what), 0, [said, "power off, status 0"], NEVER))


def typed(name, what, keys, status, said):
    """@keys are typed while the program reads from the console."""
    def run(env):
        result = boot(env, what, typed=[("reading\n", keys)])
        return judge_end(result, min(status, qemu.STATUS_MAX), [said, f"power off, status {status}"], NEVER)
    return Case(name, run)


def cases():
    return [deadly(what, *expected) for what, expected in DEADLY.items()] + \
           [fine(what, said) for what, said in FINE.items()] + [
               typed("a line is typed", "read-console", b"hello\r", 0, "fine: read 6, hello"),
               typed("a corrected line is typed", "read-console", b"hellx\x7fo\r", 0, "fine: read 6, hello"),
               typed("^C is typed", "read-console", b"hello\x03", 128 + SIGINT, "killed by signal 2: typed on the console"),
               typed("much is typed, unedited", "read-console-raw", RAW, 0, f"fine: read {len(RAW)}\n"),
           ]
