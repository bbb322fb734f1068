/* Inside of proc_test: /proc/PID/status and statm. */
#define _GNU_SOURCE
#include "proc_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Every line in its order: the name, and what stands behind it. Lines with a star are not on every kernel. */
static const struct {
    const char *name, *format;
} lines[] = {
    {"Name", "%l"},
    {"Umask", "0%l"},
    {"State", "R (running)"},
    {"Tgid", "%u"},
    {"Ngid", "%u"},
    {"Pid", "%u"},
    {"PPid", "%u"},
    {"TracerPid", "0"},
    {"Uid", "0\t0\t0\t0"},
    {"Gid", "0\t0\t0\t0"},
    {"FDSize", "%u"},
    {"Groups", "%l"},
    {"*NStgid", "%u"},
    {"*NSpid", "%u"},
    {"*NSpgid", "%u"},
    {"*NSsid", "%u"},
    {"Kthread", "0"},
    {"VmPeak", "%8u kB"},
    {"VmSize", "%8u kB"},
    {"VmLck", "%8u kB"},
    {"VmPin", "%8u kB"},
    {"VmHWM", "%8u kB"},
    {"VmRSS", "%8u kB"},
    {"RssAnon", "%8u kB"},
    {"RssFile", "%8u kB"},
    {"RssShmem", "%8u kB"},
    {"VmData", "%8u kB"},
    {"VmStk", "%8u kB"},
    {"VmExe", "%8u kB"},
    {"VmLib", "%8u kB"},
    {"VmPTE", "%8u kB"},
    {"VmSwap", "%8u kB"},
    {"*HugetlbPages", "%8u kB"},
    {"CoreDumping", "0"},
    {"*THP_enabled", "%u"},
    {"*untag_mask", "0x%x"},
    {"Threads", "%u"},
    {"SigQ", "%u/%u"},
    {"SigPnd", "%16x"},
    {"ShdPnd", "%16x"},
    {"SigBlk", "%16x"},
    {"SigIgn", "%16x"},
    {"SigCgt", "%16x"},
    {"CapInh", "%16x"},
    {"CapPrm", "%16x"},
    {"CapEff", "%16x"},
    {"CapBnd", "%16x"},
    {"CapAmb", "%16x"},
    {"NoNewPrivs", "%u"},
    {"*Seccomp", "%u"},
    {"*Seccomp_filters", "%u"},
    {"*Speculation_Store_Bypass", "%l"},
    {"*SpeculationIndirectBranch", "%l"},
    {"*x86_Thread_features", "%l"},
    {"*x86_Thread_features_locked", "%l"},
    {"Cpus_allowed", "%l"},
    {"Cpus_allowed_list", "%l"},
    {"Mems_allowed", "%l"},
    {"Mems_allowed_list", "%l"},
    {"voluntary_ctxt_switches", "%u"},
    {"nonvoluntary_ctxt_switches", "%u"},
};

static void test_format(void)
{
    const char *at = must_slurp("/proc/self/status");

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        bool may_miss = lines[i].name[0] == '*';
        const char *name = lines[i].name + may_miss;
        size_t length = strlen(name);

        if (strncmp(at, name, length) || at[length] != ':') {
            CHECK(may_miss, "no line %s where it should be: %.40s", name, at);
            continue;
        }
        at += length;
        CHECK(scan(&at, ":\t") && scan(&at, lines[i].format, NULL, NULL) && *at == '\n',
              "%s: %.40s", name, at);
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    CHECK(!*at, "more lines: %s", at);
}

static void test_identity(void)
{
    mode_t before = umask(027);
    char expected[64];

    must_slurp("/proc/self/status");
    umask(before);
    EXPECT(value_of(text, "Pid"), getpid());
    EXPECT(value_of(text, "Tgid"), getpid());
    EXPECT(value_of(text, "PPid"), getppid());
    EXPECT(value_of(text, "NSpgid"), getpgid(0));
    EXPECT(value_of(text, "NSsid"), getsid(0));
    EXPECT(value_of(text, "Threads"), 1);
    EXPECT(value_of(text, "Umask"), 27);
    snprintf(expected, sizeof(expected), "Name:\t%s\nUmask:\t", own_name());
    CHECK(!strncmp(text, expected, strlen(expected)), "%.30s, not %s", text, expected);
}

