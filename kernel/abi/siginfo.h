/* What a signal tells of itself, and what a handler finds on its stack. */
#pragma once

#include "kernel/abi/signal.h"

#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_TKILL (-6)

enum { ILL_ILLOPC = 1, ILL_ILLOPN };
enum { FPE_INTDIV = 1, FPE_INTOVF, FPE_FLTDIV, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES, FPE_FLTINV };
enum { SEGV_MAPERR = 1, SEGV_ACCERR };
enum { BUS_ADRALN = 1, BUS_ADRERR };
enum { TRAP_BRKPT = 1, TRAP_TRACE };
enum { CLD_EXITED = 1, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED };

struct siginfo {
    int32_t signo;
    int32_t error;
    int32_t code;
    int32_t pad;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            union {
                uint64_t value; /* of sigqueue */
                int32_t status; /* of a child */
            };
            int64_t utime, stime; /* of a child */
        };
        uint64_t addr; /* of a fault */
        uint8_t bytes[112];
    };
};
_Static_assert(sizeof(struct siginfo) == 128, "the ABI's size");

/* SIGCHLD's, of child @pid with @status as wait4 tells it. */
static inline struct siginfo siginfo_child(int pid, int status)
{
    struct siginfo info = {.signo = SIGCHLD, .pid = pid};

    if (status == 0xffff) {
        info.code = CLD_CONTINUED;
        info.status = SIGCONT;
    } else if ((status & 0xff) == 0x7f) {
        info.code = CLD_STOPPED;
        info.status = status >> 8 & 0xff;
    } else if (status & 0x7f) {
        info.code = CLD_KILLED;
        info.status = status & 0x7f;
    } else {
        info.code = CLD_EXITED;
        info.status = status >> 8 & 0xff;
    }
    return info;
}
