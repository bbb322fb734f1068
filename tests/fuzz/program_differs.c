/* The steps that Linux would answer otherwise, or do otherwise, on purpose. See program.h, and docs/linux.md. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "tests/fuzz/program.h"
#include "tests/host/sim_steps.h"

#define NUMBER(va) ((va) >> PAGE_SHIFT)

/* ---- Where the two address spaces are not the same ---- */

/* Linux has more room on both ends, and nothing between the windows. */
static bool beyond(const struct model *m, uint64_t addr, uint64_t len)
{
    uint64_t task = m->task_pages << PAGE_SHIFT;

    return addr > task || len > task || page_align(len) > task - addr;
}

static bool leaves_space(const struct model *m, const struct step *s)
{
    bool target = s->kind == STEP_MREMAP && (s->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP));

    if (s->kind == STEP_MLOCKALL)
        return false;
    return beyond(m, s->addr, s->len) || (target && beyond(m, s->to, s->new_len)) ||
           (s->kind == STEP_MREMAP && beyond(m, 0, s->new_len));
}

static bool too_low(const struct model *m, const struct step *s)
{
    return NUMBER(s->kind == STEP_MREMAP ? s->to : s->addr) < m->lowest;
}

static bool limited(const struct model *m)
{
    return m->limit_as != UINT64_MAX || m->limit_data != UINT64_MAX ||
           m->limit_stack != UINT64_MAX || m->limit_memlock != UINT64_MAX || m->max_maps < 65530;
}

/* Whether mm/ had to look for a place, or for room behind the mapping where only its own end is. */
static bool wanted_room(const struct model *m, const struct step *s)
{
    struct span behind;

    if (s->kind == STEP_MMAP)
        return !(s->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE));
    if (s->kind != STEP_MREMAP || (s->flags & MREMAP_FIXED))
        return false;
    if (s->flags & MREMAP_MAYMOVE)
        return true;
    return !model_span(m, s->addr + page_align(s->len), page_align(s->new_len) - page_align(s->len),
                       &behind) ||
           !model_mapped(m, behind);
}

/* ---- What grows down ---- */

/* Nothing is mapped at @i, and what is next above grows down: also in another window, for Linux knows no walls. */
static bool below_stack(const struct model *m, unsigned i)
{
    unsigned at = i;

    while (at < m->count && !m->page[at].mapped)
        at++;
    return at > i && at < m->count && m->page[at].grows_down;
}

/*
 * After it grew down to @i: whether grow() of linux.h cannot do the same. It maps what is added, so
 * that must be merged with what was there, and only with that.
 */
static bool grew_otherwise(const struct model *m, unsigned i)
{
    const struct model_page *p = &m->page[i];

    return !p->first || p->pgoff != model_number(m, i) || p->locked || !(p->prot & MODEL_W) ||
           p->no_reserve || m->future_lock;
}

/* ---- Accesses ---- */

static const char *access_omitted(const struct model *was, const struct duel *d,
                                  const struct step *s)
{
    long i = model_index(was, NUMBER(s->addr));
    const struct model_page *p = &was->page[i];

    if (i < 0)
        return "beyond the address space";
    if (s->what == ACCESS_EXEC)
        return !d->failed && !p->mapped ? NULL : "execution";
    if (p->mapped && s->what == ACCESS_READ && p->prot == MODEL_X)
        return "protection keys";
    if (!d->failed)
        return NULL;
    if (d->short_of_memory)
        return "short of memory";
    if (below_stack(was, (unsigned)i))
        return "Linux grows the mapping first";
    if (p->mapped && s->what == ACCESS_WRITE && !p->shared && p->object)
        return "Linux identifies the mapping first";
    return NULL;
}

/* Pages that mlock leaves out; Linux tells of them, by an error after all is done. */
bool program_locks_in_part(const struct model *now, const struct step *s)
{
    struct span span;

    if (s->kind != STEP_MLOCK || !s->flags ||
        !model_span(now, s->addr - page_offset(s->addr), s->len + page_offset(s->addr), &span))
        return false;
    for (unsigned i = span.from; i < span.to; i++) {
        const struct model_page *p = &now->page[i];

        if (!p->prot || p->prot == MODEL_X || (p->object && p->frame == FRAME_NONE))
            return true;
    }
    return false;
}

/* ---- Calls ---- */