/* What all mappings add up to, in kB; those above the program's addresses are not counted. */
static uint64_t mapped_kib(void)
{
    const char *at = must_slurp("/proc/self/maps");
    uint64_t bytes = 0;
    struct vma_line v;

    while (*at && (at = parse_vma(at, &v)))
        bytes += v.end <= USER_TOP ? v.end - v.start : 0;
    return bytes >> 10;
}

static void test_sizes(void)
{
    uint64_t size, data, locked;
    char *p;

    EXPECT(status_value("VmSize"), mapped_kib());
    size = value_of(must_slurp("/proc/self/status"), "VmSize");
    data = value_of(text, "VmData");
    locked = value_of(text, "VmLck");
    CHECK(value_of(text, "VmPeak") >= size, "peak %lu, size %lu", value_of(text, "VmPeak"), size);
    CHECK(value_of(text, "VmStk") >= 128 && value_of(text, "VmStk") < 8192, "stack %lu kB",
          value_of(text, "VmStk"));
    CHECK(value_of(text, "VmExe") >= 16 && value_of(text, "VmExe") < 4096, "code %lu kB",
          value_of(text, "VmExe"));
    p = map_area(0, 100, RW, 0);
    map_area(200, 50, PROT_READ, 0);
    EXPECT(mlock(p, 10 * PAGE), 0);
    must_slurp("/proc/self/status");
    EXPECT(value_of(text, "VmSize"), size + 600);
    EXPECT(value_of(text, "VmData"), data + 400);
    EXPECT(value_of(text, "VmLck"), locked + 40);
    unmap_area(0, 250);
    must_slurp("/proc/self/status");
    EXPECT(value_of(text, "VmSize"), size);
    CHECK(value_of(text, "VmPeak") >= size + 600, "peak %lu kB", value_of(text, "VmPeak"));
}

#define MANY 2000
#define SLACK 400 /* kB: Linux counts in batches */

