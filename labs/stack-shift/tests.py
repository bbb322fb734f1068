"""Tests of exec's stack shift. A stack is made and filled before the first program, then shifted by the student's function;
what is there afterwards is compared with what the shipped kernel makes of it."""
from memory import PAGE, span
from spaces import each_allocation_fails
from stacks import GIB, KIB, MIB, PMD, TASK_SIZE, Stack, shifted

ANONYMOUS_FIXED, READ_WRITE = 0x32, 3

page = shifted(96 * KIB, PAGE)
pages = shifted(96 * KIB, 64 * KIB)
far = shifted(96 * KIB, 16 * GIB + 28 * KIB)
whole = shifted(5 * MIB, 64 * MIB)
overlapping = shifted(5 * MIB, 2 * MIB)
further = shifted(5 * MIB, 4 * MIB)
nothing = shifted(96 * KIB, 0, 32 * KIB)
unaligned = shifted(96 * KIB, 100, 4097, PAGE)
too_far = shifted(96 * KIB, TASK_SIZE, TASK_SIZE - 96 * KIB, 1 << 63, PAGE)


def neighbour(k):
    """Something is mapped below: up to it, and no further."""
    stack = Stack(k, 96 * KIB)
    below = TASK_SIZE - 4 * MIB
    k.call_shipped("mm_mmap", stack.mm, below, 4 * PAGE, READ_WRITE, ANONYMOUS_FIXED, 0, 0, 0)
    stack.look("before")
    for by in (4 * MIB, 4 * MIB - 96 * KIB - 3 * PAGE, 4 * MIB - 96 * KIB - 4 * PAGE, PAGE):
        stack.shift(by)
        stack.look(f"after {by:#x}")


def limit(k):
    """Room to grow, as far as RLIMIT_STACK allows it."""
    for room in (0, 5 * PAGE, 32 * PAGE, 100 * PAGE):
        stack = Stack(k, 16 * KIB)
        k.set_field(stack.mm, "mm.limits.stack", 16 * KIB + room + 100)
        stack.shift(span(PMD))
        stack.look(f"with {room // PAGE} pages to grow")


def memory_out(k):
    """Too few frames for the tables of the new place: refused, as often as it takes."""
    stack, by = Stack(k, 96 * KIB, tables=False), 16 * GIB + 28 * KIB
    each_allocation_fails(k, f"stack_shift(mm, {by:#x})", lambda: k.call("stack_shift", stack.mm, by), stack.state, 2)
    k.call_shipped("mm_check", stack.mm)
    stack.look("afterwards")
