/*
 * The kernel's way to user pages that need not be mapped where it runs: populate a range, copy to
 * and from it.
 */
#include "kernel/abi/errno.h"
#include "mm/fault.h"
#include "mm/mmap.h"

static long fault_errno(enum fault_result result)
{
    switch (result) {
    case FAULT_DONE:
        return 0;
    case FAULT_OOM:
        return -ENOMEM;
    default:
        return -EFAULT;
    }
}

/* Whether the entry of @addr grants @access as it is. */
static bool granted(const struct mm *mm, vaddr_t addr, enum access access)
{
    unsigned level;
    unsigned rights = pte_rights(*pt_lookup(&mm->pt, addr, &level));

    return access == ACCESS_WRITE ? rights & PTE_W : rights & PTE_R;
}

static long fetch(struct mm *mm, vaddr_t addr, enum access access)
{
    if (granted(mm, addr, access))
        return 0;
    return fault_errno(mm_fault(mm, addr, access));
}

long mmap_populate_for(struct mm *mm, struct range range, enum access access)
{
    for (vaddr_t va = range.start; va < range.end; va += PAGE_SIZE) {
        long err = fetch(mm, va, access);

        if (err)
            return err;
    }
    return 0;
}

long mmap_populate(struct mm *mm, struct range range)
{
    for (struct vma *vma = vma_find(mm, range.start); vma && vma->start < range.end;
         vma = vma->next) {
        struct range part = {max_u64(vma->start, range.start), min_u64(vma->end, range.end)};
        bool write = (vma->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE;
        long err;

        if (!(vma->flags & VMA_ACCESS) || (vma->flags & VMA_LOCKONFAULT))
            continue;
        err = mmap_populate_for(mm, part, write ? ACCESS_WRITE : ACCESS_READ);
        if (err)
            return err;
    }
    return 0;
}

/* Copy within one page of @mm. @to_user: from @buf to @addr, else back. */
static long copy_piece(struct mm *mm, vaddr_t addr, char *buf, uint64_t len, bool to_user)
{
    long err = fetch(mm, addr, to_user ? ACCESS_WRITE : ACCESS_READ);
    char *user;

    if (err)
        return err;
    user = (char *)port_ptr(pt_page(&mm->pt, addr)) + page_offset(addr);
    __builtin_memcpy(to_user ? user : buf, to_user ? buf : user, len);
    return 0;
}

static long copy(struct mm *mm, vaddr_t addr, char *buf, uint64_t len, bool to_user)
{
    if (addr > TASK_SIZE || len > TASK_SIZE - addr)
        return -EFAULT;
    while (len) {
        uint64_t n = min_u64(len, PAGE_SIZE - page_offset(addr));
        long err = copy_piece(mm, addr, buf, n, to_user);

        if (err)
            return err;
        addr += n;
        buf += n;
        len -= n;
    }
    return 0;
}

long mm_copy_to(struct mm *mm, vaddr_t dst, const void *src, uint64_t len)
{
    mm_assert(port_locked_write(&mm->lock));
    return copy(mm, dst, (char *)src, len, true);
}

long mm_copy_from(struct mm *mm, void *dst, vaddr_t src, uint64_t len)
{
    mm_assert(port_locked_write(&mm->lock));
    return copy(mm, src, dst, len, false);
}

struct object *mm_shared_object(struct mm *mm, vaddr_t addr, uint64_t *offset)
{
    const struct vma *vma = vma_at(mm, addr);

    mm_assert(port_locked(&mm->lock));
    if (!vma || !(vma->flags & VMA_SHARED))
        return NULL;
    *offset = (vma_pgoff(vma, addr) << PAGE_SHIFT) + page_offset(addr);
    return vma->object;
}
