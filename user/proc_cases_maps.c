/* Inside of proc_test: /proc/PID/maps. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* The line of the VMA that holds @addr, in the maps in text[]. False when there is none. */
static bool find_vma(uint64_t addr, struct vma_line *vma)
{
    for (const char *at = text; *at;) {
        at = parse_vma(at, vma);
        if (!at)
            return false;
        if (vma->start <= addr && addr < vma->end)
            return true;
    }
    return false;
}

static struct vma_line vma_at(const void *addr)
{
    struct vma_line vma = {0};

    must_slurp("/proc/self/maps");
    if (!find_vma((uint64_t)addr, &vma)) {
        tap_fail("%p is not in maps", addr);
        vma = (struct vma_line){0};
    }
    return vma;
}

static void test_format(void)
{
    const char *at = must_slurp("/proc/self/maps"), *next;
    struct vma_line vma;
    uint64_t last = 0;

    for (; *at; at = next) {
        next = parse_vma(at, &vma);
        if (!next) {
            tap_fail("not a line of maps: %.80s", at);
            return;
        }
        CHECK(vma.start >= last && vma.start < vma.end, "%lx-%lx behind %lx", vma.start, vma.end,
              last);
        CHECK((vma.start | vma.end | vma.offset) % PAGE == 0, "%lx-%lx %lx", vma.start, vma.end,
              vma.offset);
        CHECK(strchr("r-", vma.perms[0]) && strchr("w-", vma.perms[1]) &&
                  strchr("x-", vma.perms[2]) && strchr("ps", vma.perms[3]),
              "%s", vma.perms);
        last = vma.end;
    }
}

static void expect_vma(const char *what, const char *start, size_t pages, const char *perms,
                       const char *name)
{
    struct vma_line vma = vma_at(start);

    CHECK(vma.start == (uint64_t)start && vma.end == vma.start + pages * PAGE &&
              !strcmp(vma.perms, perms) && !strcmp(vma.name, name),
          "%s: %lx-%lx %s %s", what, vma.start, vma.end, vma.perms, vma.name);
}

static void test_kinds(void)
{
    char *start = map_area(0, 20, PROT_NONE, MAP_NORESERVE);

    EXPECT(mprotect(start + 2 * PAGE, 2 * PAGE, RW), 0);
    EXPECT(mprotect(start + 6 * PAGE, 2 * PAGE, PROT_READ), 0);
    EXPECT(mprotect(start + 10 * PAGE, 2 * PAGE, PROT_READ | PROT_EXEC), 0);
    raw_mmap((uint64_t)start + 14 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
             0);
    expect_vma("nothing", start, 2, "---p", "");
    expect_vma("private", start + 2 * PAGE, 2, "rw-p", "");
    expect_vma("to read", start + 6 * PAGE, 2, "r--p", "");
    expect_vma("to execute", start + 10 * PAGE, 2, "r-xp", "");
    expect_vma("shared", start + 14 * PAGE, 2, "rw-s", "/dev/zero (deleted)");
    unmap_area(0, 20);
}

static void test_file(void)
{
    int fd = must_open(own_path, O_RDONLY);
    struct vma_line vma;
    struct stat st;

    EXPECT(fstat(fd, &st), 0);
    EXPECT(raw_mmap(area, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 3 * PAGE), area);
    expect_vma("a file", (char *)area, 2, "r--p", own_path);
    vma = vma_at((void *)area);
    EXPECT(vma.offset, 3 * PAGE);
    EXPECT(vma.ino, st.st_ino);
    EXPECT(vma.major, major(st.st_dev));
    EXPECT(vma.minor, minor(st.st_dev));
    unmap_area(0, 2);
    close(fd);
}

static void test_names(void)
{
    char *break_before = sbrk(0), local = 0;

    EXPECT(SYS(SYS_brk, break_before + PAGE), break_before + PAGE);
    CHECK(!strcmp(vma_at(break_before).name, "[heap]"), "heap: %s", vma_at(break_before).name);
    EXPECT(SYS(SYS_brk, break_before), break_before);
    CHECK(!strcmp(vma_at(&local).name, "[stack]"), "stack: %s", vma_at(&local).name);
    CHECK(!strcmp(vma_at((void *)test_names).name, own_path), "program: %s",
          vma_at((void *)test_names).name);
    CHECK(!strcmp(vma_at((void *)test_names).perms, "r-xp"), "program: %s",
          vma_at((void *)test_names).perms);
}

/* Pieces of any size are what the whole is; so is what is read at any place. */
static void test_pieces(void)
{
    static const size_t sizes[] = {1, 7, 100, 1000, 4095, 65536};
    static char whole[65536], part[65536];
    int fd = must_open("/proc/self/maps", O_RDONLY);
    long length, n;

    memset(part, ' ', sizeof(part));
    length = read_file("/proc/self/maps", whole, sizeof(whole));
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        long got = 0;

        EXPECT(lseek(fd, 0, SEEK_SET), 0);
        while ((n = read(fd, part + got, sizes[i])) > 0)
            got += n;
        CHECK(got == length && !memcmp(part, whole, (size_t)length),
              "%ld bytes in pieces of %zu, not %ld", got, sizes[i], length);
    }
    for (long at = length - 1; at >= 0; at -= 61) {
        n = pread(fd, part, 40, at);
        CHECK(n > 0 && !memcmp(part, whole + at, (size_t)n), "%ld bytes at %ld", n, at);
    }
    EXPECT(pread(fd, part, 40, length), 0);
    EXPECT(pread(fd, part, 40, 1l << 40), 0);
    close(fd);
}

