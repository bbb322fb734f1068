/* Calls by which a process tells or asks about itself: prctl, scheduling, users, mounts. */
#define _GNU_SOURCE
#include "abi_test.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static void test_name(void)
{
    char name[17] = "", was[16];

    EXPECT(SYS(SYS_prctl, PR_GET_NAME, was), 0);
    EXPECT(SYS(SYS_prctl, PR_SET_NAME, "a name of more than 15 bytes"), 0);
    EXPECT(SYS(SYS_prctl, PR_GET_NAME, name), 0);
    CHECK(!strcmp(name, "a name of more "), "the name is %s", name);
    EXPECT(SYS(SYS_prctl, PR_SET_NAME, KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_prctl, PR_GET_NAME, KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_prctl, PR_SET_NAME, was), 0);
}

static void test_prctl(void)
{
    int value = -1;

    EXPECT(SYS(SYS_prctl, -1, 0, 0, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_prctl, PR_GET_DUMPABLE), 1);
    EXPECT(SYS(SYS_prctl, PR_SET_DUMPABLE, 3), -EINVAL);
    EXPECT(SYS(SYS_prctl, PR_SET_PDEATHSIG, 65), -EINVAL);
    EXPECT(SYS(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR1), 0);
    EXPECT(SYS(SYS_prctl, PR_GET_PDEATHSIG, &value), 0);
    EXPECT(value, SIGUSR1);
    EXPECT(SYS(SYS_prctl, PR_SET_PDEATHSIG, 0), 0);
    EXPECT(SYS(SYS_prctl, PR_GET_PDEATHSIG, KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_prctl, PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 1), -EINVAL);
    EXPECT(SYS(SYS_prctl, PR_CAPBSET_READ, 1000), -EINVAL);
}

static void test_affinity(void)
{
    uint64_t mask[16] = {0};

    CHECK(SYS(SYS_sched_getaffinity, 0, sizeof(mask), mask) >= 8, "no mask");
    CHECK(mask[0], "no processor");
    EXPECT(SYS(SYS_sched_getaffinity, 0, 9, mask), -EINVAL);
    EXPECT(SYS(SYS_sched_getaffinity, 0, 0, mask), -EINVAL);
    EXPECT(SYS(SYS_sched_getaffinity, 1 << 30, sizeof(mask), mask), -ESRCH);
    EXPECT(SYS(SYS_sched_getaffinity, 0, sizeof(mask), KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_sched_setaffinity, 0, 8, mask), 0);
    EXPECT(SYS(SYS_sched_setaffinity, 0, 8, KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_sched_setaffinity, 1 << 30, 8, mask), -ESRCH);
    mask[0] = 0;
    EXPECT(SYS(SYS_sched_setaffinity, 0, 8, mask), -EINVAL);
}

static void test_policy(void)
{
    int priority = 0;

    EXPECT(SYS(SYS_sched_getscheduler, 0), SCHED_OTHER);
    EXPECT(SYS(SYS_sched_getscheduler, -1), -EINVAL);
    EXPECT(SYS(SYS_sched_getscheduler, 1 << 30), -ESRCH);
    EXPECT(SYS(SYS_sched_setscheduler, 0, SCHED_OTHER, &priority), 0);
    EXPECT(SYS(SYS_sched_setscheduler, 0, 77, &priority), -EINVAL);
    EXPECT(SYS(SYS_sched_setscheduler, 0, SCHED_FIFO, &priority), -EINVAL);
    EXPECT(SYS(SYS_sched_setscheduler, 0, SCHED_OTHER, 0), -EINVAL);
    EXPECT(SYS(SYS_sched_getparam, 0, &priority), 0);
    EXPECT(priority, 0);
    EXPECT(SYS(SYS_sched_getparam, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_sched_get_priority_max, SCHED_RR), 99);
    EXPECT(SYS(SYS_sched_get_priority_min, SCHED_RR), 1);
    EXPECT(SYS(SYS_sched_get_priority_max, SCHED_OTHER), 0);
    EXPECT(SYS(SYS_sched_get_priority_max, 77), -EINVAL);
}

