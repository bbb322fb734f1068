/* The language of scenes: what is read, and what is said of what cannot be. */
/* host-test: user/scenes/scene.c */
#include "tests/host/test.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "kernel/abi/mman.h"
#include "user/scenes/scene.h"

static struct scene_command read_right(const char *line)
{
    struct scene_command command;
    struct scene_problem problem;

    assert_int_equal(scene_read(line, &command, &problem), SCENE_COMMAND);
    return command;
}

/* @at: the part of the line that the problem is about. */
static void read_wrong(const char *line, const char *at, const char *words)
{
    struct scene_command command;
    struct scene_problem problem;

    assert_int_equal(scene_read(line, &command, &problem), SCENE_WRONG);
    assert_int_equal(problem.length, strlen(at));
    assert_memory_equal(problem.at, at, problem.length);
    assert_ptr_not_equal(strstr(problem.words, words), NULL);
}

static void test_commands(void **state)
{
    struct scene_command c = read_right("mmap 0x100000 5M rw");

    assert_int_equal(c.verb, SCENE_MMAP);
    assert_int_equal(c.values, 2);
    assert_int_equal(c.value[0], 0x100000);
    assert_int_equal(c.value[1], 5 << 20);
    assert_int_equal(c.rights, PROT_READ | PROT_WRITE);
    assert_int_equal(c.flags, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);

    c = read_right("  mremap\t1G 4K 8K maymove|fixed 0x7ff000  # to there\n");
    assert_int_equal(c.verb, SCENE_MREMAP);
    assert_int_equal(c.flags, MREMAP_MAYMOVE | MREMAP_FIXED);
    assert_int_equal(c.value[3], 0x7ff000);
    assert_int_equal(read_right("mremap 0 0 0 none").flags, 0);
    assert_int_equal(read_right("mremap 0 0 0").values, 3);
    assert_int_equal(read_right("mprotect 0 0 none").rights, PROT_NONE);
    assert_int_equal(read_right("mprotect 0 0 r-x").rights, PROT_READ | PROT_EXEC);
    assert_int_equal(read_right("madvise 0 0 hugepage").choice, MADV_HUGEPAGE);
    assert_int_equal(read_right("realign pmd").choice, 1);
    assert_int_equal(read_right("thp always").choice, 2);
    assert_int_equal(read_right("populate 0 1G 64M").value[2], 64 << 20);
    assert_int_equal(read_right("shift 2M\nrealign off").value[0], 2 << 20);
    assert_int_equal(read_right("mmap 0 1 none shared,over").flags,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    assert_int_equal(read_right("mmap 0 1 r any,noreserve,growsdown").flags,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_GROWSDOWN);
}

static void test_numbers(void **state)
{
    assert_int_equal(read_right("stack 4096").value[0], 4096);
    assert_int_equal(read_right("stack 0xfF").value[0], 255);
    assert_int_equal(read_right("stack 1T+2g+3m+4k+5").value[0],
                     (1ull << 40) + (2ull << 30) + (3 << 20) + (4 << 10) + 5);
    assert_int_equal(read_right("stack 18446744073709551615").value[0], UINT64_MAX);
    assert_int_equal(read_right("stack 0xffffffffffffffff").value[0], UINT64_MAX);
    read_wrong("stack 18446744073709551616", "18446744073709551616", "64 bits");
    read_wrong("stack 0x10000000000000000", "0x10000000000000000", "64 bits");
    read_wrong("stack 16777216T", "16777216T", "64 bits");
    read_wrong("stack 0xffffffffffffffff+1", "0xffffffffffffffff+1", "64 bits");
    read_wrong("stack 5Q", "5Q", "no number");
    read_wrong("stack 5MM", "5MM", "no number");
    read_wrong("stack 0x", "0x", "no number");
    read_wrong("stack 1+", "1+", "no number");
    read_wrong("stack -1", "-1", "no number");
    read_wrong("stack fixed", "fixed", "no number");
}

static void test_wrong(void **state)
{
    read_wrong("mmmap 0 1", "mmmap", "no such command");
    read_wrong("mma 0 1", "mma", "no such command");
    read_wrong("mmap 0x1000", "", "missing");
    read_wrong("mmap 0x1000 # 4K", "", "missing");
    read_wrong("munmap 0 1 2", "2", "too much");
    read_wrong("mmap 0 1 rwz", "rwz", "no rights");
    read_wrong("mmap 0 1 rw shared,old", "shared,old", "no kind");
    read_wrong("mmap 0 1 rw shared,", "shared,", "no kind");
    read_wrong("mremap 0 1 1 move", "move", "no flags");
    read_wrong("madvise 0 1 good", "good", "no advice");
    read_wrong("realign no", "no", "no mode");
    read_wrong("thp full", "full", "no mode");
}

static void test_nothing(void **state)
{
    static const char *const lines[] = {"", "   ", "# mmap 0 1", "\t#", "\n", "\r\n"};
    struct scene_command command;
    struct scene_problem problem;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_int_equal(scene_read(lines[i], &command, &problem), SCENE_NOTHING);
}

/* Each scene can be read, and begins with its title and a sentence. */
static void test_scenes(void **state)
{
    struct scene_command command;
    struct scene_problem problem;
    char line[200];
    glob_t found;

    assert_int_equal(glob("user/scenes/*.scene", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r");

        assert_non_null(file);
        for (int n = 0; fgets(line, sizeof(line), file); n++) {
            assert_true(n > 1 || line[0] == '#');
            if (scene_read(line, &command, &problem) == SCENE_WRONG)
                fail_msg("%s:%d: %s", found.gl_pathv[i], n + 1, problem.words);
        }
        fclose(file);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_wrong),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_scenes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
