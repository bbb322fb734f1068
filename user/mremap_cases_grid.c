/*
 * The grid: how well the source is aligned against how well the destination is, at sizes from 8 KB to 2 GB. Nothing
 * else is near. An address "aligned to 1MB" is not aligned to anything larger.
 *
 * What moves follows from the offsets that two such addresses have in an entry's span:
 *   the same kind on both sides: the same offset in a PUD's span, so every PUD entry that the range touches moves;
 *   PMD against PUD: the same offset in a PMD's span only, so PMD entries move;
 *   all others: page by page, as many as were written.
 */
#include "mremap_test.h"

#define AT_PTE PAGE
#define AT_1MB MIB(1)
#define AT_PMD MIB(2)
#define AT_PUD 0

#define CELL(size, bytes, step, from, to, ...)                                                     \
    {                                                                                              \
        .name = "grid " size ", " #from "-aligned to " #to "-aligned", .run = run_move,            \
        .old = GIB(16) + AT_##from, .new = GIB(64) + AT_##to, .len = bytes, .stride = step,        \
        HOW(__VA_ARGS__)                                                                           \
    }

/* The cells that move page by page: @pte, @one, @big pages were written from each kind of source. */
#define PAGEWISE(size, bytes, step, pte, one, big)                                                 \
    CELL(size, bytes, step, PTE, 1MB, pte, 0, 0, 0, AS_IS),                                        \
        CELL(size, bytes, step, PTE, PMD, pte, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, PTE, PUD, pte, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, 1MB, PTE, one, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, 1MB, PMD, one, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, 1MB, PUD, one, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, PMD, PTE, big, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, PMD, 1MB, big, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, PUD, PTE, big, 0, 0, 0, AS_IS),                                    \
        CELL(size, bytes, step, PUD, 1MB, big, 0, 0, 0, AS_IS)

static const struct test_case cases[] = {
    PAGEWISE("8KB", KIB(8), 0, 2, 2, 2),
    CELL("8KB", KIB(8), 0, PMD, PUD, 0, 1, 0, 0, UP),
    CELL("8KB", KIB(8), 0, PUD, PMD, 0, 1, 0, 0, UP),
    CELL("8KB", KIB(8), 0, PTE, PTE, 0, 0, 1, 0, BOTH),
    CELL("8KB", KIB(8), 0, 1MB, 1MB, 0, 0, 1, 0, BOTH),
    CELL("8KB", KIB(8), 0, PMD, PMD, 0, 0, 1, 0, BOTH),
    CELL("8KB", KIB(8), 0, PUD, PUD, 0, 0, 1, 0, UP),

    PAGEWISE("4MB", MIB(4), 0, 1024, 1024, 1024),
    CELL("4MB", MIB(4), 0, PMD, PUD, 0, 2, 0, 0, AS_IS),
    CELL("4MB", MIB(4), 0, PUD, PMD, 0, 2, 0, 0, AS_IS),
    CELL("4MB", MIB(4), 0, PTE, PTE, 0, 0, 1, 0, BOTH),
    CELL("4MB", MIB(4), 0, 1MB, 1MB, 0, 0, 1, 0, BOTH),
    CELL("4MB", MIB(4), 0, PMD, PMD, 0, 0, 1, 0, BOTH),
    CELL("4MB", MIB(4), 0, PUD, PUD, 0, 0, 1, 0, UP),

    /* Both sides of every 64 KiB are written: 2048 pages, one more where the range does not begin there. */
    CELL("64MB", MIB(64), KIB(64), PTE, PMD, 2049, 0, 0, 0, AS_IS),
    CELL("64MB", MIB(64), KIB(64), 1MB, PMD, 2048, 0, 0, 0, AS_IS),
    CELL("64MB", MIB(64), KIB(64), PMD, PUD, 0, 32, 0, 0, AS_IS),
    CELL("64MB", MIB(64), KIB(64), PUD, PMD, 0, 32, 0, 0, AS_IS),
    CELL("64MB", MIB(64), KIB(64), 1MB, 1MB, 0, 0, 1, 0, BOTH),
    CELL("64MB", MIB(64), KIB(64), PUD, PUD, 0, 0, 1, 0, UP),

    /* Both sides of every PMD boundary, and the two ends. */
    PAGEWISE("1GB", GIB(1), PMD, 1025, 1026, 1024),
    CELL("1GB", GIB(1), PMD, PMD, PUD, 0, 512, 0, 0, AS_IS),
    CELL("1GB", GIB(1), PMD, PUD, PMD, 0, 512, 0, 0, AS_IS),
    CELL("1GB", GIB(1), PMD, PTE, PTE, 0, 0, 2, 0, BOTH),
    CELL("1GB", GIB(1), PMD, 1MB, 1MB, 0, 0, 2, 0, BOTH),
    CELL("1GB", GIB(1), PMD, PMD, PMD, 0, 0, 2, 0, BOTH),
    CELL("1GB", GIB(1), PMD, PUD, PUD, 0, 0, 1, 0, AS_IS),

    PAGEWISE("2GB", GIB(2), PMD, 2049, 2050, 2048),
    CELL("2GB", GIB(2), PMD, PMD, PUD, 0, 1024, 0, 0, AS_IS),
    CELL("2GB", GIB(2), PMD, PUD, PMD, 0, 1024, 0, 0, AS_IS),
    CELL("2GB", GIB(2), PMD, PTE, PTE, 0, 0, 3, 0, BOTH),
    CELL("2GB", GIB(2), PMD, 1MB, 1MB, 0, 0, 3, 0, BOTH),
    CELL("2GB", GIB(2), PMD, PMD, PMD, 0, 0, 3, 0, BOTH),
    CELL("2GB", GIB(2), PMD, PUD, PUD, 0, 0, 2, 0, AS_IS),
};

const struct case_table grid_cases = {cases, ARRAY_SIZE(cases)};