static void test_nice(void)
{
    EXPECT(SYS(SYS_getpriority, PRIO_PROCESS, 0), 20);
    EXPECT(SYS(SYS_setpriority, PRIO_PROCESS, 0, 5), 0);
    EXPECT(SYS(SYS_getpriority, PRIO_PROCESS, 0), 15);
    EXPECT(SYS(SYS_setpriority, PRIO_PROCESS, getpid(), -1000), 0);
    EXPECT(SYS(SYS_getpriority, PRIO_PROCESS, getpid()), 40);
    EXPECT(SYS(SYS_setpriority, PRIO_PROCESS, 0, 0), 0);
    EXPECT(SYS(SYS_getpriority, 3, 0), -EINVAL);
    EXPECT(SYS(SYS_setpriority, -1, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_getpriority, PRIO_PROCESS, 1 << 30), -ESRCH);
}

static void test_users(void)
{
    unsigned id[3] = {7, 7, 7};

    EXPECT(SYS(SYS_getresuid, &id[0], &id[1], &id[2]), 0);
    EXPECT(id[0] | id[1] | id[2], 0);
    EXPECT(SYS(SYS_getresgid, &id[0], &id[1], KERNEL_ADDRESS), -EFAULT);
    EXPECT(SYS(SYS_setresuid, 0, -1, -1), 0);
    EXPECT(SYS(SYS_setreuid, -1, 0), 0);
    EXPECT(SYS(SYS_setresgid, -1, -1, 0), 0);
    EXPECT(SYS(SYS_setfsuid, 0), 0);
    EXPECT(SYS(SYS_getgroups, -1, 0), -EINVAL);
    EXPECT(SYS(SYS_setgroups, 65537, 0), -EINVAL);
    EXPECT(SYS(SYS_setgroups, 1, KERNEL_ADDRESS), -EFAULT);
}

/* Set to what it is. */
static void test_host_name(void)
{
    struct utsname before, after;
    int length;

    EXPECT(SYS(SYS_uname, &before), 0);
    length = (int)strlen(before.nodename);
    EXPECT(SYS(SYS_sethostname, before.nodename, length), 0);
    EXPECT(SYS(SYS_sethostname, before.nodename, -1), -EINVAL);
    EXPECT(SYS(SYS_sethostname, before.nodename, 65), -EINVAL);
    EXPECT(SYS(SYS_sethostname, KERNEL_ADDRESS, 3), -EFAULT);
    EXPECT(SYS(SYS_setdomainname, KERNEL_ADDRESS, 3), -EFAULT);
    EXPECT(SYS(SYS_uname, &after), 0);
    CHECK(!strcmp(before.nodename, after.nodename), "the name is %s now", after.nodename);
}

static void test_mount(void)
{
    EXPECT(SYS(SYS_mount, "x", "/no/such", "proc", 0, 0), -ENOENT);
    EXPECT(SYS(SYS_mount, "x", KERNEL_ADDRESS, "proc", 0, 0), -EFAULT);
    EXPECT(SYS(SYS_mount, "x", "/tmp", "no such type", 0, 0), -ENODEV);
    EXPECT(SYS(SYS_mount, "x", "/tmp", 0, 0, 0), -EINVAL);
    EXPECT(SYS(SYS_mount, "x", "/bin/sh", "proc", MS_REMOUNT, 0), -EINVAL);
    EXPECT(SYS(SYS_umount2, "/tmp/..", 1 << 20), -EINVAL);
    EXPECT(SYS(SYS_umount2, "/no/such", 0), -ENOENT);
    EXPECT(SYS(SYS_umount2, "/proc/self", 0), -EINVAL);
}

const struct abi_case self_cases[] = {
    {"prctl: the name", test_name},       {"prctl", test_prctl},
    {"sched: processors", test_affinity}, {"sched: policies", test_policy},
    {"sched: nice values", test_nice},    {"users and groups", test_users},
    {"host name", test_host_name},        {"mount and umount2", test_mount},
};
const size_t self_case_count = ARRAY_SIZE(self_cases);
