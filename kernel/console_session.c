/* The console as the terminal of a session: who may read, whom ^C is for, what becomes of it when the leader ends. */
#include "kernel/abi/errno.h"
#include "kernel/abi/termios.h"
#include "kernel/console.h"
#include "kernel/devices.h"
#include "kernel/file.h"
#include "kernel/job.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"

static struct {
    int sid;  /* of the session that has it, 0: none */
    int pgid; /* of the group in the foreground, 0: none */
} owner;

static bool is_own(void)
{
    return owner.sid && owner.sid == process_current()->sid;
}

int console_foreground(int sid)
{
    return owner.sid == sid ? owner.pgid : 0;
}

void console_signal(int sig)
{
    if (owner.pgid)
        job_signal_group(owner.pgid, sig, "typed on the console");
    else
        signal_send(process_find(INIT_PID), sig, "typed on the console");
}

void console_resized(void)
{
    if (owner.pgid)
        job_signal_group(owner.pgid, SIGWINCH, "the console has another size");
}

/* Would @sig do nothing to the running thread? */
static bool shrugs_off(int sig)
{
    const struct thread *self = thread_current();

    return (self->blocked & signal_bit(sig)) ||
           self->process->signals.action[sig - 1].handler == SIG_IGN;
}

long console_check(int sig)
{
    const struct process *self = process_current();

    if (!is_own() || !owner.pgid || owner.pgid == self->pgid)
        return 0;
    if (shrugs_off(sig))
        return sig == SIGTTIN ? -EIO : 0;
    if (job_orphaned(self->pgid))
        return -EIO;
    job_signal_group(self->pgid, sig, "the console is in the foreground's hands");
    thread_current()->work = true; /* the signal may be for another thread of the process */
    return -ERESTARTSYS;
}

/* ---- Whose it is ---- */

static void take(const struct process *leader)
{
    owner.sid = leader->sid;
    owner.pgid = leader->pgid;
}

/* The leader of a session without a terminal gets the first one that it opens to read; /dev/console is none. */
long console_open(struct file *file)
{
    const struct process *self = process_current();

    if (file->inode->rdev == DEVICE_TTY)
        return is_own() ? 0 : -ENXIO;
    if (file->inode->rdev == DEVICE_SERIAL && !(file->flags & O_NOCTTY) && file_readable(file) &&
        self->pid == self->sid && !owner.sid)
        take(self);
    return 0;
}

void console_left(int sid)
{
    int pgid = owner.pgid;

    if (owner.sid != sid)
        return;
    owner.sid = 0;
    owner.pgid = 0;
    job_signal_group(pgid, SIGHUP, "the leader of its session has left the console");
    job_signal_group(pgid, SIGCONT, "the leader of its session has left the console");
}

/* TIOCSCTTY; root may take it away from another session. */
static long take_console(bool steal)
{
    const struct process *self = process_current();

    if (self->sid != self->pid || (owner.sid && owner.sid != self->sid && !steal))
        return -EPERM;
    if (owner.sid != self->sid)
        take(self);
    return 0;
}

static long give_up(void)
{
    const struct process *self = process_current();

    if (!is_own())
        return -ENOTTY;
    if (self->sid == self->pid)
        console_left(self->sid);
    return 0;
}

static long get_number(int number, vaddr_t arg)
{
    return is_own() ? copy_to_user(arg, &number, sizeof(number)) : -ENOTTY;
}

static long set_foreground(vaddr_t arg)
{
    int pgid;
    long err = console_check(SIGTTOU);

    if (err)
        return err == -EIO ? -ENOTTY : err;
    if (copy_from_user(&pgid, arg, sizeof(pgid)))
        return -EFAULT;
    if (pgid < 0)
        return -EINVAL;
    if (!is_own())
        return -ENOTTY;
    for (const struct process *p = process_all; p; p = p->next)
        if (p->pgid == pgid) {
            if (p->sid != owner.sid)
                return -EPERM;
            owner.pgid = pgid;
            return 0;
        }
    return -ESRCH;
}

long console_session_ioctl(uint32_t request, vaddr_t arg)
{
    switch (request) {
    case TIOCSCTTY:
        return take_console(arg == 1);
    case TIOCNOTTY:
        return give_up();
    case TIOCGPGRP:
        return get_number(owner.pgid, arg);
    case TIOCGSID:
        return get_number(owner.sid, arg);
    case TIOCSPGRP:
        return set_foreground(arg);
    default:
        return -ENOTTY;
    }
}
