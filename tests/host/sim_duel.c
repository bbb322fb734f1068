/* Steps, done by mm/ and by the model. See sim_duel.h. */
#include "tests/host/sim_duel.h"
#include "tests/host/sim_steps.h"

#include <stdio.h>
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "mm/vma.h"

#define TINY (PT_BITS * PT_LEVELS < 20)
#define NUMBER(va) ((va) >> PAGE_SHIFT)

/* ---- Set up ---- */

/* Borders of tables of every level, stretches that are mutually aligned at them, and the top. */
static void add_windows(struct duel *d)
{
    if (TINY) {
        model_add_window(&d->m, 0, (unsigned)NUMBER(USER_END));
        return;
    }
    model_add_window(&d->m, NUMBER(pt_span(PT_PMD)) * 4, 300);
    for (unsigned level = PT_PUD; level <= PT_PGD; level++)
        model_add_window(&d->m, NUMBER(pt_span(level)) - NUMBER(pt_span(PT_PMD)) - 40, 1160);
    model_add_window(&d->m, NUMBER(USER_END) - 560, 560);
}

/* All that is not in a window is taken. */
static void build_walls(struct duel *d)
{
    vaddr_t at = mm_config.mmap_min_addr;

    d->wall = NULL;
    if (TINY)
        return;
    d->wall = object_create(PAGE_SIZE, "wall");
    for (unsigned w = 0; w < d->m.windows; w++) {
        uint64_t len = (d->m.window[w].page << PAGE_SHIFT) - at;

        if (sim_mmap_object(d->mm, at, len, PROT_NONE, MAP_SHARED | MAP_FIXED, d->wall,
                            w * pt_span(PT_TOP)) != (long)at)
            sim_die("no wall at %llx", (unsigned long long)at);
        at += len + d->m.window[w].count * PAGE_SIZE;
        d->m.walls++;
        d->m.wall_pages += NUMBER(len);
    }
}

/* Every other page of an object holds something from the start; what is cut off by its end does not. */
static void fill_object(struct duel *d, unsigned n)
{
    static char page[PAGE_SIZE];
    struct model_object *o = &d->m.object[n];

    for (unsigned i = n % 2; (i + 1) * PAGE_SIZE <= o->bytes; i += 2) {
        o->filled[i] = true;
        o->word[i] = (uint64_t)n << 60 | i;
        sim_fill(page, o->word[i]);
        if (object_write(d->object[n], i * PAGE_SIZE, page, PAGE_SIZE))
            sim_die("object %u cannot be filled", n);
    }
}

static void make_objects(struct duel *d)
{
    static const uint64_t bytes[] = {6 * PAGE_SIZE, 3 * PAGE_SIZE + 100, 40 * PAGE_SIZE};

    memset(d->object, 0, sizeof(d->object));
    for (unsigned n = 1; n <= MODEL_NAMED; n++) {
        d->object[n] = object_create(bytes[n - 1], n == 2 ? "readonly" : "file");
        d->m.object[n].used = true;
        d->m.object[n].bytes = bytes[n - 1];
        d->m.object[n].may_write = n != 2;
        fill_object(d, n);
    }
}

static void lay_out(struct duel *d)
{
    const struct model_window *low = &d->m.window[0], *high = &d->m.window[d->m.windows - 1];
    struct mm_layout *layout = &d->mm->layout;

    layout->data_end = layout->data_start + 0x1800;
    layout->brk_start = layout->brk = (low->page + low->count / 8) << PAGE_SHIFT;
    layout->mmap_base = (high->page + high->count * 3 / 4) << PAGE_SHIFT;
    d->m.data_bytes = 0x1800;
    d->m.brk_start = d->m.brk = layout->brk_start;
    d->m.mmap_base = NUMBER(layout->mmap_base);
}

void duel_start(struct duel *d)
{
    memset(d, 0, sizeof(*d));
    model_start(&d->m);
    mm_config.stack_guard = 2 * PAGE_SIZE;
    mm_config.realign = REALIGN_FULL;
    mm_config.max_map_count = (uint32_t)d->m.max_maps;
    d->m.guard = 2;
    d->m.lowest = NUMBER(mm_config.mmap_min_addr);
    d->m.task_pages = NUMBER(TASK_SIZE);
    d->frames_at_start = (uint32_t)port_frames_total() - sim_frames_free() + !TINY;
    d->mm = sim_create();
    add_windows(d);
    build_walls(d);
    make_objects(d);
    lay_out(d);
    if (sim_stack_create(d->mm) != model_stack_create(&d->m))
        sim_die("no stack");
    duel_compare(d);
}

