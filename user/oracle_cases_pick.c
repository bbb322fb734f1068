/* Arguments that are likely to matter: edges of what is mapped, mutual offsets, one page too many. */
#include "oracle.h"

#include <sys/mman.h>

/* ---- Random numbers ---- */

/* splitmix64 */
uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15ul;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebul;
    return z ^ (z >> 31);
}

uint64_t below(struct rng *rng, uint64_t n)
{
    return rng_next(rng) % n;
}

bool chance(struct rng *rng, unsigned percent)
{
    return below(rng, 100) < percent;
}

size_t weighted(struct rng *rng, const unsigned *weights)
{
    uint64_t sum = 0, at;
    size_t i = 0;

    for (const unsigned *w = weights; *w; w++)
        sum += *w;
    for (at = below(rng, sum); at >= weights[i]; i++)
        at -= weights[i];
    return i;
}

/* ---- Windows ---- */

bool is_home(const struct sequence *s, uint64_t addr)
{
    const struct window *w = s->windows;

    return addr - (w[WINDOW_A].origin - MARGIN) < 2 * MARGIN ||
           addr - (w[WINDOW_B].origin - MARGIN) < 2 * MARGIN ||
           addr - w[WINDOW_H].origin < HEAP_SIZE;
}

uint64_t clip(const struct sequence *s, uint64_t addr, uint64_t len)
{
    const struct window *w = s->windows;

    if (len >= USER_TOP) /* refused before anything is looked up */
        return len;
    if (addr - w[WINDOW_H].origin < HEAP_SIZE)
        return min_u64(len, w[WINDOW_H].origin + HEAP_SIZE - addr);
    for (unsigned i = WINDOW_A; i <= WINDOW_B; i++)
        if (addr - (w[i].origin - MARGIN) < 2 * MARGIN)
            return min_u64(len, w[i].origin + MARGIN - addr);
    return min_u64(len, KIB(64));
}

static const struct window *window_of(const struct sequence *s, uint64_t addr)
{
    const struct window *w = s->windows;

    if (addr - w[WINDOW_H].origin < HEAP_SIZE)
        return &w[WINDOW_H];
    return addr - (w[WINDOW_B].origin - MARGIN) < 2 * MARGIN ? &w[WINDOW_B] : &w[WINDOW_A];
}

uint64_t offset_in(const struct sequence *s, uint64_t addr, uint64_t unit)
{
    return (addr - window_of(s, addr)->origin) % unit;
}

uint64_t aligned_down(const struct sequence *s, uint64_t addr, uint64_t unit)
{
    return addr - offset_in(s, addr, unit);
}

/* @addr, that was made from @from, when it lies in a window; else as far into A as it is away from @from's. */
static uint64_t into_window(struct sequence *s, uint64_t from, uint64_t addr)
{
    const struct window *a = &s->windows[WINDOW_A];

    for (unsigned i = 0; i < WINDOWS; i++)
        if (addr >= s->windows[i].start && addr < s->windows[i].end)
            return addr;
    return a->start + (addr - window_of(s, from)->origin) % (a->end - a->start);
}

/* ---- Addresses ---- */

const struct map_line *pick_line(struct sequence *s)
{
    return s->line_count ? &s->lines[below(&s->rng, s->line_count)] : NULL;
}

static uint64_t few_pages(struct sequence *s)
{
    return below(&s->rng, 5) * PAGE;
}

/* A multiple of 2 MiB, or of 1 GiB where that much fits: small, of either sign. */
static uint64_t some_entries(struct sequence *s)
{
    uint64_t unit = s->large && chance(&s->rng, 50) ? PUD : PMD;
    uint64_t n = 1 + below(&s->rng, 4);

    return chance(&s->rng, 50) ? n * unit : -n * unit;
}

/* Where nothing that is mapped shows the way: around multiples of large entries. */
static uint64_t pick_anchor(struct sequence *s)
{
    const struct window *w = &s->windows[chance(&s->rng, 65) ? WINDOW_A : WINDOW_B];
    uint64_t at = w->origin;

    if (chance(&s->rng, 5))
        w = &s->windows[WINDOW_H], at = w->origin;
    else if (chance(&s->rng, 60))
        at += some_entries(s);
    at += chance(&s->rng, 70) ? below(&s->rng, 16) * PAGE : -few_pages(s);
    if (at < w->start || at >= w->end)
        at = w->origin + below(&s->rng, 16) * PAGE;
    return at;
}

uint64_t pick_target(struct sequence *s)
{
    static const unsigned weights[] = {30, 15, 20, 10, 25, 0};
    const struct map_line *m = pick_line(s);
    const struct window *w = s->windows;

    if (!m)
        return pick_anchor(s);
    switch (weighted(&s->rng, weights)) {
    case 0:
        return into_window(s, m->start, m->end);
    case 1:
        return into_window(s, m->start, m->start - few_pages(s));
    case 2:
        return into_window(s, m->start,
                           m->start + some_entries(s) + (chance(&s->rng, 30) ? PAGE : 0));
    case 3: /* the same place in the other window */
        return into_window(s, m->start, m->start + w[WINDOW_B].origin - w[WINDOW_A].origin);
    default:
        return pick_anchor(s);
    }
}

