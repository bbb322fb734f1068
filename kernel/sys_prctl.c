/* prctl: what a process says of itself. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

static long put_int(vaddr_t to, int value)
{
    return copy_to_user(to, &value, sizeof(value));
}

static long set_name(struct process *process, vaddr_t from)
{
    char name[PROCESS_NAME_SIZE];
    long length = strncpy_from_user(name, from, sizeof(name));

    if (length < 0)
        return length;
    name[PROCESS_NAME_SIZE - 1] = '\0';
    strlcpy(process->name, name, sizeof(process->name));
    return 0;
}

static long get_name(const struct process *process, vaddr_t to)
{
    char name[PROCESS_NAME_SIZE] = "";

    strlcpy(name, process->name, sizeof(name));
    return copy_to_user(to, name, sizeof(name));
}

static long set_death_signal(struct process *process, uint64_t sig)
{
    if (sig > SIGNALS)
        return -EINVAL;
    process->death_signal = (int)sig;
    return 0;
}

static long set_no_thp(struct process *process, uint64_t value, uint64_t rest)
{
    if (rest)
        return -EINVAL;
    port_lock_write(&process->mm->lock);
    process->mm->no_thp = value;
    port_unlock_write(&process->mm->lock);
    return 0;
}

static long set_dumpable(struct process *process, uint64_t value)
{
    if (value > 1)
        return -EINVAL;
    process->undumpable = !value;
    return 0;
}

static long set_no_new_privs(struct process *process, uint64_t value, uint64_t others)
{
    if (value != 1 || others)
        return -EINVAL;
    process->no_new_privs = true;
    return 0;
}

/* Timer slack is Linux's default, whatever it is set to: timers here have none. */
SYSCALL5(prctl, int, operation, uint64_t, a, uint64_t, b, uint64_t, c, uint64_t, d)
{
    struct process *process = process_current();

    switch (operation) {
    case PR_SET_PDEATHSIG:
        return set_death_signal(process, a);
    case PR_GET_PDEATHSIG:
        return put_int(a, process->death_signal);
    case PR_GET_DUMPABLE:
        return !process->undumpable;
    case PR_SET_DUMPABLE:
        return set_dumpable(process, a);
    case PR_SET_NAME:
        return set_name(process, a);
    case PR_GET_NAME:
        return get_name(process, a);
    case PR_CAPBSET_READ:
        return a <= CAP_LAST ? 1 : -EINVAL;
    case PR_GET_SECCOMP:
    case PR_GET_SECUREBITS:
    case PR_SET_TIMERSLACK:
        return 0;
    case PR_GET_TIMERSLACK:
        return 50000;
    case PR_SET_CHILD_SUBREAPER:
        process->subreaper = a;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return put_int(a, process->subreaper);
    case PR_SET_NO_NEW_PRIVS:
        return set_no_new_privs(process, a, b | c | d);
    case PR_GET_NO_NEW_PRIVS:
        return a | b | c | d ? -EINVAL : process->no_new_privs;
    case PR_SET_THP_DISABLE:
        return set_no_thp(process, a, b | c | d);
    case PR_GET_THP_DISABLE:
        return a | b | c | d ? -EINVAL : process->mm->no_thp;
    case PR_GET_TID_ADDRESS:
        return copy_to_user(a, &thread_current()->clear_child_tid, sizeof(vaddr_t));
    default:
        return -EINVAL;
    }
}
