/* Inside of proc_test: /proc/sys and /sys. Each case puts back what it has changed. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* What is in the file now, without the newline. Settings are not read into very large buffers, says Linux. */
static const char *setting(const char *path)
{
    static char value[256];
    long n = read_file(path, value, sizeof(value));

    CHECK(n > 0 && value[n - 1] == '\n', "%s: %ld bytes", path, n);
    value[n > 0 ? n : 0] = '\0';
    value[strcspn(value, "\n")] = '\0';
    return value;
}

/* Write @value, which is to be answered with @result; the file shows @shown then. */
static void check_store(const char *path, const char *value, long result, const char *shown)
{
    long n = store(path, value);

    CHECK(n == result, "%s: \"%s\" written: %ld, not %ld", path, value, n, result);
    CHECK(!strcmp(setting(path), shown), "%s: \"%s\" written, %s read, not %s", path, value,
          setting(path), shown);
}

#define MAX_MAP_COUNT "/proc/sys/vm/max_map_count"

static void test_numbers(void)
{
    char before[64];

    snprintf(before, sizeof(before), "%s", setting(MAX_MAP_COUNT));
    check_store(MAX_MAP_COUNT, "65531", 5, "65531");
    check_store(MAX_MAP_COUNT, "  65532  \n", 10, "65532");
    check_store(MAX_MAP_COUNT, "65533 7\n", 6, "65533");
    check_store(MAX_MAP_COUNT, "0x10000", 7, "65536");
    check_store(MAX_MAP_COUNT, "0200001", 7, "65537");
    check_store(MAX_MAP_COUNT, "2147483647", 10, "2147483647");
    check_store(MAX_MAP_COUNT, "", 0, "2147483647");
    check_store(MAX_MAP_COUNT, "abc", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, "-1", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, "65531x", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, "65531,3", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, "+65531", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, "2147483648", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, "99999999999999999999", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, "\n", -EINVAL, "2147483647");
    check_store(MAX_MAP_COUNT, before, (long)strlen(before), before);
}

/* A number is what is written at the start; what is read there ends at once. */
static void test_positions(void)
{
    int fd = must_open(MAX_MAP_COUNT, O_RDWR);
    char before[64], bytes[8];

    snprintf(before, sizeof(before), "%s", setting(MAX_MAP_COUNT));
    EXPECT(SYS(SYS_pwrite64, fd, "77777", 5, 3), 5);
    CHECK(!strcmp(setting(MAX_MAP_COUNT), before), "%s", setting(MAX_MAP_COUNT));
    EXPECT(read(fd, bytes, 2), 2);
    EXPECT(read(fd, bytes, 2), 0);
    EXPECT(SYS(SYS_write, fd, KERNEL_ADDRESS, 2), -EFAULT);
    close(fd);
}

static void test_others(void)
{
    char before[64];

    snprintf(before, sizeof(before), "%s", setting("/proc/sys/vm/overcommit_memory"));
    check_store("/proc/sys/vm/overcommit_memory", "1", 1, "1");
    check_store("/proc/sys/vm/overcommit_memory", "3", -EINVAL, "1");
    check_store("/proc/sys/vm/overcommit_memory", "-1", -EINVAL, "1");
    check_store("/proc/sys/vm/overcommit_memory", before, (long)strlen(before), before);
    snprintf(before, sizeof(before), "%s", setting("/proc/sys/vm/mmap_min_addr"));
    check_store("/proc/sys/vm/mmap_min_addr", "-5", -EINVAL, before);
    check_store("/proc/sys/vm/mmap_min_addr", "x", -EINVAL, before);
    check_store("/proc/sys/vm/mmap_min_addr", before, (long)strlen(before), before);
    check_store("/proc/sys/vm/nr_hugepages", "x", -EINVAL, setting("/proc/sys/vm/nr_hugepages"));
    check_store("/proc/sys/vm/nr_hugepages", "-1", -EINVAL, setting("/proc/sys/vm/nr_hugepages"));
    snprintf(before, sizeof(before), "%s", setting("/proc/sys/kernel/pid_max"));
    check_store("/proc/sys/kernel/pid_max", "300", -EINVAL, before);
    check_store("/proc/sys/kernel/pid_max", "5000000", -EINVAL, before);
    check_store("/proc/sys/kernel/pid_max", before, (long)strlen(before), before);
}

