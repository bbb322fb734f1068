/*
 * cow_test: memory after fork: both sides see what was there, and neither what the other one does from then on,
 * whatever it is: writing, moving, protecting, discarding, executing.
 *
 * usage: cow_test [NAME]: the cases whose names contain NAME.
 */
#include "cow_test.h"

#include <string.h>

uint64_t area;

void field_map(const struct field *f, int flags)
{
    EXPECT(raw_mmap(f->base, f->len, RW,
                    flags | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0),
           f->base);
}

void field_unmap(const struct field *f)
{
    EXPECT(SYS(SYS_munmap, f->base, f->len), 0);
}

/* The written page that follows the one at offset @at, or the field's length. */
static uint64_t next_page(const struct field *f, uint64_t at)
{
    uint64_t last = f->len - PAGE;

    if (at == last)
        return f->len;
    return at + f->stride < last ? at + f->stride : last;
}

static uint64_t page_id(uint64_t at, unsigned version)
{
    return (uint64_t)version << 56 | at | 1;
}

void field_write(const struct field *f, unsigned version)
{
    for (uint64_t at = 0; at < f->len; at = next_page(f, at))
        pattern_fill((void *)(f->base + at), page_id(at, version));
}

void field_check(const struct field *f, unsigned version, const char *who)
{
    for (uint64_t at = 0; at < f->len; at = next_page(f, at)) {
        const uint64_t *page = (const uint64_t *)(f->base + at);

        if (pattern_check(page, page_id(at, version)) == PAGE)
            continue;
        tap_fail(
            "%s: page %p: expected version %u of %#lx, its first word tells version %u of %#lx",
            who, (const void *)page, version, at, (unsigned)(page[0] >> 56),
            page[0] & ((1ul << 56) - 2));
        return;
    }
}

void field_check_gap(const struct field *f)
{
    if (f->stride > PAGE && f->len > f->stride)
        CHECK(page_is_zero((const void *)(f->base + f->stride / 2 / PAGE * PAGE + PAGE)),
              "no zeros in a gap");
}

struct field small_field(size_t at, size_t pages, unsigned version)
{
    struct field f = {area + at * PAGE, pages * PAGE, PAGE};

    field_map(&f, MAP_PRIVATE);
    field_write(&f, version);
    return f;
}

int main(int argc, char **argv)
{
    static const struct suite_table *const tables[] = {&cow_share_cases, &cow_call_cases,
                                                       &cow_move_cases, NULL};
    static const struct suite suite = {tables, NULL};

    area = arena_find(AREA_SIZE, PGD);
    return suite_main(argc, argv, &suite);
}
