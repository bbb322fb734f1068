/* mm's calls as the kernel makes them: under the lock, and followed by every check. */
#include "mm/fault.h"
#include "mm/object.h"
#include "tests/host/sim_private.h"

bool sim_check_calls = true;

/*
 * mm/ sets itself up once per boot, and keeps the zero page for good. A new machine gives out its
 * frames in the same order, so the first one is that page again.
 */
void sim_boot(uint32_t frames)
{
    bool tiny = PT_BITS * PT_LEVELS < 20;

    sim_start(frames);
    sim_op("boot");
    mm_all = NULL;
    object_all = NULL;
    mm_stats = (struct mm_stats){0};
    mm_config = (struct mm_config){
        .realign = REALIGN_FULL,
        .mmap_min_addr = tiny ? PAGE_SIZE : 16 * PAGE_SIZE,
        .max_map_count = 65530,
        .stack_guard = tiny ? PAGE_SIZE : 256 * PAGE_SIZE,
    };
    if (!fault_zero_page() && mm_init())
        sim_die("mm_init failed");
    if (!sim_frame_used(fault_zero_page())) {
        if (port_frame_alloc(true) != fault_zero_page())
            sim_die("the first frame is not the page of zeros");
        port_frame(fault_zero_page())->refs = 1;
    }
    sim_check_calls = true;
}

void sim_halt(void)
{
    struct frame *zero = port_frame(fault_zero_page());

    sim_op("halt");
    if (mm_all || object_all)
        sim_die("an address space or an object is left at the end");
    if (zero->refs != 1)
        sim_die("page of zeros: %u references at the end", zero->refs);
    zero->refs = 0;
    port_frame_free(fault_zero_page());
    sim_stop();
}

void sim_settle(struct mm *mm)
{
    if (sim.locks)
        sim_die("%d locks held after the call", sim.locks);
    sim_tlb_check(mm);
    sim_check_kernel_half(mm);
    if (sim_check_calls)
        mm_check_all();
}

/* One call of mm's under the write lock. */
#define CALL(name, mm, call)                                                                       \
    ({                                                                                             \
        long result_;                                                                              \
                                                                                                   \
        sim_op(name);                                                                              \
        port_lock_write(&(mm)->lock);                                                              \
        result_ = (call);                                                                          \
        port_unlock_write(&(mm)->lock);                                                            \
        sim_settle(mm);                                                                            \
        result_;                                                                                   \
    })

struct mm *sim_create(void)
{
    sim_op("create");
    return mm_create();
}

struct mm *sim_fork(struct mm *mm)
{
    struct mm *child;

    sim_op("fork");
    port_lock_write(&mm->lock);
    child = mm_fork(mm);
    port_unlock_write(&mm->lock);
    sim_settle(mm);
    if (child)
        sim_settle(child);
    return child;
}

void sim_destroy(struct mm *mm)
{
    sim_op("destroy");
    sim_tlb_leave(mm);
    mm_destroy(mm);
    mm_check_all();
}

long sim_mmap(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags)
{
    return CALL("mmap", mm, mm_mmap(mm, addr, len, prot, flags, NULL, 0, false));
}

long sim_mmap_object(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                     struct object *object, uint64_t offset)
{
    return CALL("mmap of an object", mm, mm_mmap(mm, addr, len, prot, flags, object, offset, true));
}

long sim_munmap(struct mm *mm, vaddr_t addr, uint64_t len)
{
    return CALL("munmap", mm, mm_munmap(mm, addr, len));
}

long sim_mprotect(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot)
{
    return CALL("mprotect", mm, mm_mprotect(mm, addr, len, prot));
}

long sim_madvise(struct mm *mm, vaddr_t addr, uint64_t len, int advice)
{
    return CALL("madvise", mm, mm_madvise(mm, addr, len, advice));
}

long sim_mseal(struct mm *mm, vaddr_t addr, uint64_t len, uint64_t flags)
{
    return CALL("mseal", mm, mm_mseal(mm, addr, len, flags));
}