/* With 1 anything may be promised, with 0 no more than could ever be. */
static void test_overcommit(void)
{
    const char *path = "/proc/sys/vm/overcommit_memory";
    char before[64];
    long map;

    snprintf(before, sizeof(before), "%s", setting(path));
    EXPECT(store(path, "0"), 1);
    EXPECT(raw_mmap(0, GIB(16384), RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -ENOMEM);
    EXPECT(store(path, "1"), 1);
    map = raw_mmap(0, GIB(16384), RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map > 0, "mmap(): %ld", map);
    EXPECT(store(path, before), strlen(before));
    EXPECT(munmap((void *)map, GIB(16384)), 0);
}

static void test_names(void)
{
    struct utsname name;

    EXPECT(uname(&name), 0);
    CHECK(!strcmp(setting("/proc/sys/kernel/osrelease"), name.release), "%s", name.release);
    CHECK(!strcmp(setting("/proc/sys/kernel/ostype"), name.sysname), "%s", name.sysname);
    CHECK(!strcmp(setting("/proc/sys/kernel/version"), name.version), "%s", name.version);
    CHECK(!strcmp(setting("/proc/sys/kernel/hostname"), name.nodename), "%s", name.nodename);
    EXPECT(store("/proc/sys/kernel/osrelease", "x"), -EACCES);
    EXPECT(store("/proc/sys/kernel/ostype", "x"), -EACCES);
    EXPECT(store("/proc/sys/kernel/hostname", name.nodename), strlen(name.nodename));
    CHECK(!strcmp(setting("/proc/sys/kernel/hostname"), name.nodename), "after writing the same");
    EXPECT(store("/proc/meminfo", "x"), -EIO);
    EXPECT(store("/proc/self/limits", "x"), -EINVAL);
}

/* "0", "0-3": a list of ranges. */
static void test_cpus(void)
{
    const char *at;
    uint64_t first, last;

    at = setting("/sys/devices/system/cpu/online");
    CHECK(scan(&at, "%u", &first) && first == 0, "%s", at);
    last = first;
    if (*at == '-')
        CHECK(scan(&at, "-%u", &last), "%s", at);
    EXPECT(last + 1, sysconf(_SC_NPROCESSORS_ONLN));
    CHECK(setting("/sys/devices/system/cpu/possible")[0] == '0', "possible");
    EXPECT(store("/sys/devices/system/cpu/online", "0"), -EACCES);
}

static void test_huge_pages(void)
{
    const char *path = "/sys/kernel/mm/transparent_hugepage/enabled";
    const char *value = setting(path), *open = strchr(value, '['), *close = strchr(value, ']');
    char chosen[16] = "", before[64];

    CHECK(open && close && open < close && !strchr(open + 1, '['), "%s", value);
    if (!open || !close)
        return;
    snprintf(chosen, sizeof(chosen), "%.*s", (int)(close - open - 1), open + 1);
    CHECK(strstr(value, "always") && strstr(value, "madvise") && strstr(value, "never"), "%s",
          value);
    snprintf(before, sizeof(before), "%s", value);
    check_store(path, chosen, (long)strlen(chosen), before);
    check_store(path, "alway", -EINVAL, before);
    check_store(path, "x", -EINVAL, before);
    check_store(path, "", 0, before);
    CHECK(!strcmp(setting("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"), "2097152"),
          "size of a huge page: %s", setting("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"));
    EXPECT(store("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "x"), -EACCES);
}

static const struct suite_case cases[] = {
    {"settings: how numbers are written", test_numbers},
    {"settings: positions", test_positions},
    {"settings: each with its range", test_others},
    {"settings: overcommit_memory", test_overcommit},
    {"settings: names, and what cannot be written", test_names},
    {"/sys: processors", test_cpus},
    {"/sys: transparent huge pages", test_huge_pages},
};
CASES(setting_cases, cases);
