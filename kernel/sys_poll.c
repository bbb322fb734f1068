/* pipe, poll, select: waiting for open files. */
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

/* ---- Pipes ---- */

/* Two descriptors for the ends of a new pipe to @user; none when anything fails. */
static long make_pipe(vaddr_t user, uint32_t flags)
{
    struct files *files = process_current()->files;
    struct file *read_end, *write_end;
    long in, out, err = pipe_create(flags & O_NONBLOCK, &read_end, &write_end);

    if (err)
        return err;
    in = file_install(read_end, flags);
    if (in < 0) {
        file_put(write_end);
        return in;
    }
    out = file_install(write_end, flags);
    err = out < 0 ? out : copy_to_user(user, (int32_t[2]){(int32_t)in, (int32_t)out}, 8);
    if (err) {
        files_close(files, (int)in);
        files_close(files, (int)out);
    }
    return err;
}

SYSCALL1(pipe, vaddr_t, fds)
{
    return make_pipe(fds, 0);
}

SYSCALL2(pipe2, vaddr_t, fds, uint32_t, flags)
{
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    return make_pipe(fds, flags);
}

/* ---- Waiting ---- */

/* What all who wait for files sleep on. */
static const char any_file;

void file_changed(void)
{
    sched_wake(&any_file);
}

/* What the file behind @fd is ready for, of POLL. */
static uint32_t ready(int fd)
{
    struct file *file = files_lookup(process_current()->files, fd);
    uint32_t events;

    if (!file)
        return POLLNVAL;
    events = file->ops->poll ? file->ops->poll(file) : POLL_ALWAYS;
    file_put(file);
    return events;
}

/*
 * Call @look until it finds something, or the monotonic clock shows @deadline. What it found, 0, or -ERESTARTNOHAND.
 */
static long wait_for(long (*look)(void *what), void *what, uint64_t deadline)
{
    long found = look(what);

    while (!found && time_monotonic_ns() < deadline) {
        if (sched_sleep(&any_file, deadline) == -EINTR)
            return -ERESTARTNOHAND;
        found = look(what);
    }
    return found;
}

/* The end of a span of @ns from now. */
static uint64_t deadline_in(uint64_t ns)
{
    uint64_t deadline;

    return __builtin_add_overflow(time_monotonic_ns(), ns, &deadline) ? SCHED_FOREVER : deadline;
}

/* What is left until @deadline, as two words of which the second counts in @unit nanoseconds. */
static void put_left(vaddr_t user, uint64_t deadline, uint64_t unit)
{
    uint64_t now = time_monotonic_ns(), left = now < deadline ? deadline - now : 0;
    int64_t words[2] = {(int64_t)(left / NS_PER_SEC), (int64_t)(left % NS_PER_SEC / unit)};

    if (user && copy_to_user(user, words, sizeof(words)))
        return; /* the answer is worth more than the time that is left */
}

/* Fetch a span in two words of which the second counts in @unit nanoseconds; none is for ever. */
static long fetch_span(vaddr_t user, uint64_t unit, uint64_t *deadline)
{
    int64_t words[2];
    uint64_t ns;

    *deadline = SCHED_FOREVER;
    if (!user)
        return 0;
    if (copy_from_user(words, user, sizeof(words)))
        return -EFAULT;
    if (words[0] < 0 || words[1] < 0)
        return -EINVAL;
    if (unit == 1 && (uint64_t)words[1] >= NS_PER_SEC)
        return -EINVAL;
    if (!__builtin_mul_overflow((uint64_t)words[0], NS_PER_SEC, &ns) &&
        !__builtin_add_overflow(ns, (uint64_t)words[1] * unit, &ns))
        *deadline = deadline_in(ns);
    return 0;
}

/* ---- poll ---- */

struct poll {
    struct pollfd *fds;
    uint32_t count;
};

static long look_poll(void *what)
{
    struct poll *poll = what;
    long found = 0;

    for (struct pollfd *p = poll->fds; p < poll->fds + poll->count; p++) {
        uint32_t wanted = (uint16_t)p->events | POLLERR | POLLHUP | POLLNVAL;

        p->revents = p->fd < 0 ? 0 : (int16_t)(ready(p->fd) & wanted);
        found += p->revents != 0;
    }
    return found;
}

/* The answers go out after a signal too: they are empty then. */
static long poll_until(vaddr_t user, uint32_t count, uint64_t deadline)
{
    uint64_t size = count * sizeof(struct pollfd);
    struct poll poll = {.count = count};
    long found;

    if (count > process_current()->limits[RLIMIT_NOFILE].cur)
        return -EINVAL;
    poll.fds = kmalloc(size);
    if (!poll.fds)
        return -ENOMEM;
    found = copy_from_user(poll.fds, user, size);
    if (!found)
        found = wait_for(look_poll, &poll, deadline);
    if (found >= 0 && copy_to_user(user, poll.fds, size))
        found = -EFAULT;
    kfree(poll.fds, size);
    return found;
}

