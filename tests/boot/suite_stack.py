"""exec's stack, shifted by pinned distances: the programs of stack_test find all their strings in place."""
from harness import tap_case

KIB = 1024
MIB = 1024 * KIB
PAGE = 4 * KIB

# Around all multiples of what one PMD spans, and some between.
SHIFTS = [0, PAGE, 2 * PAGE, 16 * PAGE, 256 * KIB, 512 * KIB, MIB - PAGE, MIB, MIB + PAGE, 3 * MIB // 2,
          2 * MIB - 2 * PAGE, 2 * MIB - PAGE, 2 * MIB, 2 * MIB + PAGE, 2 * MIB + 16 * PAGE, 5 * MIB // 2, 3 * MIB - PAGE,
          3 * MIB, 3 * MIB + PAGE, 7 * MIB // 2, 4 * MIB - 2 * PAGE, 4 * MIB - PAGE, 4 * MIB, 4 * MIB + PAGE]

# Every mode is tried where the offsets agree, where they just do not, and far from it.
MODES_AT = [0, PAGE, MIB, 2 * MIB - PAGE, 2 * MIB, 2 * MIB + PAGE, 4 * MIB, 4 * MIB + PAGE]


def case(shift, mode):
    pages = f"{shift // PAGE} pages"
    return tap_case(f"shifted by {pages}, realign={mode}",
                    f"init=/bin/stack_test stack_shift={shift:#x} realign={mode} check=1", at_least=6, icount=True)


def cases():
    assert len(SHIFTS) >= 24
    return [case(shift, "full") for shift in SHIFTS] + \
           [case(shift, mode) for mode in ("off", "pmd") for shift in MODES_AT]
