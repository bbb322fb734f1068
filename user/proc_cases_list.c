/* Inside of proc_test: directories. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The names in a directory, each with a blank before and behind it. */
static char names[65536];
static size_t name_count;

static const char *list(const char *path)
{
    DIR *dir = opendir(path);
    size_t length = 1;

    snprintf(names, sizeof(names), " ");
    name_count = 0;
    CHECK(dir != NULL, "opendir(%s): %s", path, strerror(errno));
    for (struct dirent *d; dir && (d = readdir(dir)); name_count++)
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s ", d->d_name);
    if (dir)
        closedir(dir);
    return names;
}

static bool listed(const char *name)
{
    char word[300];

    snprintf(word, sizeof(word), " %s ", name);
    return strstr(names, word) != NULL;
}

static bool pid_listed(pid_t pid)
{
    char name[16];

    snprintf(name, sizeof(name), "%d", pid);
    return listed(name);
}

/* All of @expected, words with blanks between them, are in @path. */
static void expect_names(const char *path, const char *expected)
{
    char word[64];

    list(path);
    while (*expected) {
        size_t length = strcspn(expected, " ");

        snprintf(word, sizeof(word), "%.*s", (int)length, expected);
        CHECK(listed(word), "%s: no %s among%s", path, word, names);
        expected += length;
        expected += *expected == ' ';
    }
}

static void test_names(void)
{
    expect_names("/proc",
                 ". .. self thread-self meminfo vmstat cpuinfo filesystems mounts uptime loadavg "
                 "stat version cmdline devices sys");
    expect_names(
        "/proc/self",
        ". .. auxv cmdline comm cwd environ exe fd fdinfo limits maps mountinfo mounts oom_score "
        "oom_score_adj pagemap root smaps smaps_rollup stat statm status task wchan");
    expect_names("/proc/thread-self", "auxv comm fd fdinfo maps pagemap smaps stat statm status");
    CHECK(!listed("task"), "a thread has tasks");
    expect_names("/proc/sys", ". .. kernel vm");
    expect_names("/proc/sys/vm", "max_map_count mmap_min_addr nr_hugepages overcommit_memory");
    expect_names("/proc/sys/kernel", "hostname osrelease ostype pid_max randomize_va_space");
    expect_names("/sys/devices/system/cpu", "online possible present");
    expect_names("/sys/kernel/mm", "transparent_hugepage");
}

/* What a directory says of its names is what stat says. */
static void check_entries(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    struct stat st;

    CHECK(dir != NULL, "opendir(%s): %s", path, strerror(errno));
    while (dir && (d = readdir(dir))) {
        if (!strcmp(d->d_name, ".."))
            continue;
        if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
            CHECK(errno == ENOENT, "%s/%s: %s", path, d->d_name, strerror(errno));
            continue;
        }
        CHECK(d->d_type == (st.st_mode & S_IFMT) >> 12, "%s/%s: type %d, mode %o", path, d->d_name,
              d->d_type, st.st_mode);
        CHECK(d->d_ino == st.st_ino, "%s/%s: inode %lu, by stat %lu", path, d->d_name,
              (unsigned long)d->d_ino, (unsigned long)st.st_ino);
        CHECK(st.st_size == 0 || S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode) ||
                  strncmp(path, "/proc/self", 10),
              "%s/%s: %ld bytes", path, d->d_name, (long)st.st_size);
    }
    if (dir)
        closedir(dir);
}

static void test_types(void)
{
    check_entries("/proc/self");
    check_entries("/proc/self/fd");
    check_entries("/proc/self/fdinfo");
    check_entries("/proc/self/task");
    check_entries("/proc/sys/vm");
    check_entries("/sys/kernel/mm/transparent_hugepage");
}

static void test_modes(void)
{
    static const struct {
        const char *path;
        mode_t mode;
    } modes[] = {
        {"/proc", S_IFDIR | 0555},
        {"/proc/self/", S_IFDIR | 0555},
        {"/proc/self/fd", S_IFDIR | 0500},
        {"/proc/self/fdinfo", S_IFDIR | 0555},
        {"/proc/self/task", S_IFDIR | 0555},
        {"/proc/self/maps", S_IFREG | 0444},
        {"/proc/self/pagemap", S_IFREG | 0400},
        {"/proc/self/environ", S_IFREG | 0400},
        {"/proc/self/comm", S_IFREG | 0644},
        {"/proc/self/oom_score_adj", S_IFREG | 0644},
        {"/proc/meminfo", S_IFREG | 0444},
        {"/proc/sys", S_IFDIR | 0555},
        {"/proc/sys/vm/max_map_count", S_IFREG | 0644},
        {"/proc/sys/kernel/ostype", S_IFREG | 0444},
        {"/sys/kernel/mm", S_IFDIR | 0755},
        {"/sys/kernel/mm/transparent_hugepage/enabled", S_IFREG | 0644},
    };
    struct stat st;

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        EXPECT(stat(modes[i].path, &st), 0);
        CHECK(st.st_mode == modes[i].mode, "%s: mode %o, not %o", modes[i].path, st.st_mode,
              modes[i].mode);
    }
    EXPECT(stat("/sys/devices/system/cpu/online", &st), 0);
    EXPECT(st.st_size, 4096);
}

static void test_processes(void)
{
    pid_t pid = child_sleeper(), last = 0;

    list("/proc");
    CHECK(pid_listed(getpid()) && pid_listed(pid) && pid_listed(1), "of us, in%s", names);
    for (char *word = strtok(names, " "); word; word = strtok(NULL, " "))
        if (atoi(word)) {
            CHECK(atoi(word) > last, "%s behind %d", word, last);
            last = atoi(word);
        }
    child_end(pid);
    list("/proc");
    CHECK(!pid_listed(pid), "%d has ended, and is in%s", pid, names);
    EXPECT(SYS(SYS_open, "/proc/0", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_open, "/proc/01", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_open, "/proc/99999999999", O_RDONLY), -ENOENT);
    EXPECT(SYS(SYS_open, of_process(pid, ""), O_RDONLY), -ENOENT);
}