void duel_end(struct duel *d)
{
    duel_compare(d);
    sim_destroy(d->mm);
    for (unsigned n = 1; n <= MODEL_NAMED; n++)
        object_put(d->object[n]);
    if (d->wall)
        object_put(d->wall);
}

/* ---- What may be asked ---- */

static bool in_window(const struct duel *d, uint64_t addr, uint64_t len)
{
    struct span span;

    return model_span(&d->m, addr - page_offset(addr), len + page_offset(addr), &span);
}

static bool object_slot_free(const struct duel *d)
{
    unsigned n = MODEL_NAMED + 1;

    while (n <= MODEL_OBJECTS && d->m.object[n].used)
        n++;
    return n <= MODEL_OBJECTS;
}

/* A range that reaches beyond the address space is refused before anything is looked at. */
static bool absurd(uint64_t addr, uint64_t len)
{
    return addr + page_align(len) < addr || (len && !page_align(len));
}

static bool can_map(const struct duel *d, const struct step *s)
{
    if (!s->object && (s->flags & MAP_TYPE) != MAP_PRIVATE &&
        (!object_slot_free(d) || s->len > MODEL_OBJECT_PAGES * PAGE_SIZE))
        return false;
    if (!TINY && s->len > 1000 * PAGE_SIZE)
        return false;
    return !(s->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) || s->addr < mm_config.mmap_min_addr ||
           in_window(d, s->addr, page_align(s->len));
}

bool duel_has_stack(const struct duel *d)
{
    long top = model_index(&d->m, d->m.stack_top - 1);

    return top >= 0 && d->m.page[top].mapped && d->m.page[top].grows_down;
}

static bool can_remap(const struct duel *d, const struct step *s)
{
    if (TINY)
        return true;
    return in_window(d, s->addr, s->len) && in_window(d, s->to, s->new_len);
}

bool duel_can(const struct duel *d, const struct step *s)
{
    switch (s->kind) {
    case STEP_MMAP:
        return can_map(d, s);
    case STEP_MREMAP:
        return can_remap(d, s);
    case STEP_MLOCKALL:
        return TINY;
    case STEP_BRK:
        return s->addr < d->m.brk_start || s->addr > TASK_SIZE ||
               in_window(d, d->m.brk_start, page_align(s->addr) + PAGE_SIZE - d->m.brk_start);
    case STEP_STACK:
        if (s->flags) /* exec makes it where nothing else is yet */
            return !d->m.page[model_index(&d->m, d->m.task_pages - 2)].mapped;
        return duel_has_stack(d) && (TINY || s->len < 400 * PAGE_SIZE);
    case STEP_LIMIT:
    case STEP_REALIGN:
    case STEP_FORK:
        return true;
    case STEP_MUNMAP:
        return s->addr > TASK_SIZE || s->len > TASK_SIZE - s->addr || in_window(d, s->addr, s->len);
    case STEP_TOUCH:
        return s->addr >= USER_END || in_window(d, s->addr, 1);
    case STEP_MINCORE:
        return !absurd(s->addr, s->len) && in_window(d, s->addr, s->len);
    default:
        return absurd(s->addr, s->len) || in_window(d, s->addr, s->len);
    }
}

/* ---- The step on mm's side ---- */

#define VECTOR 4096
static uint8_t mine_vector[VECTOR], should_vector[VECTOR];

static long touch(struct duel *d, const struct step *s)
{
    if (s->what == ACCESS_WRITE)
        return sim_write_page(d->mm, s->cpu % SIM_CPUS, s->addr - page_offset(s->addr),
                              d->last_word);
    return sim_touch(d->mm, s->cpu % SIM_CPUS, s->addr, (enum access)s->what);
}

static char copied[PAGE_SIZE];

/* A whole page. */
static long copy(struct duel *d, const struct step *s)
{
    vaddr_t va = s->addr - page_offset(s->addr);

    if (s->what != ACCESS_WRITE)
        return sim_copy_from(d->mm, copied, va, PAGE_SIZE);
    sim_fill(copied, d->last_word);
    return sim_copy_to(d->mm, va, copied, PAGE_SIZE);
}

static long set_limit(struct duel *d, const struct step *s)
{
    uint64_t *limits[] = {&d->mm->limits.as, &d->mm->limits.data, &d->mm->limits.stack,
                          &d->mm->limits.memlock};
    uint64_t *models[] = {&d->m.limit_as, &d->m.limit_data, &d->m.limit_stack, &d->m.limit_memlock};

    if (s->what == LIMIT_MAPS) {
        mm_config.max_map_count = (uint32_t)s->len;
        d->m.max_maps = s->len;
        return 0;
    }
    *limits[s->what] = s->len;
    *models[s->what] = s->len;
    return 0;
}