static void test_resident(void)
{
    uint64_t anon, shmem, tables, peak;
    char *p;

    must_slurp("/proc/self/status");
    EXPECT(value_of(text, "VmRSS"),
           value_of(text, "RssAnon") + value_of(text, "RssFile") + value_of(text, "RssShmem"));
    anon = value_of(text, "RssAnon");
    shmem = value_of(text, "RssShmem");
    tables = value_of(text, "VmPTE");
    p = map_area(0, MANY, RW, 0);
    read_pages(p, MANY);
    must_slurp("/proc/self/status");
    CHECK(value_of(text, "RssAnon") <= anon + SLACK, "%lu kB, %lu before reading",
          value_of(text, "RssAnon"), anon);
    write_pages(p, MANY);
    raw_mmap(area + GIB(1), MANY * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    write_pages((char *)area + GIB(1), MANY);
    must_slurp("/proc/self/status");
    peak = value_of(text, "VmHWM");
    CHECK(value_of(text, "RssAnon") + SLACK > anon + 4 * MANY &&
              value_of(text, "RssAnon") < anon + 4 * MANY + SLACK,
          "%lu kB, %lu before writing", value_of(text, "RssAnon"), anon);
    CHECK(value_of(text, "RssShmem") + SLACK > shmem + 4 * MANY &&
              value_of(text, "RssShmem") < shmem + 4 * MANY + SLACK,
          "%lu kB shared, %lu before writing", value_of(text, "RssShmem"), shmem);
    CHECK(peak >= value_of(text, "VmRSS"), "peak %lu", peak);
    CHECK(value_of(text, "VmPTE") >= tables + 8 * 4, "tables %lu kB, %lu before",
          value_of(text, "VmPTE"), tables);
    unmap_area(0, MANY);
    munmap((void *)(area + GIB(1)), MANY * PAGE);
    must_slurp("/proc/self/status");
    CHECK(value_of(text, "RssAnon") < anon + SLACK, "%lu kB afterwards, %lu before",
          value_of(text, "RssAnon"), anon);
    CHECK(value_of(text, "VmHWM") + SLACK > peak, "peak %lu kB, before %lu",
          value_of(text, "VmHWM"), peak);
}

/* What memfd_create() makes is shared memory, too. */
static void test_memfd(void)
{
    int fd = (int)SYS(SYS_memfd_create, "memory", 0);
    uint64_t shmem = status_value("RssShmem"), file = status_value("RssFile");

    EXPECT(ftruncate(fd, MANY * PAGE), 0);
    EXPECT(raw_mmap(area, MANY * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0), area);
    write_pages((char *)area, MANY);
    must_slurp("/proc/self/status");
    CHECK(value_of(text, "RssShmem") + SLACK > shmem + 4 * MANY, "%lu kB shared, %lu before",
          value_of(text, "RssShmem"), shmem);
    CHECK(value_of(text, "RssFile") < file + SLACK, "%lu kB of files, %lu before",
          value_of(text, "RssFile"), file);
    unmap_area(0, MANY);
    close(fd);
}

/* The same by pages. */
static void test_statm(void)
{
    uint64_t size, resident, shared, code, data;
    const char *at;

    write_pages(map_area(0, 300, RW, 0), 300);
    at = must_slurp("/proc/self/statm");
    CHECK(scan(&at, "%u %u %u %u 0 %u 0\n", &size, &resident, &shared, &code, &data) && !*at, "%s",
          text);
    must_slurp("/proc/self/status");
    EXPECT(size * 4, value_of(text, "VmSize"));
    EXPECT(code * 4, value_of(text, "VmExe"));
    EXPECT(data * 4, value_of(text, "VmData") + value_of(text, "VmStk"));
    CHECK(resident * 4 + SLACK > value_of(text, "VmRSS") &&
              resident * 4 < value_of(text, "VmRSS") + SLACK,
          "%lu pages resident, %lu kB", resident, value_of(text, "VmRSS"));
    CHECK(shared * 4 < value_of(text, "RssFile") + value_of(text, "RssShmem") + SLACK,
          "%lu pages shared", shared);
    unmap_area(0, 300);
}

/* ---- Signals ---- */

static uint64_t set_of(const char *name)
{
    const char *line = strstr(text, name);
    uint64_t set = 0;

    if (line)
        line += strlen(name);
    CHECK(line && scan(&line, ":\t%16x\n", &set), "no %s", name);
    return set;
}

static void handler(int sig)
{
    (void)sig;
}

#define BIT(sig) (1ul << ((sig)-1))

static int signals_child(void *arg)
{
    sigset_t set;

    (void)arg;
    signal(SIGUSR2, SIG_IGN);
    signal(SIGHUP, handler);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    SYS(SYS_tgkill, getpid(), SYS(SYS_gettid), SIGTERM);
    must_slurp("/proc/self/status");
    EXPECT(set_of("\nSigBlk"), BIT(SIGUSR1) | BIT(SIGTERM));
    EXPECT(set_of("\nShdPnd"), BIT(SIGUSR1));
    EXPECT(set_of("\nSigPnd"), BIT(SIGTERM));
    EXPECT(set_of("\nSigIgn") & BIT(SIGUSR2), BIT(SIGUSR2));
    EXPECT(set_of("\nSigIgn") & BIT(SIGHUP), 0);
    EXPECT(set_of("\nSigCgt") & (BIT(SIGHUP) | BIT(SIGUSR2)), BIT(SIGHUP));
    return 0;
}

static void test_signals(void)
{
    in_child(signals_child, NULL);
}

/* ---- Threads ---- */

static void *look_as_thread(void *arg)
{
    int tid = (int)SYS(SYS_gettid);
    char path[64];

    (void)arg;
    must_slurp("/proc/self/status");
    EXPECT(value_of(text, "Threads"), 2);
    EXPECT(value_of(text, "Pid"), getpid());
    must_slurp("/proc/thread-self/status");
    EXPECT(value_of(text, "Pid"), tid);
    EXPECT(value_of(text, "Tgid"), getpid());
    snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
    must_slurp(path);
    EXPECT(value_of(text, "Pid"), tid);
    EXPECT(value_of(text, "Threads"), 2);
    return NULL;
}

static void test_threads(void)
{
    pthread_t thread;

    EXPECT(pthread_create(&thread, NULL, look_as_thread, NULL), 0);
    EXPECT(pthread_join(thread, NULL), 0);
}

/* ---- Other processes ---- */

static char state_of(pid_t pid)
{
    const char *line = strstr(must_slurp(of_process(pid, "status")), "\nState:\t");

    return line ? line[8] : '?';
}

static void wait_for_state(pid_t pid, char state)
{
    uint64_t start = now_ms();

    while (state_of(pid) != state && now_ms() - start < 5000)
        sleep_ms(1);
    EXPECT(state_of(pid), state);
}

static int end_at_once(void *arg)
{
    (void)arg;
    return 3;
}

static void test_states(void)
{
    pid_t pid = child_sleeper();

    wait_for_state(pid, 'S');
    CHECK(strstr(text, "\nState:\tS (sleeping)\n"), "%.60s", text);
    EXPECT(value_of(text, "PPid"), getpid());
    kill(pid, SIGSTOP);
    wait_for_state(pid, 'T');
    CHECK(strstr(text, "\nState:\tT (stopped)\n"), "%.60s", text);
    kill(pid, SIGCONT);
    wait_for_state(pid, 'S');
    child_end(pid);
    pid = child_start(end_at_once, NULL);
    wait_for_state(pid, 'Z');
    CHECK(strstr(text, "\nState:\tZ (zombie)\n"), "%.60s", text);
    CHECK(value_of(text, "VmSize") == UINT64_MAX, "a zombie has memory");
    EXPECT(value_of(text, "Threads"), 1);
    child_exits(pid, 3);
    EXPECT(slurp(of_process(pid, "status")), -ENOENT);
}

/* ---- While programs change ---- */

int proc_role_threads(int argc, char **argv);

static void *turn(void *arg)
{
    for (volatile bool on = true; on;)
        ;
    return arg;
}

/* With threads that never sleep, execute itself argv[0] times. */
int proc_role_threads(int argc, char **argv)
{
    char left[16], *next[] = {"proc_test", "--be", "threads", left, NULL};
    pthread_t thread;

    if (argc < 1 || atoi(argv[0]) == 0)
        return 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&thread, NULL, turn, NULL);
    snprintf(left, sizeof(left), "%d", atoi(argv[0]) - 1);
    sleep_ms(1);
    execv(own_path, next);
    return 1;
}

