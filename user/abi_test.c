/*
 * abi_test: the part of Linux's system-call ABI that static programs of a C library need, call by call.
 *
 * Calls go through syscall(), so that what is tested is the kernel's answer and not the C library's.
 */
#define _GNU_SOURCE
#include "abi_test.h"

#include <elf.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>

uint64_t area;

char *map_pages(size_t at, size_t pages, int prot, int flags)
{
    uint64_t addr = area + at * PAGE;

    EXPECT(raw_mmap(addr, pages * PAGE, prot, flags | MAP_ANONYMOUS | MAP_FIXED, -1, 0), addr);
    return (char *)addr;
}

/* ---- The process ---- */

static void test_stdio(void)
{
    char text[64];

    snprintf(text, sizeof(text), "%d %5.2f %#lx %s", -7, sqrt(2.0), 0xbeeful, "end");
    CHECK(!strcmp(text, "-7  1.41 0xbeef end"), "snprintf() made \"%s\"", text);
    EXPECT(strtol("-12345", NULL, 10), -12345);
    CHECK(strtod("0.125e3", NULL) == 125.0, "strtod() is wrong");
}

static void test_floating_point_kept(void)
{
    volatile double a = 1.5, b = -2.25;
    double sum = 0;

    for (int i = 0; i < 1000; i++) {
        sum += a * b;
        SYS(SYS_getpid);
    }
    CHECK(sum == -3375.0, "1000 * 1.5 * -2.25 is %f", sum);
}

static void test_malloc(void)
{
    static char *blocks[200];

    for (size_t i = 0; i < 200; i++) {
        blocks[i] = malloc(1 + i * i * 13);
        CHECK(blocks[i], "malloc(%zu) fails", 1 + i * i * 13);
        memset(blocks[i], (int)i, 1 + i * i * 13);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < 1 + i * i * 13; j += 97)
            CHECK(blocks[i][j] == (char)i, "block %zu lost its bytes", i);
    for (size_t i = 0; i < 200; i++)
        free(blocks[i]);
}

static void test_realloc(void)
{
    char *p = malloc(100);

    memset(p, 0x5a, 100);
    for (size_t size = 200; size <= MIB(16); size *= 3) {
        p = realloc(p, size);
        CHECK(p && p[0] == 0x5a && p[99] == 0x5a, "realloc(%zu) lost bytes", size);
        p[size - 1] = 1;
    }
    p = realloc(p, 100);
    CHECK(p[0] == 0x5a && p[99] == 0x5a, "realloc(100) lost bytes");
    free(p);
}

static void test_time(void)
{
    struct timespec a, b, real;
    struct timeval tv;

    EXPECT(clock_gettime(CLOCK_MONOTONIC, &a), 0);
    for (int i = 0; i < 1000; i++) {
        EXPECT(SYS(SYS_clock_gettime, CLOCK_MONOTONIC, &b), 0);
        CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec),
              "the monotonic clock goes back");
        CHECK(b.tv_nsec >= 0 && b.tv_nsec < 1000000000, "%ld nanoseconds", b.tv_nsec);
    }
    EXPECT(SYS(SYS_clock_gettime, CLOCK_REALTIME, &real), 0);
    EXPECT(SYS(SYS_gettimeofday, &tv, NULL), 0);
    CHECK(tv.tv_sec - real.tv_sec <= 1 && tv.tv_sec >= real.tv_sec,
          "two answers for the time of day");
    EXPECT(SYS(SYS_clock_gettime, 9999, &a), -EINVAL);
    EXPECT(SYS(SYS_clock_gettime, CLOCK_MONOTONIC, KERNEL_ADDRESS), -EFAULT);
}

static void test_ids(void)
{
    CHECK(SYS(SYS_getpid) > 0, "pid %ld", SYS(SYS_getpid));
    EXPECT(SYS(SYS_gettid), SYS(SYS_getpid));
    CHECK(SYS(SYS_getppid) >= 0, "parent's pid %ld", SYS(SYS_getppid));
    EXPECT(SYS(SYS_geteuid), SYS(SYS_getuid));
    EXPECT(SYS(SYS_getegid), SYS(SYS_getgid));
    EXPECT(SYS(SYS_set_tid_address, &area), SYS(SYS_gettid));
}