/* One of the two goes on, the other ends. */
static long fork_space(struct duel *d, bool child_goes_on)
{
    struct mm *parent = d->mm, *child = sim_fork(parent);

    if (!child)
        return -ENOMEM;
    d->mm = child_goes_on ? child : parent;
    sim_destroy(child_goes_on ? parent : child);
    return 0;
}

static long run_other(struct duel *d, const struct step *s)
{
    switch (s->kind) {
    case STEP_TOUCH:
        return touch(d, s);
    case STEP_COPY:
        return copy(d, s);
    case STEP_STACK:
        return s->flags ? sim_stack_create(d->mm) : sim_stack_shift(d->mm, s->len);
    case STEP_LIMIT:
        return set_limit(d, s);
    case STEP_REALIGN:
        mm_config.realign = (enum realign)s->what;
        return 0;
    case STEP_FORK:
        return fork_space(d, s->flags);
    default:
        sim_die("step of kind %d", s->kind);
    }
}

/* Of a file, opened for writing or not, or anonymous. */
static long map(struct duel *d, const struct step *s)
{
    bool may_write = !s->object || d->m.object[s->object].may_write;
    long result;

    sim_op("mmap");
    port_lock_write(&d->mm->lock);
    result = mm_mmap(d->mm, s->addr, s->len, s->prot, s->flags, d->object[s->object], s->offset,
                     may_write);
    port_unlock_write(&d->mm->lock);
    sim_settle(d->mm);
    return result;
}

static long run(struct duel *d, const struct step *s)
{
    switch (s->kind) {
    case STEP_MMAP:
        return map(d, s);
    case STEP_MUNMAP:
        return sim_munmap(d->mm, s->addr, s->len);
    case STEP_MPROTECT:
        return sim_mprotect(d->mm, s->addr, s->len, s->prot);
    case STEP_MREMAP:
        return sim_mremap(d->mm, s->addr, s->len, s->new_len, s->flags, s->to);
    case STEP_MADVISE:
        return sim_madvise(d->mm, s->addr, s->len, s->what);
    case STEP_MLOCK:
        return sim_mlock(d->mm, s->addr, s->len, s->flags, s->flags == 2);
    case STEP_MLOCKALL:
        return sim_mlockall(d->mm, (int)s->flags);
    case STEP_BRK:
        return sim_brk(d->mm, s->addr);
    case STEP_MINCORE:
        return sim_mincore(d->mm, s->addr, s->len >> PAGE_SHIFT, mine_vector);
    default:
        return run_other(d, s);
    }
}

/* ---- And on the model's ---- */

/* The answers of a fault, and of a copy that meets one, to what the model says of it. */
static long touch_answer(enum model_touch result, bool by_copy)
{
    static const enum fault_result faults[] = {FAULT_DONE, FAULT_MAPERR, FAULT_ACCERR, FAULT_BUS};

    if (by_copy)
        return result == TOUCH_DONE ? 0 : -EFAULT;
    return faults[result];
}

static long model_access(struct duel *d, const struct step *s)
{
    bool by_copy = s->kind == STEP_COPY;
    enum model_touch result;

    if (s->what == ACCESS_WRITE)
        result = model_write(&d->m, NUMBER(s->addr), d->last_word);
    else
        result =
            model_touch(&d->m, NUMBER(s->addr), s->what == ACCESS_EXEC ? MODEL_EXEC : MODEL_READ);
    return touch_answer(result, by_copy);
}

static long model_run(struct duel *d, const struct step *s)
{
    struct model *m = &d->m;

    switch (s->kind) {
    case STEP_MMAP:
        return model_mmap(m, s->addr, s->len, s->prot, s->flags, s->object, s->offset);
    case STEP_MUNMAP:
        return model_munmap(m, s->addr, s->len);
    case STEP_MPROTECT:
        return model_mprotect(m, s->addr, s->len, s->prot);
    case STEP_MREMAP:
        return model_mremap(m, s->addr, s->len, s->new_len, s->flags, s->to);
    case STEP_MADVISE:
        return model_madvise(m, s->addr, s->len, s->what);
    case STEP_MLOCK:
        return model_mlock(m, s->addr, s->len, s->flags, s->flags == 2);
    case STEP_MLOCKALL:
        return model_mlockall(m, (int)s->flags);
    case STEP_BRK:
        return model_brk(m, s->addr);
    case STEP_MINCORE:
        return model_mincore(m, s->addr, NUMBER(s->len), should_vector);
    case STEP_TOUCH:
    case STEP_COPY:
        return model_access(d, s);
    case STEP_STACK:
        return s->flags ? model_stack_create(m) : model_stack_shift(m, s->len);
    case STEP_FORK:
        model_fork(m, s->flags);
        return 0;
    default:
        return 0;
    }
}

