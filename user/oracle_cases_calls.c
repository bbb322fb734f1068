/* mmap, munmap, mprotect, madvise, mlock, brk and mincore. */
#include "oracle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* What is neither sparse nor MAP_NORESERVE stays small: how much memory there is, is not part of the answer. */
#define SMALL_MAX MIB(16)
#define LARGE_MAX GIB(3)

/* Not in musl. */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#define MADV_DONTNEED_LOCKED 24

long raw_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static bool is_error(long result)
{
    return result < 0 && result > -4096;
}

/*
 * The end of a call that failed. On Realign it changed nothing (linux.md: "over a hole"); Linux may have changed
 * the part of [addr, addr + len) before what it stumbled over. Within one mapping there is no such part.
 */
static void maybe_half_done(struct sequence *s, uint64_t addr, uint64_t len, const char *why)
{
    if (!in_one_line(s, addr & -PAGE, (addr & -PAGE) + pages_up(len + addr % PAGE)))
        end_sequence(s, why);
}

static bool is_readable(const struct map_line *m)
{
    return m->perms[0] == 'r';
}

/* ---- mmap ---- */

struct map_call {
    uint64_t addr, len, offset;
    unsigned prot, flags;
    int fd;
};

static const struct flag_name map_flag_names[] = {
    {MAP_SHARED_VALIDATE, "SHARED_VALIDATE"},
    {MAP_SHARED, "SHARED"},
    {MAP_PRIVATE, "PRIVATE"},
    {MAP_FIXED, "FIXED"},
    {MAP_ANONYMOUS, "ANONYMOUS"},
    {MAP_GROWSDOWN, "GROWSDOWN"},
    {MAP_LOCKED, "LOCKED"},
    {MAP_NORESERVE, "NORESERVE"},
    {MAP_POPULATE, "POPULATE"},
    {MAP_NONBLOCK, "NONBLOCK"},
    {MAP_FIXED_NOREPLACE, "FIXED_NOREPLACE"},
    {0, "0"},
};

/*
 * linux.md: MAP_STACK and the advice that only marks a mapping are never asked for; Linux keeps such a mapping apart
 * from its neighbours.
 */
static unsigned pick_map_flags(struct sequence *s)
{
    static const unsigned types[] = {66, 30, 2, 2, 0};
    static const unsigned type_flags[] = {MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE, 0};
    static const unsigned places[] = {60, 15, 25, 0};
    static const unsigned place_flags[] = {MAP_FIXED, MAP_FIXED_NOREPLACE, 0};
    unsigned flags = type_flags[weighted(&s->rng, types)] | place_flags[weighted(&s->rng, places)];

    flags |= chance(&s->rng, 88) ? MAP_ANONYMOUS : 0;
    flags |= s->large || chance(&s->rng, 6) ? MAP_NORESERVE : 0;
    flags |= chance(&s->rng, 15) ? MAP_POPULATE : 0;
    flags |= chance(&s->rng, 1) ? MAP_NONBLOCK : 0;
    flags |= !s->large && chance(&s->rng, 3) ? MAP_LOCKED : 0;
    flags |= s->limit != RLIMIT_DATA && chance(&s->rng, 3) ? MAP_GROWSDOWN : 0;
    return flags;
}

static uint64_t pick_offset(struct sequence *s)
{
    static const uint64_t bad[] = {1, PAGE / 2, -PAGE, INT64_MAX - PAGE + 1, 1ul << 43};

    return chance(&s->rng, 5) ? bad[below(&s->rng, ARRAY_SIZE(bad))] : below(&s->rng, 12) * PAGE;
}