static void test_uname(void)
{
    struct utsname u;

    EXPECT(SYS(SYS_uname, &u), 0);
    CHECK(u.sysname[0] && u.release[0], "empty names");
    CHECK(!strcmp(u.machine, "x86_64"), "machine is \"%s\"", u.machine);
}

static void test_getrandom(void)
{
    unsigned char a[32] = {0}, b[32] = {0};

    EXPECT(SYS(SYS_getrandom, a, sizeof(a), 0), sizeof(a));
    EXPECT(SYS(SYS_getrandom, b, sizeof(b), 0), sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)), "the same 32 bytes twice");
    EXPECT(SYS(SYS_getrandom, a, 0, 0), 0);
    EXPECT(SYS(SYS_getrandom, a, 1, 1 << 20), -EINVAL);
    EXPECT(SYS(SYS_getrandom, KERNEL_ADDRESS, 8, 0), -EFAULT);
}

static void test_prlimit(void)
{
    struct rlimit64 old, less, seen;

    EXPECT(SYS(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &old), 0);
    CHECK(old.rlim_cur >= MIB(1) && old.rlim_cur <= old.rlim_max, "stack limit %#llx",
          (unsigned long long)old.rlim_cur);
    less = (struct rlimit64){MIB(7), old.rlim_max};
    EXPECT(SYS(SYS_prlimit64, 0, RLIMIT_STACK, &less, NULL), 0);
    EXPECT(SYS(SYS_prlimit64, SYS(SYS_getpid), RLIMIT_STACK, &old, &seen), 0);
    EXPECT(seen.rlim_cur, MIB(7));
    EXPECT(SYS(SYS_prlimit64, 0, RLIMIT_AS, NULL, &seen), 0);
    less = (struct rlimit64){2, 1};
    EXPECT(SYS(SYS_prlimit64, 0, RLIMIT_STACK, &less, NULL), -EINVAL);
    EXPECT(SYS(SYS_prlimit64, 0, 99, NULL, &seen), -EINVAL);
    EXPECT(SYS(SYS_prlimit64, 0, RLIMIT_STACK, NULL, KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_prlimit64, 99999999, 99, KERNEL_ADDRESS, NULL), -EFAULT);
    EXPECT(SYS(SYS_prlimit64, 99999999, 99, NULL, NULL), -ESRCH);
    EXPECT(SYS(SYS_prlimit64, -1, RLIMIT_STACK, NULL, NULL), -ESRCH);
}

static void test_thread_pointer(void)
{
    uint64_t base = 0, self;

    __asm__("mov %%fs:0, %0" : "=r"(self));
    EXPECT(SYS(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &base), 0);
    CHECK_EQ("base of %fs", base, self);
    EXPECT(SYS(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, KERNEL_ADDRESS), -EPERM);
    EXPECT(SYS(SYS_arch_prctl, 0x9999, 0), -EINVAL);
}

static void test_signal_mask(void)
{
    uint64_t block = 1ul << (SIGUSR1 - 1) | 1ul << (SIGKILL - 1), old = 0, seen = 0;

    EXPECT(SYS(SYS_rt_sigprocmask, SIG_BLOCK, &block, &old, 8), 0);
    EXPECT(SYS(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &seen, 8), 0);
    CHECK_EQ("mask: SIGUSR1 added, SIGKILL not", seen, old | 1ul << (SIGUSR1 - 1));
    EXPECT(SYS(SYS_rt_sigprocmask, SIG_SETMASK, &old, &seen, 8), 0);
    EXPECT(SYS(SYS_rt_sigprocmask, 77, &old, NULL, 8), -EINVAL);
    EXPECT(SYS(SYS_rt_sigprocmask, SIG_BLOCK, &old, NULL, 4), -EINVAL);
    EXPECT(SYS(SYS_rt_sigprocmask, SIG_BLOCK, KERNEL_ADDRESS, NULL, 8), -EFAULT);
}

