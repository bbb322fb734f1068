/*
 * Futexes. Who waits is found by what its word is: a place in an object where memory is shared, so that processes which
 * map it at different addresses meet; else an address in one address space.
 *
 * One CPU, and the kernel is not preempted: to compare the word and fall asleep is one step.
 */
#include "kernel/futex.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/time.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

#define ROBUST_MAX 2048 /* locks on a list; it may run in a circle */

/* @private: as the caller says, not shared with other processes. */
static long find_key(vaddr_t addr, bool private, struct futex_key *key)
{
    struct mm *mm = process_current()->mm;
    struct object *object = NULL;
    uint64_t at = addr;

    if (addr % sizeof(uint32_t))
        return -EINVAL;
    if (addr >= TASK_SIZE)
        return -EFAULT;
    if (!private) {
        port_lock_read(&mm->lock);
        object = mm_shared_object(mm, addr, &at);
        port_unlock_read(&mm->lock);
    }
    *key = (struct futex_key){object ? (const void *)object : (const void *)mm, at};
    return 0;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
    return a->space == b->space && a->at == b->at;
}

/* The next thread after @thread, of all; @thread NULL: the first. */
static struct thread *next_thread(struct thread *thread)
{
    struct process *process = thread ? thread->process : NULL;
    struct thread *next = thread ? thread->next : NULL;

    while (!next) {
        process = process ? process->next : process_all;
        if (!process)
            return NULL;
        next = process->threads;
    }
    return next;
}

static bool waits(const struct thread *t, const struct futex_key *key, uint32_t bits)
{
    return t->channel == &t->futex && same_key(&t->futex, key) && (t->futex_bits & bits);
}

/* Wake at most @count of those that wait for @key; how many it was. */
static int wake(const struct futex_key *key, int count, uint32_t bits)
{
    int woken = 0;

    for (struct thread *t = next_thread(NULL); t && woken < count; t = next_thread(t)) {
        if (!waits(t, key, bits))
            continue;
        t->futex.space = NULL;
        sched_wake(&t->futex);
        woken++;
    }
    return woken;
}

/* At most @count of those that wait for @from wait for @to now. */
static int requeue(const struct futex_key *from, const struct futex_key *to, int count)
{
    int moved = 0;

    for (struct thread *t = next_thread(NULL); t && moved < count; t = next_thread(t)) {
        if (!waits(t, from, FUTEX_BITS_ANY))
            continue;
        t->futex = *to;
        moved++;
    }
    return moved;
}

/* Sleep while the word at @addr is @value. futex.space is NULL once somebody has woken us. */
static long wait(vaddr_t addr, const struct futex_key *key, uint32_t value, uint32_t bits,
                 uint64_t deadline)
{
    struct thread *self = thread_current();
    uint32_t now;
    long err = 0;

    if (copy_from_user(&now, addr, sizeof(now)))
        return -EFAULT;
    if (now != value)
        return -EAGAIN;
    self->futex = *key;
    self->futex_bits = bits;
    while (self->futex.space && !err)
        err = sched_sleep(&self->futex, deadline);
    if (!self->futex.space)
        return 0;
    self->futex.space = NULL;
    if (err == -EINTR)
        return deadline == SCHED_FOREVER ? -ERESTARTSYS : -EINTR;
    return err;
}

/* ---- The call ---- */

/* The deadline that @user asks for: a span for FUTEX_WAIT, a date for the others. */
static long fetch_deadline(int op, uint32_t flags, vaddr_t user, uint64_t *deadline)
{
    struct timespec time;
    uint64_t now = time_monotonic_ns(), real = time_realtime_ns(), ns;

    *deadline = SCHED_FOREVER;
    if (!user)
        return 0;
    if (copy_from_user(&time, user, sizeof(time)))
        return -EFAULT;
    if (time.sec < 0 || time.nsec < 0 || (uint64_t)time.nsec >= NS_PER_SEC)
        return -EINVAL;
    if (__builtin_mul_overflow((uint64_t)time.sec, NS_PER_SEC, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)time.nsec, &ns))
        return 0;
    if (op == FUTEX_WAIT && __builtin_add_overflow(ns, now, &ns))
        return 0;
    if (op != FUTEX_WAIT && (flags & FUTEX_CLOCK_REALTIME))
        ns = ns > real ? now + (ns - real) : 0;
    *deadline = ns;
    return 0;
}

