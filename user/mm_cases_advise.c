/* Inside of mm_test: madvise: arguments, and advice that only marks a mapping. */
#define _GNU_SOURCE
#include "mm_test.h"

#include <string.h>

static void test_arguments(void)
{
    static const int unknown[] = {5, 6, 7, 26, 99, 1000, -1, 1 << 30};

    put(1, 2, RW, MAP_PRIVATE);
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        CHECK_EQ("unknown advice", ADVISE(1, 2, unknown[i]), -EINVAL);
        CHECK_EQ("unknown advice for nothing", ADVISE(1, 0, unknown[i]), -EINVAL);
    }
    EXPECT(SYS(SYS_madvise, at(1) + 1, PAGE, MADV_NORMAL), -EINVAL);
    EXPECT(SYS(SYS_madvise, at(1) + 1, 0, MADV_NORMAL), -EINVAL);
    EXPECT(SYS(SYS_madvise, at(1), -1ul, MADV_NORMAL), -EINVAL);
    EXPECT(SYS(SYS_madvise, at(1), -MS(1), MADV_NORMAL), -EINVAL);
    EXPECT(SYS(SYS_madvise, at(1), 0, MADV_DONTNEED), 0);
    EXPECT(SYS(SYS_madvise, at(0), 0, MADV_DONTNEED), 0);
    EXPECT(SYS(SYS_madvise, at(1), 1, MADV_NORMAL), 0);
    EXPECT(SYS(SYS_madvise, at(1), PAGE + 1, MADV_NORMAL), 0);
    EXPECT(SYS(SYS_madvise, at(1), 2 * PAGE + 1, MADV_NORMAL), -ENOMEM);
    EXPECT(SYS(SYS_madvise, KERNEL_ADDRESS, PAGE, MADV_NORMAL), -ENOMEM);
    EXPECT(SYS(SYS_madvise, NOT_CANONICAL, PAGE, MADV_DONTNEED), -ENOMEM);
    drop(1, 2);
}

static void test_holes(void)
{
    static const int advice[] = {
        MADV_NORMAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, ADVICE_COLD, ADVICE_POPULATE_READ,
    };

    for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
        put(1, 2, RW, MAP_PRIVATE);
        put(4, 2, RW, MAP_PRIVATE);
        CHECK_EQ("advice for a hole", ADVISE(0, 1, advice[i]), -ENOMEM);
        CHECK_EQ("for a hole in front", ADVISE(0, 2, advice[i]), -ENOMEM);
        CHECK_EQ("for a hole behind", ADVISE(5, 2, advice[i]), -ENOMEM);
        CHECK_EQ("for a hole between", ADVISE(2, 3, advice[i]), -ENOMEM);
        EXPECT_MAPS(0, ".ww.ww.");
        drop(0, 8);
    }
}

/* ---- Marks ---- */

/* An advice, and one that takes it back; 0 where none does. */
struct mark {
    int advice, undo;
};

static const struct mark marks[] = {
    {MADV_DONTFORK, MADV_DOFORK},
    {MADV_WIPEONFORK, MADV_KEEPONFORK},
    {MADV_HUGEPAGE, 0},
    {MADV_NOHUGEPAGE, 0},
};

static void test_mark(const struct mark *m)
{
    put_filled(0, 8);
    EXPECT(ADVISE(2, 4, m->advice), 0);
    EXPECT_MAPS(0, "ww|wwww|ww");
    EXPECT(ADVISE(3, 2, m->advice), 0);
    EXPECT_MAPS(0, "ww|wwww|ww");
    EXPECT(ADVISE(0, 2, m->advice), 0);
    EXPECT_MAPS(0, "wwwwww|ww");
    EXPECT(ADVISE(5, 3, m->advice), 0);
    EXPECT_MAPS(0, "wwwwwwww");
    if (m->undo) {
        EXPECT(ADVISE(4, 4, m->undo), 0);
        EXPECT_MAPS(0, "wwww|wwww");
        EXPECT(ADVISE(0, 8, m->undo), 0);
        EXPECT_MAPS(0, "wwwwwwww");
    }
    check_filled(0, 8);
    drop(0, 8);
}

static void test_marks(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        test_mark(&marks[i]);
}

/* Of some that exclude each other the last one counts; others add up. */
static void test_marks_together(void)
{
    put_filled(0, 8);
    EXPECT(ADVISE(0, 4, MADV_HUGEPAGE), 0);
    EXPECT(ADVISE(0, 4, MADV_NOHUGEPAGE), 0);
    EXPECT(ADVISE(4, 4, MADV_NOHUGEPAGE), 0);
    EXPECT_MAPS(0, "wwwwwwww");
    check_filled(0, 8);
    drop(0, 8);
}

/* Marks stay when a mapping moves, grows, or gets other rights. */
static void test_marks_stay(void)
{
    put_filled(0, 4);
    EXPECT(ADVISE(0, 4, MADV_RANDOM), 0);
    put(20, 4, RW, MAP_PRIVATE);
    EXPECT(REMAP(0, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 16), area + 16 * PAGE);
    EXPECT_MAPS(16, "wwww|wwww");
    EXPECT(PROTECT(16, 4, PROT_READ), 0);
    EXPECT(PROTECT(16, 4, RW), 0);
    EXPECT_MAPS(16, "wwww|wwww");
    EXPECT(REMAP(16, 4, 8, MREMAP_MAYMOVE | MREMAP_FIXED, 0), area);
    EXPECT_MAPS(0, "wwwwwwww");
    EXPECT(ADVISE(0, 8, MADV_NORMAL), 0);
    EXPECT_MAPS(0, "wwwwwwww");
    drop(0, 24);
}

/* Only private memory without a file is wiped. */
static void test_wipeonfork(void)
{
    int fd = make_file(4);

    put_file(0, 4, RW, MAP_PRIVATE, fd);
    put(4, 4, RW, MAP_SHARED);
    put(8, 4, PROT_READ, MAP_PRIVATE);
    EXPECT(ADVISE(0, 4, MADV_WIPEONFORK), -EINVAL);
    EXPECT(ADVISE(4, 4, MADV_WIPEONFORK), -EINVAL);
    EXPECT(ADVISE(8, 4, MADV_WIPEONFORK), 0);
    EXPECT(ADVISE(0, 12, MADV_KEEPONFORK), 0);
    EXPECT(ADVISE(0, 12, MADV_DONTFORK), 0);
    EXPECT(ADVISE(0, 12, MADV_DOFORK), 0);
    drop(0, 12);
    close(fd);
}

static const struct suite_case cases[] = {
    {"madvise: arguments", test_arguments},
    {"madvise: holes", test_holes},
    {"madvise: marks keep mappings apart", test_marks},
    {"madvise: marks together", test_marks_together},
    {"madvise: marks stay", test_marks_stay},
    {"madvise: what can be wiped on fork", test_wipeonfork},
};

const struct suite_table advise_cases = {cases, ARRAY_SIZE(cases)};