static void test_signal_action(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, seen;

    EXPECT(sigaction(SIGUSR1, &ignore, NULL), 0);
    EXPECT(sigaction(SIGUSR1, NULL, &seen), 0);
    CHECK(seen.sa_handler == SIG_IGN, "the old action is not the one set");
    ignore.sa_handler = SIG_DFL;
    EXPECT(sigaction(SIGUSR1, &ignore, &seen), 0);
    CHECK(seen.sa_handler == SIG_IGN, "the old action is not the one set");
    EXPECT(SYS(SYS_rt_sigaction, SIGKILL, NULL, NULL, 8), 0);
    EXPECT(SYS(SYS_rt_sigaction, 65, NULL, NULL, 8), -EINVAL);
    EXPECT(SYS(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), -EINVAL);
    EXPECT(result(sigaction(SIGSTOP, &ignore, NULL)), -EINVAL);
}

static void test_unknown_call(void)
{
    EXPECT(SYS(999), -ENOSYS);
    EXPECT(SYS(100000), -ENOSYS);
    EXPECT(SYS(-1), -ENOSYS);
    EXPECT(SYS(1L << 31), -ENOSYS);
}

static uint64_t deepest;

static long recurse(long depth)
{
    volatile char frame[1000];

    deepest = (uint64_t)frame;
    frame[0] = (char)depth;
    frame[999] = 1;
    return depth ? recurse(depth - 1) + frame[999] : 0;
}

static void test_deep_recursion(void)
{
    uint64_t here = (uint64_t)__builtin_frame_address(0);

    EXPECT(recurse(4096), 4096);
    CHECK(here - deepest > 4000000, "only %lu bytes deep", here - deepest);
    CHECK(maps_covers(deepest & -PAGE, here & -PAGE, "rw-p"),
          "the stack is not mapped so far down");
}

/* ---- Files ---- */

static void test_readlink(void)
{
    char small[4];
    long n = SYS(SYS_readlink, "/proc/self/exe", own_path, sizeof(own_path) - 1);

    CHECK(n > 0 && own_path[0] == '/', "readlink() of /proc/self/exe: %ld, \"%s\"", n, own_path);
    EXPECT(SYS(SYS_readlink, "/proc/self/exe", small, sizeof(small)), sizeof(small));
    CHECK(!memcmp(small, own_path, sizeof(small)), "a short buffer gets other bytes");
    EXPECT(SYS(SYS_readlink, "/proc/self/exe", small, 0), -EINVAL);
    EXPECT(SYS(SYS_readlink, "/no/such", small, sizeof(small)), -ENOENT);
    EXPECT(SYS(SYS_readlink, own_path, small, sizeof(small)), -EINVAL);
}

static void test_own_file(void)
{
    Elf64_Ehdr head, again;
    struct stat st, by_path;
    int fd = open(own_path, O_RDONLY);

    CHECK(fd >= 0, "cannot open %s", own_path);
    EXPECT(read(fd, &head, sizeof(head)), sizeof(head));
    CHECK(!memcmp(head.e_ident, ELFMAG, SELFMAG) && head.e_machine == EM_X86_64, "not an ELF file");
    EXPECT(lseek(fd, 0, SEEK_CUR), sizeof(head));
    EXPECT(lseek(fd, 0, SEEK_SET), 0);
    EXPECT(read(fd, &again, sizeof(again)), sizeof(again));
    CHECK(!memcmp(&head, &again, sizeof(head)), "read twice, other bytes");
    EXPECT(fstat(fd, &st), 0);
    CHECK(S_ISREG(st.st_mode) && st.st_size > 4096, "mode %o, size %ld", st.st_mode, st.st_size);
    EXPECT(lseek(fd, 0, SEEK_END), st.st_size);
    EXPECT(read(fd, &again, sizeof(again)), 0);
    EXPECT(lseek(fd, -4, SEEK_END), st.st_size - 4);
    EXPECT(read(fd, &again, sizeof(again)), 4);
    EXPECT(result(lseek(fd, -1, SEEK_SET)), -EINVAL);
    EXPECT(result(lseek(fd, 0, 99)), -EINVAL);
    EXPECT(SYS(SYS_newfstatat, AT_FDCWD, own_path, &by_path, 0), 0);
    CHECK(by_path.st_ino == st.st_ino && by_path.st_size == st.st_size, "two answers of stat");
    EXPECT(SYS(SYS_newfstatat, fd, "", &by_path, AT_EMPTY_PATH), 0);
    EXPECT(result(close(fd)), 0);
    EXPECT(result(close(fd)), -EBADF);
}