uint64_t pick_source(struct sequence *s)
{
    static const unsigned weights[] = {55, 15, 15, 8, 4, 3, 0};
    const struct map_line *m = pick_line(s);
    uint64_t len, at;

    if (!m)
        return pick_target(s);
    len = m->end - m->start;
    switch (weighted(&s->rng, weights)) {
    case 0:
        return m->start;
    case 1:
        at = m->end - PAGE - few_pages(s);
        break;
    case 2:
        at = m->start + below(&s->rng, len / PAGE) * PAGE;
        break;
    case 3: /* the first multiple of 2 MiB in it */
        at = m->start + (PMD - offset_in(s, m->start, PMD)) % PMD;
        break;
    case 4:
        at = m->start - PAGE;
        break;
    default:
        return pick_target(s);
    }
    return at >= m->end || at + PAGE < m->start ? m->start : into_window(s, m->start, at);
}

/* ---- Lengths ---- */

/* From @addr to the end of its line, or of one of the lines behind. */
static uint64_t to_line_end(struct sequence *s, uint64_t addr, bool behind)
{
    const struct map_line *m = line_at(s, addr);
    const struct map_line *last = &s->lines[s->line_count];

    if (!m)
        return PAGE;
    if (behind && m + 1 < last)
        m += 1 + below(&s->rng, min_u64(3, (uint64_t)(last - m - 1)));
    return m->end - addr;
}

static uint64_t entries_length(struct sequence *s)
{
    uint64_t len = (1 + below(&s->rng, 3)) * (s->large && chance(&s->rng, 50) ? PUD : PMD);

    return len + (chance(&s->rng, 30) ? PAGE : 0) - (chance(&s->rng, 30) ? PAGE : 0);
}

uint64_t pick_length(struct sequence *s, uint64_t addr, uint64_t most)
{
    static const unsigned weights[] = {35, 30, 7, 8, 10, 5, 5, 0};
    uint64_t len = (1 + below(&s->rng, 8)) * PAGE;

    switch (weighted(&s->rng, weights)) {
    case 0:
        len = to_line_end(s, addr, false);
        break;
    case 1:
        break;
    case 2:
        len = to_line_end(s, addr, false) + PAGE;
        break;
    case 3:
        len = to_line_end(s, addr, true);
        break;
    case 4:
        len = entries_length(s);
        break;
    case 5: /* up to the next entry's edge */
        len = PMD - offset_in(s, addr & -PAGE, PMD);
        break;
    default:
        len -= 1 + below(&s->rng, PAGE - 1);
    }
    return clip(s, addr, min_u64(len, most));
}

uint64_t pick_mapped_length(struct sequence *s, uint64_t addr, uint64_t most, bool one_line)
{
    uint64_t len = pick_length(s, addr, most);
    const struct map_line *m = line_at(s, addr);

    if (!m || chance(&s->rng, 12))
        return len;
    return min_u64(len, one_line ? m->end - addr : mapped_from(s, addr));
}

/* ---- What every kernel must refuse ---- */

uint64_t spoil_addr(struct sequence *s, uint64_t addr)
{
    static const uint64_t odd[] = {1, 8, 0x800, 0xfff};
    static const uint64_t bad[] = {USER_TOP, 1ul << 47, -PAGE};

    if (!chance(&s->rng, 4))
        return addr;
    if (chance(&s->rng, 60))
        return addr + odd[below(&s->rng, ARRAY_SIZE(odd))];
    return bad[below(&s->rng, ARRAY_SIZE(bad))];
}

uint64_t spoil_length(struct sequence *s, uint64_t len)
{
    static const uint64_t bad[] = {0, 0, USER_TOP + PAGE, -PAGE, ~0ul};

    return chance(&s->rng, 4) ? bad[below(&s->rng, ARRAY_SIZE(bad))] : len;
}

/* ---- Protection ---- */

/* linux.md: "Pages that may only be executed" are left out: what they allow depends on the processor. */
unsigned pick_prot(struct sequence *s)
{
    static const unsigned weights[] = {60, 15, 10, 5, 5, 3, 2, 0};
    static const unsigned prots[] = {
        PROT_READ | PROT_WRITE,
        PROT_READ,
        PROT_NONE,
        PROT_READ | PROT_EXEC,
        PROT_READ | PROT_WRITE | PROT_EXEC,
        PROT_WRITE,
        PROT_WRITE | PROT_EXEC,
    };

    return prots[weighted(&s->rng, weights)];
}
