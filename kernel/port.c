/* mm/port.h for the kernel: what the memory management asks of the machine. */
#include "mm/port.h"

#include <stdarg.h>

#include "kernel/cpu.h"
#include "kernel/format.h"
#include "kernel/frames.h"
#include "kernel/log.h"
#include "kernel/paging.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/string.h"
#include "kernel/x86.h"

/* From here on one reload of the root is cheaper than an instruction per page. */
#define FLUSH_PAGES_MAX 32

/* ---- Frames ---------------------------------------------------------------------------------------------------- */

paddr_t port_frame_alloc(bool zero)
{
    return zero ? frames_alloc_zeros() : frames_alloc(0);
}

void port_frame_free(paddr_t frame)
{
    frames_free(frame, 0);
}

void port_run_free(paddr_t first, uint64_t count)
{
    frames_free_run((struct range){first, first + count * PAGE_SIZE});
}

bool port_tables_reserve(uint32_t count)
{
    return frames_reserve_zeros(count);
}

void port_tables_unreserve(uint32_t count)
{
    frames_unreserve_zeros(count);
}

paddr_t port_table_take(void)
{
    return frames_take_zeros();
}

void port_tables_free(struct frame_list *list)
{
    frames_free_zeros(list);
}

/* The order of the block that a leaf of @level maps. */
static unsigned block_order(unsigned level)
{
    return level * PT_BITS;
}

paddr_t port_block_alloc(unsigned level, bool zero)
{
    paddr_t block = frames_alloc(block_order(level));

    if (block && zero)
        memset(direct_ptr(block), 0, pt_span(level));
    return block;
}

void port_block_free(paddr_t block, unsigned level)
{
    frames_free(block, block_order(level));
}

#ifdef PORT_DIRECT_BASE
_Static_assert(PORT_DIRECT_BASE == DIRECT_BASE, "where the kernel sees all memory");
#else
struct frame *port_frame(paddr_t pa)
{
    return frames_meta(pa);
}

void *port_ptr(paddr_t pa)
{
    return direct_ptr(pa);
}

paddr_t port_paddr(const void *ptr)
{
    return direct_paddr(ptr);
}
#endif

bool port_is_frame(paddr_t pa)
{
    return frames_has(pa);
}

uint64_t port_frames_total(void)
{
    return frames_total_count();
}

uint64_t port_frames_free(void)
{
    return frames_free_count();
}

/* ---- Objects --------------------------------------------------------------------------------------------------- */

void *port_alloc(size_t size)
{
    return kmalloc(size);
}

void port_free(void *object, size_t size)
{
    kfree(object, size);
}

/* ---- Translations ---------------------------------------------------------------------------------------------- */

void port_root_init(paddr_t root)
{
    paging_root_init(root);
}

/* INVLPG also drops the cached upper levels of all translations, so one is enough for a table that went away. */
void port_tlb_flush(struct mm *mm, struct range range)
{
    if (THIS_CPU(mm) != mm)
        return;
    if (range_size(range) > FLUSH_PAGES_MAX * PAGE_SIZE) {
        port_tlb_flush_all(mm);
        return;
    }
    for (vaddr_t va = range.start; va < range.end; va += PAGE_SIZE)
        invlpg(va);
}

void port_tlb_flush_all(struct mm *mm)
{
    if (THIS_CPU(mm) == mm)
        write_cr3(read_cr3());
}

/* ---- Locks ----------------------------------------------------------------------------------------------------- */

/* One CPU and no preemption in the kernel: whoever would have to wait would wait for itself. */

void port_lock_write(struct port_lock *lock)
{
    if (lock->holders != 0)
        panic("lock taken for write with %d holders", lock->holders);
    lock->holders = -1;
}

void port_unlock_write(struct port_lock *lock)
{
    if (lock->holders != -1)
        panic("lock released by a writer with %d holders", lock->holders);
    lock->holders = 0;
}

void port_lock_read(struct port_lock *lock)
{
    if (lock->holders < 0)
        panic("lock taken for read while written");
    lock->holders++;
}

void port_unlock_read(struct port_lock *lock)
{
    if (lock->holders <= 0)
        panic("lock released by a reader with %d holders", lock->holders);
    lock->holders--;
}

/* ---- Words ----------------------------------------------------------------------------------------------------- */

int port_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = format_v(buf, size, fmt, args);
    va_end(args);
    return len;
}

void port_warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_v(LOG_WARN, fmt, args);
    va_end(args);
}

_Noreturn void port_panic(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    panic_v(file, line, fmt, args);
}

uint64_t port_random(void)
{
    return random_u64();
}