/* The object that the model made is the one that mm/ made; those that nothing shows are gone. */
static void pair_objects(struct duel *d, long result)
{
    for (unsigned n = MODEL_NAMED + 1; n <= MODEL_OBJECTS; n++)
        if (!d->m.object[n].used)
            d->object[n] = NULL;
    if (d->m.made && result > 0)
        d->object[d->m.made] = vma_at(d->mm, (vaddr_t)result)->object;
    d->m.made = 0;
}

static void compare_copied(const struct duel *d, const struct step *s)
{
    long i = model_index(&d->m, NUMBER(s->addr));

    if (sim_differs(copied, model_word(&d->m, (unsigned)i)) >= 0)
        sim_die("%s: other bytes than the page's", step_text(s));
}

static void compare_answers(const struct duel *d, const struct step *s, long mine, long should)
{
    if (mine != should)
        sim_die("%s: answer %ld (%#lx), should be %ld (%#lx)", step_text(s), mine, mine, should,
                should);
    if (s->kind == STEP_MINCORE && mine == 0 &&
        memcmp(mine_vector, should_vector, NUMBER(s->len)) != 0)
        sim_die("%s: other pages than those resident", step_text(s));
    if (s->kind == STEP_COPY && s->what != ACCESS_WRITE && mine == 0)
        compare_copied(d, s);
}

/* ---- Short of memory ---- */

static long no_memory(const struct duel *d, const struct step *s)
{
    if (s->kind == STEP_BRK)
        return (long)d->m.brk;
    return s->kind == STEP_TOUCH ? FAULT_OOM : -ENOMEM;
}

/* The calls that fetch pages after all is decided: what cannot be had comes by faults. */
static bool fetches(const struct step *s)
{
    return s->kind == STEP_MMAP || s->kind == STEP_MREMAP || s->kind == STEP_MLOCK ||
           s->kind == STEP_MLOCKALL || s->kind == STEP_BRK || s->kind == STEP_MPROTECT;
}

/* mlock tells of what it could not fetch; all else has happened. */
static bool tells(const struct step *s, long mine)
{
    return s->kind == STEP_MLOCK && mine == -EAGAIN;
}

static bool fetches_or_fails(const struct step *s)
{
    return s->kind == STEP_MADVISE &&
           (s->what == MADV_POPULATE_READ || s->what == MADV_POPULATE_WRITE);
}

/* An allocation of the step failed: all is as it was, but that pages may have been fetched. */
static void check_starved(struct duel *d, const struct step *s, long mine, const char *change)
{
    long should;

    d->starved++;
    if (mine == no_memory(d, s) && !change)
        return;
    if (mine == no_memory(d, s) && !fetches_or_fails(s))
        sim_die("%s: no memory, but %s", step_text(s), change);
    if (mine != no_memory(d, s) && !fetches(s))
        sim_die("%s: answer %ld, though memory was short", step_text(s), mine);
    should = model_run(d, s);
    if (!fetches_or_fails(s) && !tells(s, mine))
        compare_answers(d, s, mine, should);
    pair_objects(d, mine);
    duel_adopt(d);
}

/* ---- Both ---- */

static bool is_error(const struct step *s, long result)
{
    return (s->kind == STEP_TOUCH || s->kind == STEP_COPY) ? result != 0
                                                           : result < 0 && result > -4096;
}

void duel_step(struct duel *d, const struct step *s)
{
    struct sim_snapshot *snap = s->fail ? sim_snapshot() : NULL;
    bool starved;

    d->last_word++;
    d->steps++;
    sim_check_calls = d->steps % CHECK_ALL_EVERY == 0;
    d->stats = mm_stats;
    d->copies = d->m.copies;
    d->moves = d->m.moves;
    sim_fail_after(s->fail, s->fail_all);
    d->result = run(d, s);
    starved = s->fail && sim_refused();
    sim_fail_after(0, false);
    d->short_of_memory = starved;
    if (starved) {
        check_starved(d, s, d->result, sim_changed(snap));
    } else {
        compare_answers(d, s, d->result, model_run(d, s));
        pair_objects(d, d->result);
    }
    d->failed = is_error(s, d->result);
    d->refused += d->failed;
    duel_check_stats(d, s);
    if (snap)
        sim_snapshot_free(snap);
    if (!d->sparse || d->steps % d->sparse == 0)
        duel_compare(d);
    sim_check_calls = true;
}
