/* exec's stack, page by page. See sim_model.h. */
#include <string.h>

#include "kernel/abi/errno.h"
#include "tests/host/sim_model.h"

#define PAGE 4096ull
#define STACK_ROOM 32 /* pages */

long model_stack_create(struct model *m)
{
    long i = model_index(m, m->task_pages - 1);

    if (m->page[i].mapped)
        return -EEXIST;
    m->page[i] = (struct model_page){
        .mapped = true,
        .first = true,
        .prot = MODEL_R | MODEL_W,
        .may_write = true,
        .account = true,
        .grows_down = true,
        .pgoff = m->task_pages - 1,
    };
    m->stack_top = m->task_pages;
    return 0;
}

/* The shifted stack, @e its extent now, gets room below, as far as its limit and what is free allow. */
static void make_room(struct model *m, struct span e, uint64_t floor)
{
    uint64_t size = e.to - e.from, most = m->limit_stack >> 12, room = STACK_ROOM;

    most = most > size ? most : size;
    if (room > model_number(m, e.from) - floor)
        room = model_number(m, e.from) - floor;
    if (room > most - size)
        room = most - size;
    for (unsigned i = e.from; room--; i--) {
        m->page[i - 1] = m->page[i];
        m->page[i - 1].pgoff--;
        m->page[i - 1].frame = FRAME_NONE;
        m->page[i].first = false;
    }
}

long model_stack_shift(struct model *m, uint64_t shift)
{
    static struct model_page stack[MODEL_PAGES];
    long top = model_index(m, m->stack_top - 1);
    uint64_t pages = shift / PAGE, floor;
    unsigned below, bottom, size;
    struct span e;

    if (shift % PAGE || top < 0 || !m->page[top].mapped)
        return -EINVAL;
    e = model_extent(m, (unsigned)top);
    size = e.to - e.from;
    bottom = model_window(m, e.from)->index;
    for (below = e.from; below > bottom && !m->page[below - 1].mapped; below--)
        ;
    floor = model_number(m, below);
    floor = floor > m->lowest ? floor : m->lowest;
    if (pages > model_number(m, e.from) || model_number(m, e.from) - pages < floor)
        return -EINVAL;
    m->moves += pages > 0;
    memcpy(stack, &m->page[e.from], size * sizeof(stack[0]));
    for (unsigned i = e.from; i < e.to; i++)
        m->page[i] = (struct model_page){0};
    e = (struct span){e.from - (unsigned)pages, e.to - (unsigned)pages};
    memcpy(&m->page[e.from], stack, size * sizeof(stack[0]));
    make_room(m, e, floor);
    m->stack_top = model_number(m, e.to - 1) + 1;
    model_join(m, model_extent(m, e.to - 1));
    return 0;
}