/* What follows the last line read is as it is then. */
static void test_changes(void)
{
    int fd = must_open("/proc/self/maps", O_RDONLY);
    static char head[64];
    struct vma_line vma;

    unmap_area(0, 1);
    EXPECT(read(fd, head, 1), 1);
    EXPECT(lseek(fd, 0, SEEK_SET), 0);
    map_area(0, 4, PROT_READ, 0);
    CHECK(slurp("/proc/self/maps") > 0 && find_vma(area, &vma), "the new mapping is not there");
    EXPECT(vma.end, area + 4 * PAGE);
    text[0] = '\0';
    for (long n, got = 0; (n = read(fd, text + got, 4096)) > 0; got += n)
        text[got + n] = '\0';
    CHECK(find_vma(area, &vma), "nor for who reads again from the start");
    unmap_area(0, 4);
    close(fd);
}

static void test_seek(void)
{
    int fd = must_open("/proc/self/maps", O_RDONLY);
    char byte;

    EXPECT(SYS(SYS_lseek, fd, 0, SEEK_END), -EINVAL);
    EXPECT(SYS(SYS_lseek, fd, -1l, SEEK_SET), -EINVAL);
    EXPECT(SYS(SYS_lseek, fd, 100, SEEK_SET), 100);
    EXPECT(SYS(SYS_lseek, fd, 5, SEEK_CUR), 105);
    EXPECT(SYS(SYS_write, fd, "x", 1), -EBADF);
    EXPECT(SYS(SYS_read, fd, KERNEL_ADDRESS, 1), -EFAULT);
    EXPECT(SYS(SYS_read, fd, &byte, 1), 1);
    close(fd);
    fd = must_open("/proc/self/maps", O_RDWR);
    EXPECT(SYS(SYS_write, fd, "x", 1), -EINVAL);
    close(fd);
}

/* Lines of the area, and how long it took to read them, ms. */
static size_t count_lines(uint64_t *ms)
{
    int fd = must_open("/proc/self/maps", O_RDONLY);
    uint64_t start = now_ms();
    size_t lines = 0;
    long n;

    while ((n = read(fd, text, sizeof(text))) > 0)
        for (long i = 0; i < n; i++)
            lines += text[i] == '\n';
    *ms = now_ms() - start;
    close(fd);
    return lines;
}

/* Ten times as many lines take not much more than ten times as long. */
static void test_many(void)
{
    const size_t few = 3000, many = 30000;
    uint64_t few_ms, many_ms;
    size_t before = count_lines(&few_ms);

    map_area(0, 2 * many, PROT_READ, MAP_NORESERVE);
    for (size_t i = 0; i < few; i++)
        map_area(2 * i, 1, PROT_NONE, MAP_NORESERVE);
    EXPECT(count_lines(&few_ms), before + 2 * few);
    for (size_t i = few; i < many; i++)
        map_area(2 * i, 1, PROT_NONE, MAP_NORESERVE);
    EXPECT(count_lines(&many_ms), before + 2 * many);
    CHECK(many_ms < 30 * (few_ms + 5), "%zu lines in %lu ms, %zu in %lu", 2 * few, few_ms, 2 * many,
          many_ms);
    unmap_area(0, 2 * many);
}

static int map_and_wait(void *arg)
{
    map_area(100, 5, RW, 0);
    board_post(0);
    board_wait(1, 1);
    return arg != NULL;
}

/* Of another process: what it has now; nothing once it has ended; ESRCH when it is gone. */
static void test_other(void)
{
    pid_t pid = child_start(map_and_wait, NULL);
    struct vma_line vma;
    siginfo_t info;
    char byte;
    int fd;

    board_wait(0, 1);
    must_slurp(of_process(pid, "maps"));
    CHECK(find_vma(area + 102 * PAGE, &vma), "the child's mapping is not there");
    must_slurp("/proc/self/maps");
    CHECK(!find_vma(area + 102 * PAGE, &vma), "it is in the parent's maps");
    fd = must_open(of_process(pid, "maps"), O_RDONLY);
    board_post(1);
    EXPECT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    EXPECT(slurp(of_process(pid, "maps")), 0);
    EXPECT(SYS(SYS_read, fd, &byte, 1), 0);
    child_exits(pid, 0);
    EXPECT(SYS(SYS_pread64, fd, &byte, 1, 0), -ESRCH);
    EXPECT(slurp(of_process(pid, "maps")), -ENOENT);
    close(fd);
}

static const struct suite_case cases[] = {
    {"maps: every line by its format", test_format},
    {"maps: kinds of memory", test_kinds},
    {"maps: a file", test_file},
    {"maps: heap, stack, program", test_names},
    {"maps: read in pieces, and at any place", test_pieces},
    {"maps: changes between reads", test_changes},
    {"maps: what may be done with the file", test_seek},
    {"maps: 60000 lines", test_many},
    {"maps: of another process", test_other},
};
CASES(maps_cases, cases);
