/*
 * Where the kernel's structures have their fields, for those who look at them from outside (memory.py). Compiled to
 * assembly with the kernel's own flags; the lines `#FIELD struct.field offset`, `#SIZE struct bytes` and `#VALUE name
 * number` are all that is taken of it.
 */
#include "mm/pt_move.h"
#include "mm/vma.h"

#define FIELD(type, field)                                                                         \
    __asm__ volatile("#FIELD " #type "." #field " %c0" : : "i"(offsetof(struct type, field)))
#define SIZE(type) __asm__ volatile("#SIZE " #type " %c0" : : "i"(sizeof(struct type)))

#define VALUE(name, value) __asm__ volatile("#VALUE " #name " %c0" : : "i"(value))

void layout(void);

void layout(void)
{
    VALUE(direct_base_mib, (int64_t)(PORT_DIRECT_BASE) >> 20);
    FIELD(pt, root);
    FIELD(pt, top);
    FIELD(pt, tables);
    SIZE(pt);
    FIELD(mm, lock);
    FIELD(mm, pt);
    FIELD(mm, first);
    FIELD(mm, last);
    FIELD(mm, tree);
    FIELD(mm, vma_count);
    FIELD(mm, total_pages);
    FIELD(mm, rss_pages);
    FIELD(mm, limits.stack);
    FIELD(mm, layout.stack_top);
    FIELD(mm, peak_pages);
    FIELD(mm, next_mm);
    SIZE(mm);
    FIELD(vma, start);
    FIELD(vma, end);
    FIELD(vma, flags);
    FIELD(vma, anon);
    FIELD(vma, object);
    FIELD(vma, pgoff);
    FIELD(vma, prev);
    FIELD(vma, next);
    FIELD(vma, left);
    FIELD(vma, right);
    FIELD(vma, parent);
    FIELD(vma, gap);
    FIELD(vma, max_gap);
    FIELD(vma, priority);
    SIZE(vma);
    FIELD(vma_reserve, head);
    FIELD(pt_reserve, count);
    FIELD(frame, refs);
    FIELD(frame, live);
    SIZE(frame);
    FIELD(pt_run, slots);
    FIELD(pt_run, count);
    FIELD(pt_run, level);
    FIELD(pt_run, va);
    FIELD(pt_move, mm);
    FIELD(pt_move, old);
    FIELD(pt_move, new);
    FIELD(pt_move, len);
    FIELD(pt_move, old_floor);
    FIELD(pt_move, old_ceiling);
    FIELD(pt_move, new_floor);
    FIELD(pt_move, new_ceiling);
    FIELD(pt_move, src.start);
    FIELD(pt_move, src.end);
    SIZE(pt_move);
}
