/*
 * The simulated processors: a walk of the real tables, and per CPU what it cached of them (Intel
 * SDM vol. 3, 4.10).
 *
 * A CPU keeps, per address space, translations of pages (as a TLB does) and links to tables (as
 * paging-structure caches do), until a flush names them: a translation goes when its page is named,
 * a link when any address that it serves is. That is the contract of port_tlb_flush(), stricter
 * than INVLPG, which drops all links.
 */
#include <stdio.h>
#include <string.h>

#include "tests/host/sim_private.h"

#define CACHED 4096
#define BUCKETS 1024
#define NOWHERE UINT32_MAX

struct cached {
    const struct mm *mm;
    vaddr_t base;    /* start of the span it serves */
    unsigned level;  /* of the entry it was made from */
    bool link;       /* to a table; else a translation */
    unsigned rights; /* of a translation */
    bool dirty;      /* the dirty bit was set when it was cached, or through it */
    paddr_t pa;      /* of the page or the table */
    uint32_t next;   /* in the bucket */
    uint64_t op;
    const char *op_name;
};

struct cpu {
    struct cached cached[CACHED];
    uint32_t bucket[BUCKETS]; /* index + 1 of the first, 0: none */
    uint32_t count;
    uint32_t huge; /* translations above PT_PTE */
};

static struct cpu cpus[SIM_CPUS];
void (*sim_after_flush)(void);

/* ---- The walk ---- */

struct sim_walk sim_walk(const struct pt *pt, vaddr_t va)
{
    struct sim_walk w = {.level = pt->top, .rights = PTE_R | PTE_W | PTE_X};
    struct pte *table = pt->root;

    for (;; w.level--) {
        struct pte *entry = &table[pt_index(va, w.level)];

        w.entry[w.level] = entry;
        if (!(entry->raw & PTE_PRESENT) || !(entry->raw & PTE_USER))
            return w;
        if (!(entry->raw & PTE_WRITE))
            w.rights &= ~(unsigned)PTE_W;
        if (entry->raw & PTE_NX)
            w.rights &= ~(unsigned)PTE_X;
        if (pte_is_leaf(*entry, w.level)) {
            w.leaf = true;
            return w;
        }
        table = pte_to_table(*entry);
    }
}

/* ---- What one CPU caches ---- */

static uint32_t *bucket_of(struct cpu *cpu, const struct cached *key)
{
    uint64_t h = (key->base >> PAGE_SHIFT) * 0x9e3779b97f4a7c15ull;

    h ^= (uintptr_t)key->mm >> 4;
    h += key->level * 2 + key->link;
    h *= 0xff51afd7ed558ccdull;
    return &cpu->bucket[h >> 32 & (BUCKETS - 1)];
}

static struct cached *find(struct cpu *cpu, const struct mm *mm, vaddr_t va, unsigned level,
                           bool link)
{
    struct cached key = {.mm = mm, .base = pt_floor(va, level), .level = level, .link = link};
    uint32_t i = *bucket_of(cpu, &key);

    for (; i; i = cpu->cached[i - 1].next) {
        struct cached *c = &cpu->cached[i - 1];

        if (c->mm == mm && c->base == key.base && c->level == level && c->link == link)
            return c;
    }
    return NULL;
}

static struct cached *find_page(struct cpu *cpu, const struct mm *mm, vaddr_t va)
{
    struct cached *c = find(cpu, mm, va, PT_PTE, false);

    for (unsigned l = PT_PMD; !c && cpu->huge && l <= PT_TOP; l++)
        c = find(cpu, mm, va, l, false);
    return c;
}

/* The bucket's head or the next field that leads to the entry with index @i. */
static uint32_t *way_to(struct cpu *cpu, uint32_t i)
{
    uint32_t *at = bucket_of(cpu, &cpu->cached[i]);

    while (*at != i + 1)
        at = &cpu->cached[*at - 1].next;
    return at;
}

