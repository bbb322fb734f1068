/*
 * The comparison of a scene's book with what the kernel says is mapped and resident, and with the bytes themselves.
 */
#include "mremap_test.h"

#include <string.h>
#include <sys/mman.h>

/* Sort pieces by address and join those that touch and have the same permissions. Returns how many are left. */
static size_t pieces_join(struct piece *p, size_t n)
{
    size_t out = 0;

    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && p[j].start < p[j - 1].start; j--) {
            struct piece swap = p[j];

            p[j] = p[j - 1];
            p[j - 1] = swap;
        }
    for (size_t i = 0; i < n; i++) {
        if (out && p[out - 1].end == p[i].start && !strcmp(p[out - 1].perms, p[i].perms))
            p[out - 1].end = p[i].end;
        else
            p[out++] = p[i];
    }
    return out;
}

/* What the kernel says is mapped in [lo, hi), as offsets. */
static size_t pieces_seen(const struct scene *s, uint64_t lo, uint64_t hi, struct piece *seen)
{
    static struct map_line lines[SCENE_MAX];
    size_t n = maps_read(lines, SCENE_MAX, s->base + lo, s->base + hi);

    if (n > SCENE_MAX)
        n = SCENE_MAX;
    for (size_t i = 0; i < n; i++) {
        seen[i].start = lines[i].start - s->base;
        seen[i].end = lines[i].end - s->base;
        memcpy(seen[i].perms, lines[i].perms, 5);
    }
    return pieces_join(seen, n);
}

static void pieces_show(const struct scene *s, const struct piece *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tap_fail("expected:  %lx-%lx %s", s->base + p[i].start, s->base + p[i].end, p[i].perms);
}

static bool check_maps(const struct scene *s)
{
    static struct piece expected[SCENE_MAX], seen[SCENE_MAX];
    size_t expected_count = 0, seen_count;

    for (size_t i = 0; i < s->piece_count; i++) {
        const struct piece *p = &s->pieces[i];

        if (p->start < ARENA_SIZE)
            expected[expected_count++] = *p;
        else
            CHECK(maps_covers(s->base + p->start, s->base + p->end, p->perms),
                  "not mapped %s: %#lx to %#lx", p->perms, s->base + p->start, s->base + p->end);
    }
    expected_count = pieces_join(expected, expected_count);
    seen_count = pieces_seen(s, 0, ARENA_SIZE, seen);
    if (expected_count == seen_count && !memcmp(expected, seen, seen_count * sizeof(seen[0])))
        return !tap_failing();
    tap_fail("what is mapped differs");
    pieces_show(s, expected, expected_count);
    return false;
}

/* Whether the book has [page, page + PAGE) mapped readable. */
static bool book_readable(const struct scene *s, uint64_t page)
{
    for (size_t i = 0; i < s->piece_count; i++)
        if (s->pieces[i].start <= page && page < s->pieces[i].end)
            return s->pieces[i].perms[0] == 'r';
    return false;
}

/* Which of the pages [lo, hi) of the patch are resident: those that were written, and no other. */
static bool check_resident(const struct scene *s, const struct patch *p, uint64_t lo, uint64_t hi)
{
    static unsigned char vec[2048];
    size_t pages = (hi - lo) / PAGE;

    if (mincore(scene_ptr(s, lo), hi - lo, vec)) {
        tap_fail("mincore() of %#lx, %zu pages, fails", s->base + lo, pages);
        return false;
    }
    for (size_t i = 0; i < pages; i++) {
        uint64_t page = lo + i * PAGE;
        bool written = fill_has(&p->fill, page - p->at + p->from);

        if ((vec[i] & 1) == written)
            continue;
        tap_fail("page %#lx is %sresident, but was %swritten", s->base + page,
                 written ? "not " : "", written ? "" : "never ");
        return false;
    }
    return true;
}

/* Residency of the whole patch when it is dense; else around each page that was written. */
static bool check_patch_resident(const struct scene *s, const struct patch *p)
{
    uint64_t end = p->at + p->len, step = 2048 * PAGE;
    uint64_t shift = p->at - p->from;

    if (p->fill.stride < PMD) {
        for (uint64_t at = p->at; at < end; at += step)
            if (!check_resident(s, p, at, at + step < end ? at + step : end))
                return false;
        return true;
    }
    for (uint64_t from = fill_next(&p->fill, p->from); from < p->from + p->len;
         from = fill_next(&p->fill, from + PAGE)) {
        uint64_t page = from + shift;
        uint64_t lo = page > p->at ? page - PAGE : page;
        uint64_t hi = page + 2 * PAGE < end ? page + 2 * PAGE : end;

        if (!check_resident(s, p, lo, hi))
            return false;
    }
    return true;
}

/* One page's bytes; says whose page is there instead when it is one of ours. */
static bool check_page(const struct scene *s, uint64_t page, uint64_t id)
{
    const uint64_t *word = scene_ptr(s, page);
    size_t bad = pattern_check(word, id);

    if (bad == PAGE)
        return true;
    tap_fail("page %#lx differs at byte %zu: it must have the bytes of page %#lx", s->base + page,
             bad, s->base + (id & 0xffffffffffff));
    if (page_is_zero(word))
        tap_fail("it is all zero");
    else if (pattern_check(word, word[0]) == PAGE)
        tap_fail("it has those of page %#lx of %s case", s->base + (word[0] & 0xffffffffffff),
                 word[0] >> 48 == s->salt ? "this" : "an earlier");
    else
        tap_fail("word there %#lx, first word %#lx", word[bad / 8], word[0]);
    return false;
}

static bool check_patch(const struct scene *s, const struct patch *p)
{
    unsigned bad = 0;

    if (!p->cached && !check_patch_resident(s, p))
        return false;
    for (uint64_t from = fill_next(&p->fill, p->from); from < p->from + p->len && bad < 3;
         from = fill_next(&p->fill, from + PAGE)) {
        uint64_t page = from - p->from + p->at;

        if (book_readable(s, page) && !check_page(s, page, page_id(s, from)))
            bad++;
    }
    return !bad;
}

bool scene_check(struct scene *s)
{
    bool good = check_maps(s);

    for (size_t i = 0; good && i < s->patch_count; i++)
        good = check_patch(s, &s->patches[i]);
    if (!good)
        maps_show(s->base, s->base + ARENA_SIZE);
    return good;
}

void scene_check_zero(struct scene *s, uint64_t at, uint64_t len)
{
    if (tap_failing())
        return; /* nobody knows what is mapped there */
    for (uint64_t page = at; page < at + len; page += PAGE)
        if (!page_is_zero(scene_ptr(s, page))) {
            tap_fail("page %#lx must be zero, its first word is %#lx", s->base + page,
                     *(uint64_t *)scene_ptr(s, page));
            return;
        }
}

void scene_check_absent(struct scene *s, uint64_t at, uint64_t len)
{
    static unsigned char vec[2048];
    size_t pages = len / PAGE;

    if (pages > sizeof(vec) || mincore(scene_ptr(s, at), len, vec)) {
        tap_fail("mincore() of %#lx, %zu pages, fails", s->base + at, pages);
        return;
    }
    for (size_t i = 0; i < pages; i++)
        if (vec[i] & 1) {
            tap_fail("page %#lx is resident", s->base + at + i * PAGE);
            return;
        }
}

void scene_check_merged(struct scene *s, uint64_t at, uint64_t len)
{
    if (maps_exact(s->base + at, s->base + at + len))
        return;
    tap_fail("%#lx to %#lx must be one line of the maps", s->base + at, s->base + at + len);
    maps_show(s->base + at - PAGE, s->base + at + len + PAGE);
}