static void test_open_errors(void)
{
    static char longer[5000];
    char below[600];
    int fd;

    snprintf(below, sizeof(below), "%s/x", own_path);
    memset(longer, 'a', sizeof(longer) - 1);
    EXPECT(SYS(SYS_open, "/no/such/file", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_openat, AT_FDCWD, "/nosuchfile", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_openat, AT_FDCWD, "", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_openat, AT_FDCWD, below, O_RDONLY), -ENOTDIR);
    EXPECT(SYS(SYS_openat, AT_FDCWD, own_path, O_RDONLY | O_DIRECTORY), -ENOTDIR);
    EXPECT(SYS(SYS_openat, AT_FDCWD, "/", O_WRONLY), -EISDIR);
    EXPECT(SYS(SYS_openat, AT_FDCWD, longer, O_RDONLY), -ENAMETOOLONG);
    EXPECT(SYS(SYS_openat, AT_FDCWD, KERNEL_ADDRESS, O_RDONLY), -EFAULT);
    EXPECT(SYS(SYS_openat, 999, "relative", O_RDONLY), -EBADF);
    fd = open(own_path, O_RDONLY);
    EXPECT(SYS(SYS_write, fd, "x", 1), -EBADF);
    close(fd);
    EXPECT(open(own_path, O_RDONLY), fd);
    close(fd);
}

static void test_write(void)
{
    struct iovec parts[3] = {{"# three", 7}, {" parts, ", 8}, {"one line\n", 9}};

    EXPECT(SYS(SYS_write, 1, "", 0), 0);
    EXPECT(SYS(SYS_write, 1, "# written by write()\n", 21), 21);
    EXPECT(SYS(SYS_writev, 1, parts, 3), 24);
    EXPECT(SYS(SYS_writev, 1, parts, 0), 0);
    EXPECT(SYS(SYS_writev, 1, parts, -1), -EINVAL);
    EXPECT(SYS(SYS_writev, 1, parts, 1025), -EINVAL);
    EXPECT(SYS(SYS_writev, 1, KERNEL_ADDRESS, 1), -EFAULT);
    parts[0].iov_len = (size_t)-1;
    EXPECT(SYS(SYS_writev, 1, parts, 3), -EINVAL);
}

static void test_bad_fd(void)
{
    static const int fds[] = {-1, 999, 1 << 30};
    char buf[64];
    struct iovec io = {buf, 1};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        EXPECT(SYS(SYS_read, fds[i], buf, 1), -EBADF);
        EXPECT(SYS(SYS_write, fds[i], buf, 1), -EBADF);
        EXPECT(SYS(SYS_writev, fds[i], &io, 1), -EBADF);
        EXPECT(SYS(SYS_lseek, fds[i], 0, SEEK_SET), -EBADF);
        EXPECT(SYS(SYS_fstat, fds[i], buf), -EBADF);
        EXPECT(SYS(SYS_ioctl, fds[i], TCGETS, buf), -EBADF);
        EXPECT(SYS(SYS_close, fds[i]), -EBADF);
        EXPECT(raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fds[i], 0), -EBADF);
    }
}

