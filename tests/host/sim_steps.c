/* Steps out of bytes. See sim_steps.h. */
#include "tests/host/sim_steps.h"

#include <signal.h>
#include <stdio.h>

#include "kernel/abi/mman.h"

#define SPAN_PAGES PT_ENTRIES /* of a PMD entry */
#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

struct choices choices_of(const uint8_t *data, size_t size, uint64_t number)
{
    return (struct choices){
        .data = data,
        .size = size,
        .seed = number,
        .random = (number + 1) * 0x9e3779b97f4a7c15ull,
        .shortages = true,
    };
}

static bool used_up(const struct choices *c)
{
    return c->data && c->at >= c->size;
}

static void record(struct choices *c, unsigned n, unsigned value)
{
    for (unsigned bytes = n > 256 ? 2 : 1; bytes--;)
        if (c->made_count < c->made_size)
            c->made[c->made_count++] = (uint8_t)(value >> 8 * bytes);
}

static unsigned pick_random(struct choices *c, unsigned n)
{
    unsigned value;

    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    value = (unsigned)((c->random >> 20) % n);
    record(c, n, value);
    return value;
}

/* 0 .. n - 1, n <= 65536. Zeros when the data has ended. */
static unsigned pick(struct choices *c, unsigned n)
{
    unsigned value = 0;

    if (!c->data)
        return pick_random(c, n);
    for (unsigned bytes = n > 256 ? 2 : 1; bytes--;)
        value = value << 8 | (c->at < c->size ? c->data[c->at] : 0), c->at++;
    return value % n;
}

#define PICK(c, list) ((list)[pick(c, COUNT(list))])

/* ---- Pages and lengths ---- */

/* A page in an extent chosen by its number, so that things are met; -1 without any. */
static long page_of_extent(struct choices *c, const struct duel *d, struct span *e)
{
    unsigned n = pick(c, 24), seen = 0;
    long found = -1;

    for (unsigned i = 0; i < d->m.count; i++) {
        if (!d->m.page[i].mapped || !d->m.page[i].first)
            continue;
        found = i;
        if (seen++ == n)
            break;
    }
    if (found >= 0)
        *e = model_extent(&d->m, (unsigned)found);
    return found;
}

static vaddr_t address(const struct duel *d, unsigned i)
{
    return model_number(&d->m, i < d->m.count ? i : d->m.count - 1) << PAGE_SHIFT;
}

/* Any page, now and then at the border of a table. */
static vaddr_t any_page(struct choices *c, const struct duel *d)
{
    unsigned i = pick(c, d->m.count);
    vaddr_t va = address(d, i);

    return pick(c, 4) ? va : pt_floor(va, PT_PMD);
}

/* Start of an extent, or a place in it or just beside it; *len becomes what is left of it. */
static vaddr_t some_page(struct choices *c, const struct duel *d, uint64_t *len)
{
    struct span e;
    unsigned i;

    *len = (1 + pick(c, 6)) * PAGE_SIZE;
    if (pick(c, 5) == 0 || page_of_extent(c, d, &e) < 0)
        return any_page(c, d);
    i = e.from;
    switch (pick(c, 8)) {
    case 0:
    case 1:
        i += pick(c, e.to - e.from);
        break;
    case 2:
        i = e.to - 1;
        break;
    case 3:
        i -= i > 0;
        break;
    default:
        break;
    }
    if (i < e.to)
        *len = (e.to - i) * PAGE_SIZE;
    return address(d, i);
}

static uint64_t some_length(struct choices *c, uint64_t rest)
{
    switch (pick(c, 14)) {
    case 0:
        return (1 + pick(c, 3)) * PAGE_SIZE;
    case 1:
        return pick(c, SPAN_PAGES + 2) * PAGE_SIZE;
    case 2:
        return pt_span(PT_PMD) * (1 + pick(c, 2));
    case 3:
        return rest > PAGE_SIZE ? rest - PAGE_SIZE : rest;
    case 4:
        return rest + (1 + pick(c, 4)) * PAGE_SIZE;
    case 5:
        return pick(c, 3) ? rest : rest - pick(c, 4096);
    default:
        return rest;
    }
}

