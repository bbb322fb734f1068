/*
 * System calls: entry.asm calls syscall_dispatch(), which finds the handler by number.
 *
 * A handler is written as
 *
 *     SYSCALL3(read, int, fd, vaddr_t, buf, uint64_t, len)
 *     {
 *         ...
 *         return result;
 *     }
 *
 * and gets its arguments from the frame's registers, each cut to the width of its type as Linux does.
 */
#pragma once

#include "kernel/abi/syscalls.h"
#include "kernel/cpu.h"

/* Every call that Realign has; the others are answered with -ENOSYS and a line in the log. */
/* clang-format off */
#define SYSCALLS(X)                                                                                \
    /* memory */                                                                                   \
    X(brk) X(mmap) X(munmap) X(mprotect) X(madvise) X(mincore) X(mremap) X(mseal) X(msync)         \
    X(mlock) X(mlock2) X(munlock) X(mlockall) X(munlockall)                                        \
    /* open files */                                                                               \
    X(read) X(write) X(readv) X(writev) X(pread64) X(pwrite64) X(preadv) X(pwritev) X(preadv2)     \
    X(pwritev2) X(close) X(lseek) X(fstat) X(ioctl) X(fcntl) X(dup) X(dup2) X(dup3) X(getdents64)  \
    X(sendfile) X(copy_file_range) X(eventfd) X(eventfd2) X(close_range) X(flock) X(fsync)         \
    X(fdatasync) X(sync) X(syncfs) X(fadvise64) X(socket) X(socketpair) X(pipe) X(pipe2) X(poll)   \
    X(ppoll) X(select) X(pselect6) X(memfd_create)                                                 \
    /* names */                                                                                    \
    X(open) X(openat) X(creat) X(stat) X(lstat) X(newfstatat) X(statx) X(statfs) X(fstatfs)        \
    X(access) X(faccessat) X(faccessat2) X(readlink) X(readlinkat) X(getcwd) X(chdir) X(fchdir)    \
    X(umask) X(mkdir) X(mkdirat) X(mknod) X(mknodat) X(symlink) X(symlinkat) X(link) X(linkat)     \
    X(unlink) X(unlinkat) X(rmdir) X(rename) X(renameat) X(renameat2)                              \
    X(chmod) X(fchmod) X(fchmodat) X(fchmodat2) X(chown) X(lchown) X(fchown) X(fchownat)           \
    X(utime) X(utimes) X(futimesat) X(utimensat) X(truncate) X(ftruncate) X(fallocate)             \
    /* processes */                                                                                \
    X(execve) X(execveat) X(exit) X(exit_group) X(getpid) X(getppid) X(gettid) X(getpgrp)          \
    X(getpgid) X(getsid) X(set_tid_address)                                                        \
    X(set_robust_list) X(get_robust_list) X(arch_prctl) X(sched_yield) X(setpgid) X(setsid)        \
    X(fork) X(vfork) X(clone) X(clone3) X(wait4) X(waitid) X(futex)                                \
    X(prctl) X(sched_getaffinity) X(sched_setaffinity) X(getcpu) X(sched_get_priority_max)         \
    X(sched_get_priority_min) X(sched_getscheduler) X(sched_setscheduler) X(sched_getparam)        \
    X(sched_setparam) X(getpriority) X(setpriority)                                                \
    /* users */                                                                                    \
    X(getuid) X(geteuid) X(getgid) X(getegid) X(setuid) X(setgid) X(setreuid) X(setregid)          \
    X(setresuid) X(setresgid) X(getresuid) X(getresgid) X(setfsuid) X(setfsgid) X(getgroups)       \
    X(setgroups)                                                                                   \
    /* limits */                                                                                   \
    X(prlimit64) X(getrlimit) X(setrlimit) X(getrusage) X(times)                                   \
    /* signals */                                                                                  \
    X(rt_sigaction) X(rt_sigprocmask) X(rt_sigpending) X(rt_sigsuspend) X(rt_sigtimedwait)         \
    X(rt_sigreturn) X(sigaltstack) X(pause) X(kill) X(tkill) X(tgkill) X(rt_sigqueueinfo)          \
    X(rt_tgsigqueueinfo) X(pidfd_open) X(pidfd_send_signal)                                        \
    /* time */                                                                                     \
    X(clock_gettime) X(clock_getres) X(clock_nanosleep) X(nanosleep) X(gettimeofday) X(time)       \
    X(restart_syscall) X(alarm) X(setitimer) X(getitimer)                                          \
    /* the system */                                                                               \
    X(uname) X(sethostname) X(setdomainname) X(sysinfo) X(getrandom) X(reboot) X(mount) X(umount2)
/* clang-format on */

/* Called by entry.asm: the number is in @frame->rax, and the answer goes there. */
void syscall_dispatch(struct trap_frame *frame);

/* Take over the options that concern the memory calls. */
void sys_mm_init(void);

/* How many arguments a call has that is written with SYSCALL0() to SYSCALL6(); 0 for the others. */
unsigned syscall_arguments(uint64_t number);

/* The name of a call by its number, "unknown" where there is none. */
const char *syscall_name(uint64_t number);

#define SYSCALL_DECLARE(name)                                                                      \
    long sys_##name(struct trap_frame *frame);                                                     \
    extern const uint8_t syscall_args_##name __attribute__((weak));
SYSCALLS(SYSCALL_DECLARE)
#undef SYSCALL_DECLARE

/* The handler that takes the registers out of the frame, around the function that is then written. */
#define SYSCALL_BEGIN(name, count, parameters, arguments)                                          \
    const uint8_t syscall_args_##name = count;                                                     \
    static inline long do_##name parameters;                                                       \
    long sys_##name(struct trap_frame *frame)                                                      \
    {                                                                                              \
        (void)frame;                                                                               \
        return do_##name arguments;                                                                \
    }                                                                                              \
    static inline long do_##name parameters

#define SYSCALL0(name) SYSCALL_BEGIN(name, 0, (void), ())
#define SYSCALL1(name, t1, a1) SYSCALL_BEGIN(name, 1, (t1 a1), ((t1)frame->rdi))
#define SYSCALL2(name, t1, a1, t2, a2)                                                             \
    SYSCALL_BEGIN(name, 2, (t1 a1, t2 a2), ((t1)frame->rdi, (t2)frame->rsi))
#define SYSCALL3(name, t1, a1, t2, a2, t3, a3)                                                     \
    SYSCALL_BEGIN(name, 3, (t1 a1, t2 a2, t3 a3), ((t1)frame->rdi, (t2)frame->rsi, (t3)frame->rdx))
#define SYSCALL4(name, t1, a1, t2, a2, t3, a3, t4, a4)                                             \
    SYSCALL_BEGIN(name, 4, (t1 a1, t2 a2, t3 a3, t4 a4),                                           \
                  ((t1)frame->rdi, (t2)frame->rsi, (t3)frame->rdx, (t4)frame->r10))
#define SYSCALL5(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                     \
    SYSCALL_BEGIN(name, 5, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5),                                    \
                  ((t1)frame->rdi, (t2)frame->rsi, (t3)frame->rdx, (t4)frame->r10, (t5)frame->r8))
#define SYSCALL6(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                             \
    SYSCALL_BEGIN(name, 6, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6),                             \
                  ((t1)frame->rdi, (t2)frame->rsi, (t3)frame->rdx, (t4)frame->r10, (t5)frame->r8,  \
                   (t6)frame->r9))