static long poll_again(const struct restart *poll)
{
    long found = poll_until(poll->user, poll->number, poll->deadline);

    if (found != -ERESTARTNOHAND)
        return found;
    thread_current()->restart = *poll;
    return -ERESTART_RESTARTBLOCK;
}

SYSCALL3(poll, vaddr_t, fds, uint32_t, count, int, timeout_ms)
{
    uint64_t ns = (uint64_t)timeout_ms * (NS_PER_SEC / 1000);
    uint64_t deadline = timeout_ms < 0 ? SCHED_FOREVER : deadline_in(ns);

    return poll_again(&(struct restart){poll_again, deadline, fds, count});
}

SYSCALL5(ppoll, vaddr_t, fds, uint32_t, count, vaddr_t, span, vaddr_t, mask, uint64_t, mask_size)
{
    uint64_t deadline;
    long found = fetch_span(span, 1, &deadline);

    if (!found)
        found = signal_mask_begin(mask, mask_size);
    if (found)
        return found;
    found = signal_mask_end(poll_until(fds, count, deadline));
    put_left(span, deadline, 1);
    return found;
}

/* ---- select ---- */

/* A set's bits in words; what was asked for in place of what is found, by turns. */
struct select {
    uint32_t count;    /* of descriptors */
    uint32_t words;    /* in each set */
    uint64_t *sets[6]; /* wanted: in, out, exceptional; and found */
};

/* What makes a file be in each of the sets. */
static const uint32_t select_events[3] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    POLLPRI,
};

static bool wanted(const struct select *select, uint32_t fd)
{
    uint64_t any = select->sets[0][fd / 64] | select->sets[1][fd / 64] | select->sets[2][fd / 64];

    return any >> fd % 64 & 1;
}

static long look_select(void *what)
{
    struct select *select = what;
    long found = 0;

    for (uint32_t fd = 0; fd < select->count; fd++) {
        uint32_t events = wanted(select, fd) ? ready((int)fd) : 0;
        uint64_t bit = (uint64_t)1 << fd % 64;

        if (events & POLLNVAL)
            return -EBADF;
        for (unsigned i = 0; i < 3; i++) {
            bool in = (events & select_events[i]) && (select->sets[i][fd / 64] & bit);

            select->sets[i + 3][fd / 64] &= ~bit;
            select->sets[i + 3][fd / 64] |= in ? bit : 0;
            found += in;
        }
    }
    return found;
}

/* Fetch the sets, wait, and put them back. */
static long select_sets(struct select *select, const vaddr_t user[3], uint64_t deadline)
{
    uint64_t size = select->words * sizeof(uint64_t);
    long found = 0;

    for (unsigned i = 0; i < 3 && !found; i++)
        if (user[i])
            found = copy_from_user(select->sets[i], user[i], size);
    if (!found)
        found = wait_for(look_select, select, deadline);
    for (unsigned i = 0; i < 3 && found >= 0; i++)
        if (user[i] && copy_to_user(user[i], select->sets[i + 3], size))
            found = -EFAULT;
    return found;
}

static long select_until(int count, const vaddr_t user[3], uint64_t deadline)
{
    struct select select = {0};
    uint64_t *memory, size;
    long found;

    if (count < 0)
        return -EINVAL;
    select.count = (uint32_t)min_u64((uint64_t)count, process_current()->files->size);
    select.words = (select.count + 63) / 64;
    size = 6 * sizeof(uint64_t) * (select.words + 1);
    memory = kmalloc(size);
    if (!memory)
        return -ENOMEM;
    for (unsigned i = 0; i < 6; i++)
        select.sets[i] = memory + i * select.words;
    found = select_sets(&select, user, deadline);
    kfree(memory, size);
    return found;
}

SYSCALL5(select, int, count, vaddr_t, in, vaddr_t, out, vaddr_t, exceptional, vaddr_t, span)
{
    const vaddr_t sets[3] = {in, out, exceptional};
    uint64_t deadline;
    long found = fetch_span(span, NS_PER_SEC / 1000000, &deadline);

    if (found)
        return found;
    found = select_until(count, sets, deadline);
    put_left(span, deadline, NS_PER_SEC / 1000000);
    return found;
}

/* Where pselect6 finds the mask: a seventh argument does not fit in the registers. */
struct mask_argument {
    vaddr_t mask;
    uint64_t size;
};

SYSCALL6(pselect6, int, count, vaddr_t, in, vaddr_t, out, vaddr_t, exceptional, vaddr_t, span,
         vaddr_t, user)
{
    const vaddr_t sets[3] = {in, out, exceptional};
    struct mask_argument argument = {0};
    uint64_t deadline;
    long found = 0;

    if (user && copy_from_user(&argument, user, sizeof(argument)))
        return -EFAULT;
    found = fetch_span(span, 1, &deadline);
    if (!found)
        found = signal_mask_begin(argument.mask, argument.size);
    if (found)
        return found;
    found = signal_mask_end(select_until(count, sets, deadline));
    put_left(span, deadline, 1);
    return found;
}