/* Lengths and addresses that no call takes, or that only wrap around. */
static uint64_t odd(struct choices *c, uint64_t value)
{
    const uint64_t list[] = {value + 1,     0,
                             UINT64_MAX,    UINT64_MAX - PAGE_SIZE + 1,
                             TASK_SIZE,     TASK_SIZE + PAGE_SIZE,
                             value | 0xfff, (uint64_t)1 << 63};

    return PICK(c, list);
}

static uint64_t seldom_odd(struct choices *c, uint64_t value)
{
    return pick(c, 50) ? value : odd(c, value);
}

/* A target for a move from @old: at the same offset in a table's span more often than not. */
static vaddr_t some_target(struct choices *c, const struct duel *d, vaddr_t old)
{
    uint64_t rest;
    vaddr_t to = pick(c, 3) ? any_page(c, d) : some_page(c, d, &rest);
    unsigned level = PT_PMD + pick(c, PT_LEVELS > 2 ? 2 : 1);

    if (pick(c, 5) < 3)
        to = pt_floor(to, level) + pt_offset(old, level);
    return model_index(&d->m, to >> PAGE_SHIFT) >= 0 ? to : any_page(c, d);
}

/* ---- Calls ---- */

static uint32_t some_prot(struct choices *c)
{
    static const uint32_t prots[] = {PROT_READ,  PROT_NONE, PROT_READ | PROT_EXEC,
                                     PROT_WRITE, PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC};

    if (pick(c, 3))
        return PROT_READ | PROT_WRITE;
    return PICK(c, prots);
}

static void choose_mmap(struct choices *c, const struct duel *d, struct step *s)
{
    static const uint32_t types[] = {MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED};
    static const uint32_t places[] = {MAP_FIXED, MAP_FIXED, MAP_FIXED, 0};
    static const uint32_t extras[] = {0,
                                      0,
                                      0,
                                      0,
                                      MAP_POPULATE,
                                      MAP_NORESERVE,
                                      MAP_GROWSDOWN,
                                      MAP_LOCKED,
                                      MAP_STACK | MAP_POPULATE | MAP_NONBLOCK};
    uint64_t rest;

    s->addr = pick(c, 3) ? any_page(c, d) : some_page(c, d, &rest);
    s->len = pick(c, 4) ? (1 + pick(c, 2 * SPAN_PAGES)) * PAGE_SIZE : some_length(c, PAGE_SIZE);
    s->prot = some_prot(c);
    s->flags = PICK(c, types) | PICK(c, places) | PICK(c, extras);
    s->object = pick(c, 3) ? 0 : pick(c, MODEL_NAMED + 1);
    s->offset = s->object ? pick(c, 5) * PAGE_SIZE : 0;
    if (!s->object)
        s->flags |= MAP_ANONYMOUS;
    if (pick(c, 40) == 0)
        s->flags ^= 1u << pick(c, 4);
    if (pick(c, 16) == 0)
        s->flags |= MAP_FIXED_NOREPLACE;
    if (pick(c, 60) == 0)
        s->offset = odd(c, s->offset);
}

/* A move that resizes nothing may take more with it: the next extents, and the gaps before them. */
static void reach_further(const struct duel *d, struct step *s)
{
    unsigned more = (unsigned)(s->to >> PAGE_SHIFT) % 4;
    long i = model_index(&d->m, (s->addr + s->len) >> PAGE_SHIFT);

    if (!(s->flags & MREMAP_FIXED) || s->len != s->new_len || page_offset(s->len) || i < 0)
        return;
    for (; more > 0 && i < (long)d->m.count; i++) {
        if (!d->m.page[i].mapped)
            continue;
        i = model_extent(&d->m, (unsigned)i).to - 1;
        s->len = s->new_len = address(d, (unsigned)i) + PAGE_SIZE - s->addr;
        more--;
    }
}

