/* Resource limits and usage. */
#pragma once

#include "kernel/abi/time.h"

#include <stdint.h>

enum {
    RLIMIT_CPU,
    RLIMIT_FSIZE,
    RLIMIT_DATA,
    RLIMIT_STACK,
    RLIMIT_CORE,
    RLIMIT_RSS,
    RLIMIT_NPROC,
    RLIMIT_NOFILE,
    RLIMIT_MEMLOCK,
    RLIMIT_AS,
    RLIMIT_LOCKS,
    RLIMIT_SIGPENDING,
    RLIMIT_MSGQUEUE,
    RLIMIT_NICE,
    RLIMIT_RTPRIO,
    RLIMIT_RTTIME,
    RLIMITS
};

#define RLIM_INFINITY UINT64_MAX
#define NOFILE_MAX 262144 /* what RLIMIT_NOFILE can be set to, at most: Linux's fs.nr_open */

struct rlimit {
    uint64_t cur;
    uint64_t max;
};

#define RUSAGE_SELF 0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD 1

struct rusage {
    struct timeval utime, stime;
    int64_t maxrss; /* KiB */
    int64_t ixrss, idrss, isrss;
    int64_t minflt, majflt;
    int64_t nswap, inblock, oublock, msgsnd, msgrcv, nsignals;
    int64_t nvcsw, nivcsw;
};

_Static_assert(sizeof(struct rlimit) == 16, "the ABI's size");
_Static_assert(sizeof(struct rusage) == 144, "the ABI's size");

/* What exec takes: one string with its NUL at most; in all, always; and in all, at most. */
#define MAX_ARG_STRLEN 131072
#define ARG_MAX 131072
#define ARG_LIMIT_MAX (6u << 20)
