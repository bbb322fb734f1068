/*
 * The memory calls: take the lock, call mm/, check when asked to, unlock. What is decided here is
 * only what mm/ cannot know: which object a descriptor stands for, and what fits in 32 bits.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/options.h"
#include "kernel/process.h"
#include "kernel/slab.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"

static bool check_always; /* the option check=1; set once at boot */

void sys_mm_init(void)
{
    check_always = option_flag("check");
}

static struct mm *lock_current(void)
{
    struct mm *mm = process_current()->mm;

    port_lock_write(&mm->lock);
    return mm;
}

/* Unlock @mm, its invariants recounted if that was asked for, and pass @result on. */
static long unlock(struct mm *mm, long result)
{
    if (check_always)
        mm_check(mm);
    port_unlock_write(&mm->lock);
    return result;
}

SYSCALL1(brk, vaddr_t, brk)
{
    struct mm *mm = lock_current();

    return unlock(mm, mm_brk(mm, brk));
}

/* mmap of @file: with the object that it names, or as anonymous memory when it says so. */
static long map_file(struct file *file, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                     uint64_t offset)
{
    struct file_mapping m = {.prot = prot, .flags = flags, .may_write = file_writable(file)};
    struct mm *mm;
    long err;

    if (!file_readable(file))
        return -EACCES;
    if (!file->ops->map)
        return -ENODEV;
    err = file->ops->map(file, &m);
    if (err)
        return err;
    mm = lock_current();
    return unlock(mm, mm_mmap(mm, addr, len, prot, m.flags, m.object, offset, m.may_write));
}

/* mmap of descriptor @fd. Not inlined: memory without a file would make room for it. */
static NOINLINE long map_fd(int fd, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                            uint64_t offset)
{
    struct file *file = files_lookup(process_current()->files, fd);
    long result;

    if (!file)
        return -EBADF;
    result = len ? map_file(file, addr, len, prot, flags, offset) : -EINVAL;
    file_put(file);
    return result;
}

SYSCALL6(mmap, vaddr_t, addr, uint64_t, len, uint32_t, prot, uint32_t, flags, int, fd, uint64_t,
         offset)
{
    struct mm *mm;

    if (page_offset(offset))
        return -EINVAL;
    if (!(flags & MAP_ANONYMOUS))
        return map_fd(fd, addr, len, prot, flags, offset);
    mm = lock_current();
    return unlock(mm, mm_mmap(mm, addr, len, prot, flags, NULL, offset, true));
}

SYSCALL2(munmap, vaddr_t, addr, uint64_t, len)
{
    struct mm *mm = lock_current();

    return unlock(mm, mm_munmap(mm, addr, len));
}

SYSCALL3(mprotect, vaddr_t, addr, uint64_t, len, uint64_t, prot)
{
    struct mm *mm;

    if (prot > UINT32_MAX)
        return -EINVAL;
    mm = lock_current();
    return unlock(mm, mm_mprotect(mm, addr, len, (uint32_t)prot));
}

SYSCALL3(madvise, vaddr_t, addr, uint64_t, len, int, advice)
{
    struct mm *mm = lock_current();

    return unlock(mm, mm_madvise(mm, addr, len, advice));
}

SYSCALL3(mseal, vaddr_t, addr, uint64_t, len, uint64_t, flags)
{
    struct mm *mm = lock_current();

    return unlock(mm, mm_mseal(mm, addr, len, flags));
}

SYSCALL3(msync, vaddr_t, addr, uint64_t, len, uint32_t, flags)
{
    struct mm *mm = process_current()->mm;
    long err;

    port_lock_read(&mm->lock);
    err = mm_msync(mm, addr, len, flags);
    port_unlock_read(&mm->lock);
    return err;
}

SYSCALL5(mremap, vaddr_t, old, uint64_t, old_len, uint64_t, new_len, uint64_t, flags, vaddr_t, new)
{
    struct mm *mm;

    if (flags > UINT32_MAX)
        return -EINVAL;
    mm = lock_current();
    return unlock(mm, mm_mremap(mm, old, old_len, new_len, (uint32_t)flags, new));
}

/* The answer for @pages pages from @addr to @vec, a page of answers at a time. */
static long mincore_pages(vaddr_t addr, uint64_t pages, vaddr_t vec, uint8_t *answers)
{
    struct mm *mm = process_current()->mm;

    while (pages > 0) {
        uint64_t n = min_u64(pages, PAGE_SIZE);
        long err;

        port_lock_read(&mm->lock);
        err = mm_mincore(mm, addr, n, answers);
        port_unlock_read(&mm->lock);
        if (!err)
            err = copy_to_user(vec, answers, n);
        if (err)
            return err;
        addr += n << PAGE_SHIFT;
        vec += n;
        pages -= n;
    }
    return 0;
}

SYSCALL3(mincore, vaddr_t, addr, uint64_t, len, vaddr_t, vec)
{
    uint64_t pages = (len >> PAGE_SHIFT) + (page_offset(len) != 0);
    uint8_t *answers;
    long err;

    if (page_offset(addr))
        return -EINVAL;
    if (!user_range_ok(addr, len))
        return -ENOMEM;
    if (!user_range_ok(vec, pages))
        return -EFAULT;
    answers = kmalloc(PAGE_SIZE);
    if (!answers)
        return -EAGAIN;
    err = mincore_pages(addr, pages, vec, answers);
    kfree(answers, PAGE_SIZE);
    return err;
}

static long mlock_current(vaddr_t addr, uint64_t len, bool lock, bool on_fault)
{
    struct mm *mm = lock_current();

    return unlock(mm, mm_mlock(mm, addr, len, lock, on_fault));
}

SYSCALL2(mlock, vaddr_t, addr, uint64_t, len)
{
    return mlock_current(addr, len, true, false);
}

SYSCALL3(mlock2, vaddr_t, addr, uint64_t, len, int, flags)
{
    if (flags & ~MLOCK_ONFAULT)
        return -EINVAL;
    return mlock_current(addr, len, true, flags & MLOCK_ONFAULT);
}

SYSCALL2(munlock, vaddr_t, addr, uint64_t, len)
{
    return mlock_current(addr, len, false, false);
}

SYSCALL1(mlockall, int, flags)
{
    struct mm *mm;

    if (!flags)
        return -EINVAL;
    mm = lock_current();
    return unlock(mm, mm_mlockall(mm, flags));
}

SYSCALL0(munlockall)
{
    struct mm *mm = lock_current();

    return unlock(mm, mm_mlockall(mm, 0));
}