/* What FUTEX_WAKE_OP does to its second word, coded in @op: operation, comparison and their arguments. */
static long change_word(vaddr_t addr, uint32_t op, bool *holds)
{
    int32_t arg = (int32_t)(op << 8) >> 20, than = (int32_t)(op << 20) >> 20;
    int32_t old, now;

    if (copy_from_user(&old, addr, sizeof(old)))
        return -EFAULT;
    if (op & 1u << 31)
        arg = (int32_t)(1u << (arg & 31));
    switch (op >> 28 & 7) {
    case 0:
        now = arg;
        break;
    case 1:
        now = (int32_t)((uint32_t)old + (uint32_t)arg);
        break;
    case 2:
        now = old | arg;
        break;
    case 3:
        now = old & ~arg;
        break;
    case 4:
        now = old ^ arg;
        break;
    default:
        return -ENOSYS;
    }
    switch (op >> 24 & 15) {
    case 0:
        *holds = old == than;
        break;
    case 1:
        *holds = old != than;
        break;
    case 2:
        *holds = old < than;
        break;
    case 3:
        *holds = old <= than;
        break;
    case 4:
        *holds = old > than;
        break;
    case 5:
        *holds = old >= than;
        break;
    default:
        return -ENOSYS;
    }
    return copy_to_user(addr, &now, sizeof(now));
}

/* FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP: the calls on two words. */
static long two_words(int op, vaddr_t addr, vaddr_t addr2, const struct futex_key *key,
                      const struct futex_key *key2, int count, int count2, uint32_t value)
{
    bool holds = false;
    uint32_t now;
    long err;

    if (op == FUTEX_WAKE_OP) {
        err = change_word(addr2, value, &holds);
        if (err)
            return err;
        count = wake(key, count, FUTEX_BITS_ANY);
        return holds ? count + wake(key2, count2, FUTEX_BITS_ANY) : count;
    }
    if (count < 0 || count2 < 0)
        return -EINVAL;
    if (op == FUTEX_CMP_REQUEUE) {
        if (copy_from_user(&now, addr, sizeof(now)))
            return -EFAULT;
        if (now != value)
            return -EAGAIN;
    }
    count = wake(key, count, FUTEX_BITS_ANY);
    return count + requeue(key, key2, count2);
}

SYSCALL6(futex, vaddr_t, addr, uint32_t, code, uint32_t, value, uint64_t, time, vaddr_t, addr2,
         uint32_t, value3)
{
    uint32_t flags = code & (FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);
    int op = (int)(code & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME));
    bool private = flags & FUTEX_PRIVATE;
    uint32_t bits = op == FUTEX_WAIT_BITSET || op == FUTEX_WAKE_BITSET ? value3 : FUTEX_BITS_ANY;
    struct futex_key key, key2;
    uint64_t deadline = SCHED_FOREVER;
    long err;

    if ((flags & FUTEX_CLOCK_REALTIME) && op != FUTEX_WAIT_BITSET)
        return -ENOSYS;
    if (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET) {
        err = fetch_deadline(op, flags, time, &deadline);
        if (err)
            return err;
    }
    err = find_key(addr, private, &key);
    if (err)
        return err;
    switch (op) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        return bits ? wait(addr, &key, value, bits, deadline) : -EINVAL;
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return bits ? wake(&key, (int32_t)value < 1 ? 1 : (int)value, bits) : -EINVAL;
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_WAKE_OP:
        err = find_key(addr2, private, &key2);
        return err ? err : two_words(op, addr, addr2, &key, &key2, (int)value, (int)time, value3);
    default:
        return -ENOSYS;
    }
}

/* ---- A thread's end ---- */

static void wake_one(vaddr_t addr)
{
    struct futex_key key;

    if (!find_key(addr, false, &key))
        wake(&key, 1, FUTEX_BITS_ANY);
    if (!find_key(addr, true, &key))
        wake(&key, 1, FUTEX_BITS_ANY);
}

/* The lock at @addr, if @thread holds it, is left behind. */
static void leave_lock(const struct thread *thread, vaddr_t addr)
{
    uint32_t word;

    if (addr % sizeof(word) || copy_from_user(&word, addr, sizeof(word)))
        return;
    if ((word & FUTEX_TID_MASK) != (uint32_t)thread->tid)
        return;
    word = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
    if (!copy_to_user(addr, &word, sizeof(word)) && (word & FUTEX_WAITERS))
        wake_one(addr);
}

/* Walk the list that user memory holds: it ends at its head. */
static void leave_locks(const struct thread *thread)
{
    struct robust_list_head head;
    vaddr_t at;

    if (copy_from_user(&head, thread->robust_list, sizeof(head)))
        return;
    at = head.next & ~1ull;
    for (unsigned n = 0; at != thread->robust_list && n < ROBUST_MAX; n++) {
        uint64_t next;

        if (copy_from_user(&next, at, sizeof(next)))
            break;
        if (at != head.pending)
            leave_lock(thread, at + (uint64_t)head.futex_offset);
        at = next & ~1ull;
    }
    if (head.pending & ~1ull)
        leave_lock(thread, (head.pending & ~1ull) + (uint64_t)head.futex_offset);
}

void futex_thread_ends(struct thread *thread)
{
    const uint32_t none = 0;

    if (!thread->process->mm)
        return;
    if (thread->robust_list)
        leave_locks(thread);
    thread->robust_list = 0;
    if (thread->clear_child_tid && !copy_to_user(thread->clear_child_tid, &none, sizeof(none)))
        wake_one(thread->clear_child_tid);
    thread->clear_child_tid = 0;
}