static int exec_threads(void *arg)
{
    char *argv[] = {"proc_test", "--be", "threads", "12", NULL};

    (void)arg;
    execv(own_path, argv);
    return 99;
}

/* Everything can be read at any time, also while a process waits for its threads to end. */
static void test_changing(void)
{
    static const char *const files[] = {"maps",  "smaps",   "smaps_rollup", "status", "stat",
                                        "statm", "cmdline", "environ",      "auxv"};
    pid_t pid = child_start(exec_threads, NULL);
    siginfo_t info = {.si_pid = 0};
    long n;

    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid) {
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
            n = slurp(of_process(pid, files[i]));
            CHECK(n >= 0 || n == -ESRCH || n == -EIO, "%s: %ld", files[i], n);
        }
        must_slurp("/proc/meminfo");
    }
    child_exits(pid, 0);
}

static const struct suite_case cases[] = {
    {"status: every line by its format", test_format},
    {"status: who it is", test_identity},
    {"status: sizes", test_sizes},
    {"status: resident memory", test_resident},
    {"status: memory of memfd_create", test_memfd},
    {"statm", test_statm},
    {"status: signals", test_signals},
    {"status: threads", test_threads},
    {"status: asleep, stopped, ended", test_states},
    {"all of it, while a process of several threads executes itself", test_changing},
};
CASES(status_cases, cases);