static void drop(struct cpu *cpu, uint32_t i)
{
    uint32_t last = cpu->count - 1;

    sim.state[cpu->cached[i].pa >> PAGE_SHIFT].cached--;
    cpu->huge -= !cpu->cached[i].link && cpu->cached[i].level > PT_PTE;
    *way_to(cpu, i) = cpu->cached[i].next;
    if (i != last) {
        *way_to(cpu, last) = i + 1;
        cpu->cached[i] = cpu->cached[last];
    }
    cpu->count--;
}

static void keep(struct cpu *cpu, struct cached c)
{
    uint32_t *head;

    if (cpu->count == CACHED)
        drop(cpu, 0);
    head = bucket_of(cpu, &c);
    c.op = sim.op;
    c.op_name = sim.op_name;
    c.next = *head;
    cpu->cached[cpu->count++] = c;
    *head = cpu->count;
    cpu->huge += !c.link && c.level > PT_PTE;
    sim.state[c.pa >> PAGE_SHIFT].cached++;
}

/* ---- Stories ---- */

static const char *words_of(const struct cpu *cpu, const struct cached *c)
{
    static char words[240];

    snprintf(words, sizeof(words), "cpu %td cached in %s (#%llu) the %s of %llx+%llx: frame %llu%s",
             cpu - cpus, c->op_name, (unsigned long long)c->op, c->link ? "table" : "translation",
             (unsigned long long)c->base, (unsigned long long)pt_span(c->level),
             (unsigned long long)(c->pa >> PAGE_SHIFT),
             !c->link && (c->rights & PTE_W) ? ", writable" : "");
    return words;
}

/* Who cached it, who changed it since, what that one flushed and should have. */
static const char *story_of(const struct cpu *cpu, const struct cached *c)
{
    static char story[700];

    snprintf(story, sizeof(story), "%s; %s", words_of(cpu, c),
             sim_history_words(c->mm, c->base, c->level));
    return story;
}

void sim_tlb_die_of_free(uint32_t f)
{
    for (struct cpu *cpu = cpus; cpu < cpus + SIM_CPUS; cpu++)
        for (uint32_t i = 0; i < cpu->count; i++)
            if (cpu->cached[i].pa >> PAGE_SHIFT == f)
                sim_die("frame %u freed without a flush before: %s", f,
                        story_of(cpu, &cpu->cached[i]));
    sim_die("frame %u freed while cached", f);
}

/* Dies when the tables no longer say what @c does. What the tables grant beyond it is no harm. */
static void check_current(const struct cpu *cpu, const struct cached *c, const struct sim_walk *w)
{
    struct pte now = pte_none();

    if (c->level >= w->level)
        now = *w->entry[c->level];
    if (c->link && (!pte_is_table(now, c->level) || pte_addr(now) != c->pa))
        sim_die("stale link, not flushed: %s", story_of(cpu, c));
    if (c->link)
        return;
    if (!w->leaf || w->level != c->level || pte_addr(now) != c->pa || (c->rights & ~w->rights))
        sim_die("stale translation, not flushed: %s", story_of(cpu, c));
}

void sim_tlb_check(struct mm *mm)
{
    sim_history_note(mm);
    for (struct cpu *cpu = cpus; cpu < cpus + SIM_CPUS; cpu++) {
        for (uint32_t i = 0; i < cpu->count; i++) {
            struct sim_walk w;

            if (cpu->cached[i].mm != mm)
                continue;
            w = sim_walk(&mm->pt, cpu->cached[i].base);
            check_current(cpu, &cpu->cached[i], &w);
        }
    }
}

/* ---- Flushes ---- */

static void forget(const struct mm *mm, struct range range)
{
    for (struct cpu *cpu = cpus; cpu < cpus + SIM_CPUS; cpu++) {
        for (uint32_t i = 0; i < cpu->count;) {
            const struct cached *c = &cpu->cached[i];
            struct range span = {c->base, c->base + pt_span(c->level)};

            if (c->mm == mm && range_overlaps(span, range))
                drop(cpu, i);
            else
                i++;
        }
    }
}