static bool changes_a_range(const struct step *s)
{
    return s->kind == STEP_MPROTECT || s->kind == STEP_MADVISE || s->kind == STEP_MLOCK;
}

static bool populates(const struct step *s)
{
    return s->kind == STEP_MADVISE &&
           (s->what == MADV_POPULATE_READ || s->what == MADV_POPULATE_WRITE);
}

static const char *call_omitted(const struct model *was, const struct duel *d, const struct step *s)
{
    long error = d->result;

    if (d->short_of_memory)
        return "short of memory";
    if (leaves_space(was, s))
        return "beyond the address space";
    if (error == -EPERM && too_low(was, s))
        return "below the lowest address";
    if (limited(was) && (error == -ENOMEM || error == -EAGAIN || error == -EPERM))
        return "a limit";
    if (error == -ENOMEM && wanted_room(was, s))
        return "no room";
    if (error == -ENOMEM && changes_a_range(s))
        return "Linux changes what lies below the hole";
    if (populates(s))
        return "the error of what comes first";
    if (s->kind == STEP_MREMAP && (error == -ENOMEM || (s->len == 0 && s->to == s->addr)))
        return "Linux unmaps the target first";
    return NULL;
}

const char *program_omits(const struct model *was, const struct duel *d, const struct step *s)
{
    switch (s->kind) {
    case STEP_LIMIT:
    case STEP_REALIGN:
        return "settings";
    case STEP_STACK:
        return d->failed ? "exec's stack" : NULL;
    case STEP_FORK:
        return d->failed ? "short of memory" : s->flags ? NULL : "a child that ends at once";
    case STEP_TOUCH:
    case STEP_COPY:
        return access_omitted(was, d, s);
    default:
        return d->failed ? call_omitted(was, d, s) : NULL;
    }
}

/* ---- exec's stack ---- */

bool program_shift(const struct model *was, const struct model *now, const struct step *s,
                   struct shift *shift)
{
    long top = model_index(was, was->stack_top - 1);
    struct span before = model_extent(was, (unsigned)top);
    const struct model_page *p = &was->page[before.from];
    unsigned pages = (unsigned)NUMBER(s->len), to = before.to - pages;
    struct span after = model_extent(now, to - 1);

    shift->start = model_number(was, before.from);
    shift->end = model_number(was, before.to - 1) + 1;
    shift->pages = pages;
    shift->room = after.to - after.from - (before.to - before.from);
    if (after.to != to || after.from + shift->room + pages != before.from)
        return false; /* merged */
    return p->anon && !p->locked && !now->future_lock && p->prot == (MODEL_R | MODEL_W) &&
           (p->pgoff == shift->start || !shift->room);
}

/* Whether begin() of a program maps the same. */
static bool made_alone(const struct model *now)
{
    long top = model_index(now, now->stack_top - 1);

    return now->page[top].first && !now->page[top - 1].mapped;
}

static bool stack_differs(const struct model *was, const struct model *now, const struct step *s)
{
    struct shift shift;

    return s->flags ? !made_alone(now) : !program_shift(was, now, s, &shift);
}

/* ---- The end ---- */

/* What DONTUNMAP left, not locked and empty, was merged with its neighbours. */
static bool source_merged(const struct model *was, const struct model *now, const struct step *s)
{
    long i = model_index(was, NUMBER(s->addr));
    struct span before, after;

    if (s->kind != STEP_MREMAP || !(s->flags & MREMAP_DONTUNMAP))
        return false;
    before = model_extent(was, (unsigned)i);
    after = model_extent(now, (unsigned)i);
    return before.from != after.from || before.to != after.to;
}

bool program_grows(const struct model *was, const struct step *s)
{
    long i = model_index(was, NUMBER(s->addr));

    return (s->kind == STEP_TOUCH || s->kind == STEP_COPY) && i >= 0 && !was->page[i].mapped;
}

const char *program_ends(const struct model *was, const struct duel *d, const struct step *s)
{
    const struct model *now = &d->m;

    if (s->kind == STEP_STACK && stack_differs(was, now, s))
        return "exec's stack";
    if (program_grows(was, s) && grew_otherwise(now, (unsigned)model_index(now, NUMBER(s->addr))))
        return "Linux keeps a larger gap, or does not merge what has grown";
    if (s->kind == STEP_FORK)
        return "a process of its own";
    if (source_merged(was, now, s))
        return "Linux does not merge what DONTUNMAP left";
    return NULL;
}