static void test_bad_pointers(void)
{
    static const uint64_t bad[] = {0, 4096, NOT_CANONICAL, KERNEL_ADDRESS, USER_TOP, -4096ul, -1ul};
    int fd = open(own_path, O_RDONLY);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        EXPECT(SYS(SYS_uname, bad[i]), -EFAULT);
        EXPECT(SYS(SYS_fstat, fd, bad[i]), -EFAULT);
        EXPECT(SYS(SYS_read, fd, bad[i], 16), -EFAULT);
        EXPECT(SYS(SYS_write, 1, bad[i], 16), -EFAULT);
        EXPECT(SYS(SYS_readlink, bad[i], bad[i], 16), -EFAULT);
    }
    EXPECT(SYS(SYS_read, fd, area, -1ul), -EFAULT);
    close(fd);
}

/* Buffers and strings that end, or do not end, with the page before an unmapped one. */
static void test_end_of_page(void)
{
    char *page = map_pages(0, 1, RW, MAP_PRIVATE);
    char *end = page + PAGE;

    EXPECT(kernel_writes(end - sizeof(struct utsname)), 0);
    EXPECT(kernel_writes(end - sizeof(struct utsname) + 1), -EFAULT);
    EXPECT(kernel_writes(end - 1), -EFAULT);
    memcpy(end - 9, "/nosuch!", 9);
    EXPECT(SYS(SYS_open, end - 9, O_RDONLY), -ENOENT);
    end[-1] = 'x';
    EXPECT(SYS(SYS_open, end - 9, O_RDONLY), -EFAULT);
    munmap(page, PAGE);
}

static void test_terminal(void)
{
    struct termios t;
    struct winsize w;

    for (int fd = 0; fd < 3; fd++) {
        long get = SYS(SYS_ioctl, fd, TCGETS, &t), size = SYS(SYS_ioctl, fd, TIOCGWINSZ, &w);

        CHECK(get == 0 || get == -ENOTTY || get == -EBADF, "TCGETS on %d: %ld", fd, get);
        CHECK(size == get, "TIOCGWINSZ on %d: %ld, but TCGETS %ld", fd, size, get);
        CHECK(isatty(fd) == (get == 0), "isatty(%d) is %d", fd, isatty(fd));
    }
}

/* ---- The list ---- */

static const struct abi_case cases[] = {
    {"stdio: numbers to text and back", test_stdio},
    {"floating point survives system calls", test_floating_point_kept},
    {"malloc and free across sizes", test_malloc},
    {"realloc keeps bytes up to 16 MB", test_realloc},
    {"clocks", test_time},
    {"ids of process, thread and user", test_ids},
    {"uname", test_uname},
    {"getrandom", test_getrandom},
    {"prlimit64", test_prlimit},
    {"arch_prctl and the thread pointer", test_thread_pointer},
    {"rt_sigprocmask", test_signal_mask},
    {"rt_sigaction", test_signal_action},
    {"unknown calls answer ENOSYS", test_unknown_call},
    {"4 MB of recursion", test_deep_recursion},
    {"readlink", test_readlink},
    {"own executable: open, read, lseek, stat, close", test_own_file},
    {"open: errors", test_open_errors},
    {"write and writev", test_write},
    {"bad file descriptors", test_bad_fd},
    {"bad pointers", test_bad_pointers},
    {"buffers and strings at the end of a page", test_end_of_page},
    {"terminal calls on 0, 1 and 2 agree", test_terminal},
};

static void run_cases(const struct abi_case *list, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (!strstr(list[i].name, wanted))
            continue;
        list[i].run();
        CHECK(maps_empty(area, area + GIB(1)), "the case left something mapped behind");
        tap_done(list[i].name);
    }
}

/* Where the program's code is tells how it was linked: fixed at 4 MiB, or placed by the kernel. */
static const char *linked_as(void)
{
    return (uintptr_t)linked_as < MIB(64) ? "ET_EXEC" : "static PIE";
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : "";

    tap_begin();
    printf("# a static program linked as %s\n", linked_as());
    fflush(stdout);
    area = arena_find(GIB(1), PUD);
    result(readlink("/proc/self/exe", own_path, sizeof(own_path) - 1));
    run_cases(cases, ARRAY_SIZE(cases), wanted);
    run_cases(file_cases, file_case_count, wanted);
    run_cases(mm_cases, mm_case_count, wanted);
    run_cases(self_cases, self_case_count, wanted);
    return tap_end();
}