void port_tlb_flush(struct mm *mm, struct range range)
{
    if (range.start >= range.end || range.end > USER_END || page_offset(range.start | range.end))
        sim_die("flush of %llx-%llx", (unsigned long long)range.start,
                (unsigned long long)range.end);
    sim.flushes++;
    sim_history_flush(mm, range);
    forget(mm, range);
    if (sim_after_flush)
        sim_after_flush();
}

void port_tlb_flush_all(struct mm *mm)
{
    sim.flushes++;
    sim_history_flush(mm, (struct range){0, USER_END});
    sim_tlb_leave(mm);
    if (sim_after_flush)
        sim_after_flush();
}

void sim_tlb_leave(struct mm *mm)
{
    forget(mm, (struct range){0, UINT64_MAX});
}

void sim_tlb_reset(void)
{
    sim_after_flush = NULL;
    for (struct cpu *cpu = cpus; cpu < cpus + SIM_CPUS; cpu++) {
        memset(cpu->bucket, 0, sizeof(cpu->bucket));
        cpu->count = 0;
        cpu->huge = 0;
    }
}

uint32_t sim_tlb_count(const struct mm *mm)
{
    uint32_t count = 0;

    for (const struct cpu *cpu = cpus; cpu < cpus + SIM_CPUS; cpu++)
        for (uint32_t i = 0; i < cpu->count; i++)
            count += cpu->cached[i].mm == mm;
    return count;
}

uint64_t sim_flushes(void)
{
    return sim.flushes;
}

/* ---- The access ---- */

static unsigned rights_for(enum access access)
{
    return access == ACCESS_WRITE ? PTE_W : access == ACCESS_EXEC ? PTE_X : PTE_R;
}

/*
 * The links on the way are used where cached, else cached; then the bits are set and the
 * translation is cached.
 */
static struct cached *walk_and_cache(struct cpu *cpu, struct mm *mm, vaddr_t va, unsigned need)
{
    struct sim_walk w = sim_walk(&mm->pt, va);
    struct cached made = {.mm = mm, .level = w.level, .rights = w.rights};

    for (unsigned l = PT_TOP; l > w.level; l--) {
        struct cached *link = find(cpu, mm, va, l, true);

        if (link)
            check_current(cpu, link, &w);
        else
            keep(cpu, (struct cached){.mm = mm,
                                      .base = pt_floor(va, l),
                                      .level = l,
                                      .link = true,
                                      .pa = pte_addr(*w.entry[l])});
    }
    if (!w.leaf || (need & ~w.rights))
        return NULL;
    for (unsigned l = PT_TOP; l > w.level; l--)
        w.entry[l]->raw |= PTE_ACCESSED;
    w.entry[w.level]->raw |= PTE_ACCESSED | (need & PTE_W ? PTE_DIRTY : 0);
    made.base = pt_floor(va, w.level);
    made.pa = pte_addr(*w.entry[w.level]);
    made.dirty = w.entry[w.level]->raw & PTE_DIRTY;
    if (!sim_frame_used(made.pa))
        sim_die("access at %llx finds frame %llu, which is free", (unsigned long long)va,
                (unsigned long long)(made.pa >> PAGE_SHIFT));
    keep(cpu, made);
    return &cpu->cached[cpu->count - 1];
}

paddr_t sim_access(struct mm *mm, unsigned n, vaddr_t va, enum access access)
{
    struct cpu *cpu = &cpus[n];
    unsigned need = rights_for(access);
    struct cached *c;

    if (va >= USER_END)
        return 0;
    c = find_page(cpu, mm, va);
    if (c) {
        struct sim_walk w = sim_walk(&mm->pt, va);

        check_current(cpu, c, &w);
        if (need & ~c->rights) { /* the fault itself makes the processor forget the translation */
            drop(cpu, (uint32_t)(c - cpu->cached));
            return 0;
        }
        if (need & PTE_W && !c->dirty) {
            w.entry[w.level]->raw |= PTE_DIRTY;
            c->dirty = true;
        }
    } else {
        c = walk_and_cache(cpu, mm, va, need);
    }
    return c ? c->pa + pt_offset(va, c->level) : 0;
}