static void choose_mremap(struct choices *c, const struct duel *d, struct step *s)
{
    static const uint32_t flags[] = {0,
                                     MREMAP_MAYMOVE,
                                     MREMAP_MAYMOVE,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
                                     MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED};
    uint64_t rest;

    s->addr = some_page(c, d, &rest);
    s->len = pick(c, 16) ? some_length(c, rest) : 0;
    s->new_len = pick(c, 3) && s->len ? s->len : some_length(c, rest);
    s->flags = PICK(c, flags);
    s->to = some_target(c, d, s->addr);
    if (pick(c, 60) == 0)
        s->flags = pick(c, 16);
    s->to = seldom_odd(c, s->to);
    s->new_len = seldom_odd(c, s->new_len);
    reach_further(d, s);
}

static void choose_range(struct choices *c, const struct duel *d, struct step *s)
{
    uint64_t rest;

    s->addr = some_page(c, d, &rest);
    s->len = seldom_odd(c, some_length(c, rest));
}

static void choose_access(struct choices *c, const struct duel *d, struct step *s)
{
    static const int accesses[] = {ACCESS_WRITE, ACCESS_WRITE, ACCESS_WRITE,
                                   ACCESS_READ,  ACCESS_READ,  ACCESS_EXEC};
    uint64_t rest;

    s->kind = pick(c, 8) ? STEP_TOUCH : STEP_COPY;
    s->addr = some_page(c, d, &rest);
    if (pick(c, 3))
        s->addr += pick(c, (unsigned)(rest >> PAGE_SHIFT)) * PAGE_SIZE;
    if (model_index(&d->m, s->addr >> PAGE_SHIFT) < 0)
        s->addr = any_page(c, d);
    s->what = PICK(c, accesses);
    s->cpu = pick(c, SIM_CPUS);
    if (s->kind == STEP_COPY && s->what == ACCESS_EXEC)
        s->what = ACCESS_READ;
    if (s->kind == STEP_COPY)
        s->len = sizeof(uint64_t);
}

static void choose_limit(struct choices *c, const struct duel *d, struct step *s)
{
    struct model_totals t = model_totals(&d->m);
    const uint64_t now[LIMIT_COUNT] = {t.total, t.data, 8, t.locked, t.extents};

    s->what = (int)pick(c, LIMIT_COUNT);
    s->len = now[s->what] + pick(c, 12);
    if (s->what != LIMIT_MAPS)
        s->len = s->len << PAGE_SHIFT | (pick(c, 2) ? 0 : 123);
    if (pick(c, 3))
        s->len = s->what == LIMIT_MAPS ? 65530 : UINT64_MAX;
    if (s->what == LIMIT_MEMLOCK && pick(c, 8) == 0)
        s->len = 0;
}

static void choose_advice(struct choices *c, const struct duel *d, struct step *s)
{
    static const int advices[] = {
        MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_FREE,     MADV_POPULATE_READ, MADV_POPULATE_WRITE,
        MADV_COLD,     MADV_PAGEOUT,         MADV_WILLNEED, MADV_NORMAL,        99};

    choose_range(c, d, s);
    s->what = PICK(c, advices);
}

static void choose_protect(struct choices *c, const struct duel *d, struct step *s)
{
    static const uint32_t grows[] = {PROT_GROWSDOWN, PROT_GROWSDOWN, PROT_GROWSUP, 0x1000};

    choose_range(c, d, s);
    s->prot = some_prot(c);
    if (pick(c, 30) == 0)
        s->prot |= PICK(c, grows);
}

static void choose_other(struct choices *c, const struct duel *d, struct step *s)
{
    switch (s->kind) {
    case STEP_MLOCK:
        choose_range(c, d, s);
        s->flags = pick(c, 3);
        break;
    case STEP_MLOCKALL:
        s->flags = pick(c, 3) ? 0 : pick(c, 9);
        break;
    case STEP_BRK:
        s->addr = d->m.brk_start + pick(c, 2 * SPAN_PAGES) * PAGE_SIZE - pick(c, 3) * 50;
        break;
    case STEP_MINCORE:
        choose_range(c, d, s);
        s->len = page_align(s->len);
        break;
    case STEP_STACK:
        s->flags = !duel_has_stack(d);
        s->len = pick(c, 2 * SPAN_PAGES) * PAGE_SIZE + (pick(c, 20) == 0);
        break;
    case STEP_LIMIT:
        choose_limit(c, d, s);
        break;
    case STEP_FORK:
        s->flags = pick(c, 3) > 0;
        break;
    default:
        s->what = (int)pick(c, 3);
        break;
    }
}

