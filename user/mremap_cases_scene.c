/*
 * The scene: maps ranges, fills pages, calls mremap, and keeps the book of what must be where.
 */
#include "mremap_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- Which pages a fill wrote ---- */

uint64_t fill_next(const struct fill *f, uint64_t page)
{
    uint64_t edge;

    if (page >= f->end || fill_has(f, page))
        return page;
    edge = (page + f->stride - 1) / f->stride * f->stride - PAGE;
    return edge < f->end - PAGE ? edge : f->end - PAGE;
}

/* ---- The book ---- */

static void overflow(void)
{
    printf("Bail out! a case has more ranges than a scene can hold\n");
    exit(1);
}

static void book_add_piece(struct scene *s, uint64_t start, uint64_t end, const char *perms)
{
    struct piece *p = &s->pieces[s->piece_count++];

    if (s->piece_count > SCENE_MAX)
        overflow();
    p->start = start;
    p->end = end;
    memcpy(p->perms, perms, 5);
}

static void book_add_patch(struct scene *s, struct patch patch)
{
    if (s->patch_count == SCENE_MAX)
        overflow();
    s->patches[s->patch_count++] = patch;
}

/* The part of @p that lies in [start, end), of length 0 when none does. */
static struct patch patch_part(const struct patch *p, uint64_t start, uint64_t end)
{
    uint64_t lo = p->at > start ? p->at : start;
    uint64_t hi = p->at + p->len < end ? p->at + p->len : end;
    struct patch part = *p;

    part.at = lo;
    part.len = lo < hi ? hi - lo : 0;
    part.from = p->from + (lo - p->at);
    return part;
}

void book_forget(struct scene *s, uint64_t at, uint64_t len)
{
    size_t count = s->patch_count;
    static struct patch old[SCENE_MAX];

    memcpy(old, s->patches, count * sizeof(old[0]));
    s->patch_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct patch below = patch_part(&old[i], 0, at);
        struct patch above = patch_part(&old[i], at + len, UINT64_MAX);

        if (below.len)
            book_add_patch(s, below);
        if (above.len)
            book_add_patch(s, above);
    }
}

/* Take [at, at + len) out of what is mapped. */
static void book_cut(struct scene *s, uint64_t at, uint64_t len)
{
    size_t count = s->piece_count;
    uint64_t end = at + len;
    static struct piece old[SCENE_MAX];

    memcpy(old, s->pieces, count * sizeof(old[0]));
    s->piece_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct piece *p = &old[i];

        if (p->start < at)
            book_add_piece(s, p->start, p->end < at ? p->end : at, p->perms);
        if (p->end > end)
            book_add_piece(s, p->start > end ? p->start : end, p->end, p->perms);
    }
}

void book_unmap(struct scene *s, uint64_t at, uint64_t len)
{
    book_cut(s, at, len);
    book_forget(s, at, len);
}

void book_map(struct scene *s, uint64_t at, uint64_t len, const char *perms)
{
    book_unmap(s, at, len);
    book_add_piece(s, at, at + len, perms);
}

void book_copy(struct scene *s, uint64_t old, uint64_t len, uint64_t new)
{
    size_t count = s->patch_count;
    static struct patch parts[SCENE_MAX];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        parts[n] = patch_part(&s->patches[i], old, old + len);
        if (parts[n].len)
            parts[n++].at += new - old;
    }
    book_forget(s, new, len);
    for (size_t i = 0; i < n; i++)
        book_add_patch(s, parts[i]);
}

void book_move(struct scene *s, uint64_t old, uint64_t len, uint64_t new)
{
    static struct piece parts[SCENE_MAX];
    size_t n = 0;

    for (size_t i = 0; i < s->piece_count; i++) {
        struct piece p = s->pieces[i];

        if (p.start >= old + len || p.end <= old)
            continue;
        p.start = (p.start > old ? p.start : old) + (new - old);
        p.end = (p.end < old + len ? p.end : old + len) + (new - old);
        parts[n++] = p;
    }
    book_copy(s, old, len, new);
    book_unmap(s, old, len);
    for (size_t i = 0; i < n; i++) {
        book_cut(s, parts[i].start, parts[i].end - parts[i].start);
        book_add_piece(s, parts[i].start, parts[i].end, parts[i].perms);
    }
}

/* ---- Changes to the arena and the book ---- */

void scene_open(struct scene *s, uint64_t base)
{
    uint64_t salt = s->salt + 1;

    memset(s, 0, sizeof(*s));
    s->base = base;
    s->salt = salt & 0x7fff;
}

void scene_close(struct scene *s)
{
    for (size_t i = 0; i < s->piece_count; i++)
        munmap(scene_ptr(s, s->pieces[i].start), s->pieces[i].end - s->pieces[i].start);
    munmap(scene_ptr(s, 0), ARENA_SIZE);
}