/* A directory that was open when its process went away. */
static void test_gone(void)
{
    pid_t pid = child_sleeper();
    int fd = must_open(of_process(pid, ""), O_RDONLY | O_DIRECTORY), file;
    static char buf[4096];

    file = openat(fd, "stat", O_RDONLY);
    CHECK(file >= 0, "openat(): %s", strerror(errno));
    child_end(pid);
    EXPECT(SYS(SYS_openat, fd, "stat", O_RDONLY), -ESRCH);
    EXPECT(SYS(SYS_read, file, buf, sizeof(buf)), -ESRCH);
    CHECK(SYS(SYS_getdents64, fd, buf, sizeof(buf)) <= 0 || buf[19] == '.', "names");
    close(file);
    close(fd);
}

static void test_fds(void)
{
    int low = must_open("/dev/null", O_RDONLY), high;
    size_t before;
    char word[16];

    close(low);
    list("/proc/self/fd");
    before = name_count;
    CHECK(before >= 2 + 3 + 1, "%zu names", before); /* . and .., 0 to 2, the directory itself */
    high = fcntl(0, F_DUPFD, 700);
    EXPECT(high, 700);
    list("/proc/self/fd");
    EXPECT(name_count, before + 1);
    CHECK(listed("700"), "no 700 in%s", names);
    snprintf(word, sizeof(word), "%d", low);
    CHECK(listed("0") && listed("1") && listed("2") && listed(word), "in%s", names);
    list("/proc/self/fdinfo");
    EXPECT(name_count, before + 1);
    close(high);
}

/* As many names at a time as there is room for; each once. */
static void test_small_buffer(void)
{
    int fd = must_open("/proc/self", O_RDONLY | O_DIRECTORY);
    static char buf[64];
    size_t count = 0;
    long n;

    list("/proc/self");
    while ((n = SYS(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
        for (long at = 0; at < n; count++) {
            CHECK(listed(buf + at + 19), "%s", buf + at + 19);
            at += *(unsigned short *)(buf + at + 16);
        }
    EXPECT(n, 0);
    EXPECT(count, name_count);
    EXPECT(lseek(fd, 0, SEEK_SET), 0);
    CHECK(SYS(SYS_getdents64, fd, buf, sizeof(buf)) > 0, "from the start");
    close(fd);
}

static void *list_threads(void *arg)
{
    char name[16];

    (void)arg;
    list("/proc/self/task");
    EXPECT(name_count, 4);
    snprintf(name, sizeof(name), "%d", (int)SYS(SYS_gettid));
    CHECK(listed(name), "no %s in%s", name, names);
    snprintf(name, sizeof(name), "%d", getpid());
    CHECK(listed(name), "no %s in%s", name, names);
    return NULL;
}

static void test_tasks(void)
{
    pid_t pid = child_sleeper();
    char path[64];
    pthread_t thread;

    EXPECT(pthread_create(&thread, NULL, list_threads, NULL), 0);
    EXPECT(pthread_join(thread, NULL), 0);
    list("/proc/self/task");
    EXPECT(name_count, 3);
    snprintf(path, sizeof(path), "/proc/self/task/%d", pid);
    EXPECT(SYS(SYS_open, path, O_RDONLY), -ENOENT);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/maps", pid, pid);
    close(must_open(path, O_RDONLY));
    child_end(pid);
}

/* Nothing can be made there, or taken away. */
static void test_read_only(void)
{
    EXPECT(SYS(SYS_open, "/proc/new", O_CREAT | O_RDWR, 0600), -ENOENT);
    EXPECT(SYS(SYS_open, "/proc/self/new", O_CREAT | O_RDWR, 0600), -ENOENT);
    EXPECT(SYS(SYS_open, "/proc/meminfo", O_CREAT | O_EXCL | O_RDWR, 0600), -EEXIST);
    EXPECT(SYS(SYS_mkdir, "/proc/new", 0700), -ENOENT);
    EXPECT(SYS(SYS_mkdir, "/proc/self/new", 0700), -ENOENT);
    EXPECT(SYS(SYS_mkdir, "/proc/sys/vm/new", 0700), -ENOENT);
    EXPECT(SYS(SYS_mkdir, "/proc/self", 0700), -EEXIST);
    EXPECT(SYS(SYS_unlink, "/proc/meminfo"), -EPERM);
    EXPECT(SYS(SYS_unlink, "/proc/self/maps"), -EPERM);
    EXPECT(SYS(SYS_unlink, "/proc/none"), -ENOENT);
    EXPECT(SYS(SYS_rmdir, "/proc/self/task"), -EPERM);
    EXPECT(SYS(SYS_rename, "/proc/meminfo", "/proc/version"), -EPERM);
    EXPECT(SYS(SYS_open, "/proc/self", O_RDWR), -EISDIR);
    EXPECT(SYS(SYS_open, "/proc/meminfo/x", O_RDONLY), -ENOTDIR);
}

static const struct suite_case cases[] = {
    {"directories: what must be there", test_names},
    {"directories: types and inodes", test_types},
    {"directories: permissions", test_modes},
    {"directories: processes", test_processes},
    {"directories: of a process that is gone", test_gone},
    {"directories: descriptors", test_fds},
    {"directories: in small pieces", test_small_buffer},
    {"directories: threads", test_tasks},
    {"directories: nothing can be made or removed", test_read_only},
};
CASES(list_cases, cases);