static void pick_mmap(struct sequence *s, struct map_call *m)
{
    uint64_t most = s->large ? LARGE_MAX : SMALL_MAX;

    m->prot = pick_prot(s);
    m->flags = pick_map_flags(s);
    m->addr = spoil_addr(s, pick_target(s));
    if (m->flags & (MAP_POPULATE | MAP_LOCKED))
        most = POPULATE_MAX;
    if (!(m->flags & MAP_ANONYMOUS))
        most = 64 * PAGE;
    m->len = pick_length(s, m->addr, most);
    if (chance(&s->rng, 30) && m->len >= PMD)
        m->addr = aligned_down(s, m->addr, PMD);
    m->len = spoil_length(s, m->len);
    m->fd = m->flags & MAP_ANONYMOUS ? -1 : chance(&s->rng, 3) ? 999 : oracle_fd;
    m->offset = m->fd == -1 ? 0 : pick_offset(s);
    if (!(m->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && chance(&s->rng, 40))
        m->addr = 0;
    s->locked |= m->flags & MAP_LOCKED;
    s->grows |= m->flags & MAP_GROWSDOWN;
}

void op_mmap(struct sequence *s)
{
    struct map_call m;
    long result;

    pick_mmap(s, &m);
    result = raw_call(SYS_mmap, m.addr, m.len, m.prot, m.flags, (uint64_t)(int64_t)m.fd, m.offset);
    said(s, OP_mmap, result, "mmap(%s, %#lx, %s, %s, %s, %#lx)", place(s, m.addr), m.len,
         prot_name(m.prot), flags_name(map_flag_names, m.flags),
         m.fd == oracle_fd ? "file"
         : m.fd == -1      ? "-1"
                           : "999",
         m.offset);
    if (result == -ENOMEM && (m.flags & MAP_FIXED))
        end_sequence(s, "linux.md: mmap over what is there");
    if (is_error(result))
        return;
    if (!is_home(s, (uint64_t)result))
        result = (long)bring_home(s, (uint64_t)result, pages_up(m.len));
    if (result && (m.flags & (MAP_POPULATE | MAP_LOCKED)))
        for (uint64_t at = 0; at < m.len; at += 16 * PAGE)
            book(s, (uint64_t)result + at);
}

/* linux.md: "Where a mapping without a hint goes". */
uint64_t bring_home(struct sequence *s, uint64_t addr, uint64_t len)
{
    uint64_t to = pick_target(s);
    long result;

    if (is_heap(s, to) || chance(&s->rng, 30))
        to = s->windows[WINDOW_A].origin + below(&s->rng, 8) * PMD;
    result = raw_call(SYS_mremap, addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to, 0);
    said(s, OP_mremap, result, "mremap(elsewhere, %#lx, %#lx, MAYMOVE|FIXED, %s)", len, len,
         place(s, to));
    if (!is_error(result))
        return to;
    raw_call(SYS_munmap, addr, len, 0, 0, 0, 0);
    end_sequence(s, "what was placed freely cannot be moved");
    return 0;
}

/* ---- munmap, mprotect ---- */

void op_munmap(struct sequence *s)
{
    uint64_t addr = chance(&s->rng, 2) ? 0 : spoil_addr(s, pick_source(s));
    uint64_t len = spoil_length(s, chance(&s->rng, 30) ? (1 + below(&s->rng, 3)) * PAGE
                                                       : pick_length(s, addr, LARGE_MAX));
    long result = raw_call(SYS_munmap, addr, len, 0, 0, 0, 0);

    said(s, OP_munmap, result, "munmap(%s, %#lx)", place(s, addr), len);
    if (is_error(result))
        maybe_half_done(s, addr, len, "munmap failed");
}

void op_mprotect(struct sequence *s)
{
    static const unsigned odd[] = {PROT_GROWSDOWN, PROT_GROWSUP, PROT_GROWSDOWN | PROT_GROWSUP,
                                   0x10, 0x8};
    uint64_t addr = spoil_addr(s, pick_source(s));
    uint64_t len = spoil_length(s, pick_mapped_length(s, addr, LARGE_MAX, false));
    unsigned prot = pick_prot(s);
    long result;

    if (chance(&s->rng, 4))
        prot |= odd[below(&s->rng, ARRAY_SIZE(odd))];
    result = raw_call(SYS_mprotect, addr, len, prot, 0, 0, 0);
    said(s, OP_mprotect, result, "mprotect(%s, %#lx, %s)", place(s, addr), len, prot_name(prot));
    if (is_error(result) && result != -EINVAL)
        maybe_half_done(s, addr, len, "linux.md: mprotect over a hole");
}

/* ---- madvise, mlock ---- */

static const struct {
    int advice;
    const char *name;
} advices[] = {
    {MADV_DONTNEED, "DONTNEED"},
    {MADV_DONTNEED_LOCKED, "DONTNEED_LOCKED"},
    {MADV_FREE, "FREE"},
    {MADV_COLD, "COLD"},
    {MADV_PAGEOUT, "PAGEOUT"},
    {MADV_POPULATE_READ, "POPULATE_READ"},
    {MADV_POPULATE_WRITE, "POPULATE_WRITE"},
    {MADV_NORMAL, "NORMAL"},
    {MADV_WILLNEED, "WILLNEED"},
    {99, "99"},
    {-1, "-1"},
};

static bool is_private(const struct map_line *m)
{
    return m->perms[3] == 'p';
}

/* Nothing is written to swap where there is none; but pages of shared memory may go that are zeros still. */
static bool may_page_out(const struct sequence *s, uint64_t addr, uint64_t len)
{
    return settings.pageout && all_lines(s, addr, addr + len, is_private);
}

void op_madvise(struct sequence *s)
{
    static const unsigned weights[] = {25, 12, 12, 6, 6, 18, 18, 4, 4, 2, 2, 0};
    size_t i = weighted(&s->rng, weights);
    bool populates =
        advices[i].advice == MADV_POPULATE_READ || advices[i].advice == MADV_POPULATE_WRITE;
    uint64_t addr = spoil_addr(s, pick_source(s));
    uint64_t len = pick_mapped_length(s, addr, populates ? POPULATE_MAX : LARGE_MAX, false);
    long result;

    if (populates && line_at(s, addr)) /* linux.md: "a bad page and a hole" */
        len = min_u64(len, line_at(s, addr)->end - addr);
    /* Bad lengths are those that wrap around: Linux goes on behind holes, to what is not ours. */
    if (chance(&s->rng, 4))
        len = chance(&s->rng, 50) ? 0 : -PAGE;
    if (advices[i].advice == MADV_PAGEOUT && !may_page_out(s, addr, len))
        return;
    result = raw_call(SYS_madvise, addr, len, (uint64_t)(int64_t)advices[i].advice, 0, 0, 0);
    said(s, OP_madvise, result, "madvise(%s, %#lx, %s)", place(s, addr), len, advices[i].name);
    if (is_error(result))
        maybe_half_done(s, addr, len, "linux.md: madvise over a hole");
    else if (advices[i].advice == MADV_FREE) /* linux.md: "pages go when memory is short" */
        raw_call(SYS_madvise, addr, len, MADV_DONTNEED, 0, 0, 0);
    for (uint64_t at = 0; populates && !is_error(result) && at < len; at += 16 * PAGE)
        book(s, addr + at);
}

/* linux.md: "mlock of a range without access": pages that cannot be had are an error on Linux only. */
static bool can_fill(const struct map_line *m)
{
    return is_readable(m) && !strchr(m->name, '/');
}

void op_mlock(struct sequence *s)
{
    static const unsigned weights[] = {30, 30, 5, 35, 0};
    size_t kind = weighted(&s->rng, weights);
    uint64_t addr = chance(&s->rng, 85) ? pick_source(s) : spoil_addr(s, pick_source(s));
    uint64_t len = chance(&s->rng, 4) ? 0 : pick_mapped_length(s, addr, POPULATE_MAX, false);
    long result;

    if (s->large)
        kind = 3;
    if (kind == 0 && !all_lines(s, addr, addr + len + PAGE, can_fill))
        kind = 1;
    s->locked |= kind < 3;
    if (kind == 0) {
        result = raw_call(SYS_mlock, addr, len, 0, 0, 0, 0);
        said(s, OP_mlock, result, "mlock(%s, %#lx)", place(s, addr), len);
    } else if (kind < 3) {
        result = raw_call(SYS_mlock2, addr, len, kind, 0, 0, 0);
        said(s, OP_mlock, result, "mlock2(%s, %#lx, %s)", place(s, addr), len,
             kind == 1 ? "ONFAULT" : "2");
    } else {
        result = raw_call(SYS_munlock, addr, len, 0, 0, 0, 0);
        said(s, OP_mlock, result, "munlock(%s, %#lx)", place(s, addr), len);
    }
    if (is_error(result))
        maybe_half_done(s, addr, len, "linux.md: mlock over a hole");
}

/* ---- brk, mincore ---- */

void op_brk(struct sequence *s)
{
    uint64_t base = s->windows[WINDOW_H].origin;
    uint64_t now = (uint64_t)raw_call(SYS_brk, 0, 0, 0, 0, 0, 0);
    uint64_t want = now + below(&s->rng, 24) * PAGE - 8 * PAGE;

    if (chance(&s->rng, 20))
        want += below(&s->rng, PAGE);
    if (chance(&s->rng, 10))
        want = base;
    if (want < base)
        want = chance(&s->rng, 50) ? base : base - 2 * PAGE;
    if (want >= base + HEAP_SIZE / 2)
        want = base + 2 * PAGE;
    if (s->large) /* the heap is not MAP_NORESERVE, and must not become large elsewhere */
        want = base;
    said(s, OP_brk, raw_call(SYS_brk, want, 0, 0, 0, 0, 0), "brk(%s)", place(s, want));
}

static bool is_anonymous(const struct map_line *m)
{
    return !is_file(m);
}

void op_mincore(struct sequence *s)
{
    static unsigned char vec[SMALL_MAX / PAGE];
    uint64_t addr = spoil_addr(s, pick_source(s));
    uint64_t len = spoil_length(s, pick_mapped_length(s, addr, MIB(2), false));
    bool no_vec = chance(&s->rng, 5);
    uint64_t hash = 0;
    long result;

    if (mapped_from(s, addr) < len) /* linux.md: "a bad page and a hole" */
        no_vec = false;
    memset(vec, 0, sizeof(vec));
    result = raw_call(SYS_mincore, addr, len, no_vec ? 8 : (uint64_t)vec, 0, 0, 0);
    if (!result && all_lines(s, addr, addr + len, is_anonymous))
        for (uint64_t i = 0; i < pages_up(len) / PAGE; i++)
            hash = hash * 31 + (vec[i] & 1);
    said(s, OP_mincore, result, "mincore(%s, %#lx, %s) %016lx", place(s, addr), len,
         no_vec ? "8" : "vec", hash);
}