static int prot_of(const char *perms)
{
    return (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
           (perms[2] == 'x' ? PROT_EXEC : 0);
}

void scene_map(struct scene *s, uint64_t at, uint64_t len, const char *perms)
{
    int flags = MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE |
                (perms[3] == 's' ? MAP_SHARED : MAP_PRIVATE);
    long ret = raw_mmap(s->base + at, len, prot_of(perms), flags, -1, 0);

    CHECK_EQ("mmap() that sets the scene", ret, s->base + at);
    book_map(s, at, len, perms);
}

void scene_fill(struct scene *s, uint64_t at, uint64_t len, uint64_t stride)
{
    struct fill f = {at, at + len, stride ? stride : PAGE};

    for (uint64_t p = at; p < f.end; p = fill_next(&f, p + PAGE))
        pattern_fill(scene_ptr(s, p), page_id(s, p));
    book_forget(s, at, len);
    book_add_patch(s, (struct patch){.at = at, .len = len, .from = at, .fill = f});
}

void scene_area(struct scene *s, uint64_t at, uint64_t len)
{
    scene_map(s, at, len, "rw-p");
    scene_fill(s, at, len, 0);
}

void scene_neighbour(struct scene *s, uint64_t at, uint64_t len)
{
    scene_map(s, at, len, "rw-p");
    scene_fill(s, at, len, len > MIB(8) ? KIB(64) : 0);
    scene_protect(s, at, len, "r--p");
}

void scene_protect(struct scene *s, uint64_t at, uint64_t len, const char *perms)
{
    int ret = mprotect(scene_ptr(s, at), len, prot_of(perms));

    CHECK_EQ("mprotect() that sets the scene", ret, 0);
    book_cut(s, at, len);
    book_add_piece(s, at, at + len, perms);
}

struct counters counters_read(void)
{
    static struct vmstat v;

    if (!on_realign())
        return (struct counters){0};
    vmstat_read(&v);
    return (struct counters){
        .pte = vmstat_get(&v, "move_pte"),
        .pmd = vmstat_get(&v, "move_pmd"),
        .pud = vmstat_get(&v, "move_pud"),
        .pgd = vmstat_get(&v, "move_pgd"),
        .widen_down = vmstat_get(&v, "move_widen_down"),
        .widen_up = vmstat_get(&v, "move_widen_up"),
        .warn = vmstat_get(&v, "move_warn"),
        .flush = vmstat_get(&v, "tlb_flush") + vmstat_get(&v, "tlb_flush_full"),
    };
}

long scene_call(struct scene *s, uint64_t old, uint64_t old_len, uint64_t new_len, uint64_t flags,
                uint64_t new)
{
    struct counters before = counters_read();
    long ret = raw_mremap(s->base + old, old_len, new_len, flags, s->base + new);
    struct counters after = counters_read();

    s->calls++;
    s->moved.pte += after.pte - before.pte;
    s->moved.pmd += after.pmd - before.pmd;
    s->moved.pud += after.pud - before.pud;
    s->moved.pgd += after.pgd - before.pgd;
    s->moved.widen_down += after.widen_down - before.widen_down;
    s->moved.widen_up += after.widen_up - before.widen_up;
    s->moved.warn += after.warn - before.warn;
    s->moved.flush += after.flush - before.flush;
    return ret;
}

bool scene_call_to(struct scene *s, uint64_t old, uint64_t old_len, uint64_t new_len,
                   uint64_t flags, uint64_t new, uint64_t want)
{
    long ret = scene_call(s, old, old_len, new_len, flags, new);

    CHECK_EQ("mremap()", ret, s->base + want);
    return ret == (long)(s->base + want);
}

uint64_t scene_call_anywhere(struct scene *s, uint64_t old, uint64_t old_len, uint64_t new_len,
                             uint64_t flags)
{
    long ret = scene_call(s, old, old_len, new_len, flags, 0);
    uint64_t at = (uint64_t)ret - s->base;

    if (ret < 0 || ret % (long)PAGE || (uint64_t)ret + new_len > USER_TOP) {
        tap_fail("mremap(): expected an address, seen %#lx (%ld)", ret, ret);
        return 0;
    }
    for (size_t i = 0; i < s->piece_count; i++)
        if (s->pieces[i].start < at + new_len && at < s->pieces[i].end) {
            tap_fail("mremap() chose %#lx, where something was mapped", ret);
            return 0;
        }
    return at;
}

void scene_set(struct scene *s, const struct test_case *c)
{
    struct span whole = c->whole.len ? c->whole : (struct span){c->old, c->len};

    scene_map(s, whole.at, whole.len, "rw-p");
    scene_fill(s, whole.at, whole.len, c->stride);
    for (size_t i = 0; i < ARRAY_SIZE(c->near); i++)
        if (c->near[i].len)
            scene_neighbour(s, c->near[i].at, c->near[i].len);
}