long sim_msync(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t flags)
{
    return CALL("msync", mm, mm_msync(mm, addr, len, flags));
}

long sim_mlock(struct mm *mm, vaddr_t addr, uint64_t len, bool lock, bool on_fault)
{
    return CALL("mlock", mm, mm_mlock(mm, addr, len, lock, on_fault));
}

long sim_mlockall(struct mm *mm, int flags)
{
    return CALL("mlockall", mm, mm_mlockall(mm, flags));
}

long sim_brk(struct mm *mm, vaddr_t brk)
{
    return CALL("brk", mm, mm_brk(mm, brk));
}

long sim_mremap(struct mm *mm, vaddr_t old, uint64_t old_len, uint64_t new_len, uint32_t flags,
                vaddr_t new_addr)
{
    return CALL("mremap", mm, mm_mremap(mm, old, old_len, new_len, flags, new_addr));
}

long sim_mincore(struct mm *mm, vaddr_t addr, uint64_t pages, uint8_t *vec)
{
    long result;

    sim_op("mincore");
    port_lock_read(&mm->lock);
    result = mm_mincore(mm, addr, pages, vec);
    port_unlock_read(&mm->lock);
    sim_settle(mm);
    return result;
}

long sim_copy_to(struct mm *mm, vaddr_t dst, const void *src, uint64_t len)
{
    return CALL("copy to user", mm, mm_copy_to(mm, dst, src, len));
}

long sim_copy_from(struct mm *mm, void *dst, vaddr_t src, uint64_t len)
{
    return CALL("copy from user", mm, mm_copy_from(mm, dst, src, len));
}

long sim_stack_create(struct mm *mm)
{
    return CALL("stack_create", mm, stack_create(mm));
}

long sim_stack_shift(struct mm *mm, uint64_t shift)
{
    return CALL("stack_shift", mm, stack_shift(mm, shift));
}

/* ---- Accesses that fault ---- */

static enum fault_result touch(struct mm *mm, unsigned cpu, vaddr_t va, enum access access,
                               paddr_t *pa)
{
    static const char *const names[] = {"a read", "a write", "an execution"};

    for (unsigned tries = 0; tries < 4; tries++) {
        enum fault_result result;

        sim_op(names[access]);
        *pa = sim_access(mm, cpu, va, access);
        if (*pa)
            return FAULT_DONE;
        sim_op("fault");
        port_lock_write(&mm->lock);
        result = mm_fault(mm, va, access);
        port_unlock_write(&mm->lock);
        sim_settle(mm);
        if (result != FAULT_DONE)
            return result;
    }
    sim_die("%s at %llx faults for ever", names[access], (unsigned long long)va);
}

enum fault_result sim_touch(struct mm *mm, unsigned cpu, vaddr_t va, enum access access)
{
    paddr_t pa;

    return touch(mm, cpu, va, access, &pa);
}

uint64_t sim_read(struct mm *mm, unsigned cpu, vaddr_t va)
{
    paddr_t pa;
    enum fault_result result = touch(mm, cpu, va, ACCESS_READ, &pa);

    if (result != FAULT_DONE)
        sim_die("read at %llx: fault result %d", (unsigned long long)va, result);
    return *(uint64_t *)port_ptr(pa);
}

enum fault_result sim_write(struct mm *mm, unsigned cpu, vaddr_t va, uint64_t word)
{
    paddr_t pa;
    enum fault_result result = touch(mm, cpu, va, ACCESS_WRITE, &pa);

    if (result == FAULT_DONE)
        *(uint64_t *)port_ptr(pa) = word;
    return result;
}

enum fault_result sim_write_page(struct mm *mm, unsigned cpu, vaddr_t va, uint64_t word)
{
    paddr_t pa;
    enum fault_result result = touch(mm, cpu, va, ACCESS_WRITE, &pa);

    if (result == FAULT_DONE)
        sim_fill(port_ptr(pa), word);
    return result;
}
