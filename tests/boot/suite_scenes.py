"""The scenes of user/scenes/ on the kernel: its trace tells the steps of tests/golden/scenes/, as the host's does and
WebAssembly's (tests/web/suite_golden.mjs). The second serial port tells them too, as JSON."""
import difflib
import glob
import json
import os
import re

from harness import Case, Outcome, last_lines

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
SCENES = sorted(os.path.basename(path)[:-len(".scene")] for path in glob.glob(f"{ROOT}/user/scenes/*.scene"))

# What tests/web/golden.mjs leaves out, and the results that user/scene.c prints.
LEFT_OUT = re.compile(r"^(set|fault|call|return|=) ")
NUMBER = re.compile(r"\b[0-9a-f]{4,16}\b")
FAR = 0x500000000000    # from here on the program has its own mappings
USER_END = "800000000000"


def masked(line):
    """Without what depends on the machine: frames, and the program, a bound where elsewhere nothing is."""
    def bound(found):
        nothing = "0" if found[1] == "floor" else USER_END
        return f"{found[1]} {nothing if int(found[2], 16) >= FAR else found[2]}"

    return re.sub(r"(floor|ceiling) ([0-9a-f]+)", bound, re.sub(r" (entry|over) [0-9a-f]+", "", line))


def deltas(one, two):
    """What is added to each number of @one to have @two; None when they are not lines of one kind."""
    before, after = NUMBER.findall(one), NUMBER.findall(two)
    if NUMBER.sub("#", one) != NUMBER.sub("#", two) or not before:
        return None
    pairs = [int(b, 16) - int(a, 16) for a, b in zip(before, after)]
    return " ".join(f"{'-' if delta < 0 else '+'}{abs(delta):x}" for delta in pairs)


def fold(lines):
    """Four lines and more that differ by constant numbers become two."""
    folded, i = [], 0
    while i < len(lines):
        step = deltas(lines[i], lines[i + 1]) if i + 1 < len(lines) else None
        n = 1
        while step and i + n < len(lines) and deltas(lines[i + n - 1], lines[i + n]) == step:
            n += 1
        n = n if n >= 4 else 1
        folded += [lines[i]] + ([f"    and {n - 1} more, each {step}"] if n > 1 else [])
        i += n
    return folded


def golden(said):
    """The text of a golden file from what was printed for one scene: warnings stand behind a command's events."""
    text = []
    for part in re.split(r"^> ", said, flags=re.M)[1:]:
        command, *words = part.rstrip("\n").split("\n")
        warnings = [re.sub(r"^\[.*?\] ", "", line) for line in words if " WARN: " in line]
        events = [masked(line) for line in words if not line.startswith("[") and not LEFT_OUT.match(line)]
        text += [f"> {command}"] + fold(events) + warnings
    return text


def commands_of(name):
    with open(f"{ROOT}/user/scenes/{name}.scene", encoding="utf-8") as file:
        return file.read()


def expected(name):
    """The golden file. Of exec's stack only the move is compared: how strings came there is exec's own affair."""
    with open(f"{ROOT}/tests/golden/scenes/{name}.txt", encoding="utf-8") as file:
        lines = file.read().rstrip("\n").split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith("> stack")), len(lines))
    end = next((i for i, line in enumerate(lines) if line.startswith("> shift")), len(lines))
    return [line for i, line in enumerate(lines) if not start < i < end and not (i > end and line.startswith("vma "))]


# ---- The second serial port ----

# The scenes that are streamed, and the kinds; tables too where few are filled: each byte takes its time.
KINDS = {
    "1-warning": "mremap,vma,tlb,refuse,syscall",
    "7-tail": "mremap,vma,tlb,refuse,syscall",
    "8-pud": "mremap,pt,vma,tlb,refuse,syscall",
    "9-holes": "mremap,pt,vma,tlb,refuse,syscall",
}


def unfold(lines):
    """What fold() was given."""
    out = []
    for line in lines:
        more = re.match(r"    and (\d+) more, each (.*)", line)
        if not more:
            out.append(line)
            continue
        first, steps = out[-1], [int(delta, 16) for delta in more[2].split()]
        for n in range(1, int(more[1]) + 1):
            delta = iter(steps)
            out.append(NUMBER.sub(lambda found, n=n, delta=delta: f"{int(found[0], 16) + n * next(delta):x}", first))
    return out


def event_problem(n, event):
    """What is wrong with the n-th line, by itself."""
    if event["n"] != n:
        return f"line {n} is event {event['n']}"
    if n == 0:
        fine = event["event"] == "begin" and event["version"] == 1 and event["program"] == "/bin/scene_pie"
        return None if fine else f"it begins with {event}"
    if not re.fullmatch(r"\w+\.c:\d+", event["source"]) or not event["kind"]:
        return f"event {event}"
    if event["event"] in ("step", "warning"):
        words = f"{event['event']}:? {event['level']} {int(event['old'], 16):x} -> {int(event['new'], 16):x} span "
        return None if re.match(words, event["text"]) else f"fields and text differ: {event}"
    return None


def stream_problems(name, path, kinds):
    """The lines of the stream in @path are events, and among them are, in a row, those of each command."""
    events = []
    with open(path, encoding="utf-8") as file:
        for n, line in enumerate(file):
            try:
                events.append(json.loads(line))
                problem = event_problem(n, events[-1])
            except (ValueError, KeyError) as error:
                problem = f"line {n}: {error!r}: {line}"
            if problem:
                return [f"the second serial port: {problem}"]
    own_stack = any(line.startswith("> stack") for line in expected(name))
    told = [masked(event["text"]) for event in events if event["kind"] != "syscall" and not LEFT_OUT.match(event["text"])]
    told = [text for text in told if not own_stack or not text.startswith("vma ")]
    at = 0
    for part in re.split(r"^> ", "\n".join(expected(name)), flags=re.M)[1:]:
        command, *lines = part.rstrip("\n").split("\n")
        absent = "WARN: " if "pt" in kinds.split(",") else ("WARN: ", "table of ")
        wanted = [line for line in unfold(lines) if not line.startswith(absent)]
        while told[at:at + len(wanted)] != wanted:
            at += 1
            if at >= len(told):
                return [f"the second serial port does not tell of `{command}`:"] + wanted[:20]
        at += len(wanted)
    return []


def plays(name):
    def run(env):
        shift = re.search(r"^shift (\S+)", commands_of(name), re.M)
        kinds = KINDS.get(name)
        options = (f"trace_json={kinds} " if kinds else "") + (f"stack_shift={shift[1]}" if shift else "")
        stream = os.path.join(env.directory, f"{name}.jsonl") if kinds else None
        result = env.boot(f"init=/bin/scene_pie norandmaps loglevel=warn {options} -- /scenes/{name}.scene", trace=stream)
        if result.failure or result.status:
            return Outcome(0, 1, [result.failure or f"status {result.status}"] + last_lines(result))
        told = golden(result.output)
        if told != expected(name):
            return Outcome(0, 1, list(difflib.unified_diff(expected(name), told, "golden", "told", lineterm="")))
        problems = stream_problems(name, stream, kinds) if kinds else []
        return Outcome(0, 1, problems) if problems else Outcome(1, 0)
    return run


def cases():
    return [Case(name, plays(name)) for name in SCENES]