/* How often, of 256. */
static const uint8_t weights[STEP_COUNT] = {
    [STEP_MMAP] = 34,    [STEP_MUNMAP] = 14, [STEP_MPROTECT] = 18, [STEP_MREMAP] = 60,
    [STEP_MADVISE] = 14, [STEP_MLOCK] = 8,   [STEP_MLOCKALL] = 1,  [STEP_BRK] = 8,
    [STEP_MINCORE] = 4,  [STEP_TOUCH] = 80,  [STEP_COPY] = 0,      [STEP_STACK] = 4,
    [STEP_LIMIT] = 6,    [STEP_REALIGN] = 3, [STEP_FORK] = 2,
};

static enum step_kind choose_kind(struct choices *c)
{
    unsigned n = pick(c, 256), kind = 0;

    while (kind < STEP_COUNT - 1 && n >= weights[kind])
        n -= weights[kind++];
    return kind;
}

static void choose(struct choices *c, const struct duel *d, struct step *s)
{
    *s = (struct step){.kind = choose_kind(c)};
    switch (s->kind) {
    case STEP_MMAP:
        choose_mmap(c, d, s);
        break;
    case STEP_MREMAP:
        choose_mremap(c, d, s);
        break;
    case STEP_MUNMAP:
        choose_range(c, d, s);
        break;
    case STEP_MPROTECT:
        choose_protect(c, d, s);
        break;
    case STEP_MADVISE:
        choose_advice(c, d, s);
        break;
    case STEP_TOUCH:
        choose_access(c, d, s);
        break;
    default:
        choose_other(c, d, s);
        break;
    }
    s->fail = c->shortages && pick(c, 16) == 0 ? 1 + pick(c, 4) : 0;
}

bool next_step(struct choices *c, const struct duel *d, struct step *s)
{
    while (!used_up(c)) {
        choose(c, d, s);
        if (duel_can(d, s))
            return true;
    }
    return false;
}

/* ---- A run, and its end ---- */

#define LAST 24

void (*duel_done)(const struct duel *d, const struct step *s);
static struct step last[LAST];
static uint64_t made;
static const struct choices *source;
static struct sigaction before;

static void save_input(void)
{
    FILE *file = source->made_count ? fopen(DUEL_INPUT, "wb") : NULL;

    if (!file)
        return;
    fwrite(source->made, 1, source->made_count, file);
    fclose(file);
    fprintf(stderr, "to make them again: build/fuzz/replay-mm-%dx%d " DUEL_INPUT "\n", PT_BITS,
            PT_LEVELS);
}

/* The simulator ends the program by abort(), after its story. Whoever waited for that is next. */
static void tell(int signal_number)
{
    fprintf(stderr, "the last of %llu steps since seed %llu:\n", (unsigned long long)made,
            (unsigned long long)source->seed);
    for (uint64_t n = made > LAST ? made - LAST : 0; n < made; n++)
        fprintf(stderr, "    %s;\n", step_text(&last[n % LAST]));
    save_input();
    sigaction(signal_number, &before, NULL);
    raise(signal_number);
}

void duel_run(struct duel *d, struct choices *c, uint64_t most)
{
    struct step s;

    sigaction(SIGABRT, &(struct sigaction){.sa_handler = tell}, &before);
    made = 0;
    source = c;
    while (most-- && next_step(c, d, &s)) {
        last[made++ % LAST] = s;
        duel_step(d, &s);
        if (duel_done)
            duel_done(d, &s);
    }
    sigaction(SIGABRT, &before, NULL);
}
