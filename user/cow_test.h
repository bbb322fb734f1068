/*
 * Inside of cow_test: what its parts share.
 *
 * A field is a range of private memory of which every @stride bytes one page, and the last one, was written. What
 * was written tells the page and a version, so that nobody's writes can be taken for somebody else's.
 */
#pragma once

#include "suitelib.h"

struct field {
    uint64_t base;
    uint64_t len;
    uint64_t stride;
};

extern const struct suite_table cow_move_cases, cow_call_cases, cow_share_cases;

extern uint64_t
    area; /* AREA_SIZE bytes of free addresses, aligned to 512 GiB; each case leaves them free */
#define AREA_SIZE GIB(512)

/* Private memory, or with other flags of mmap, for the field; nothing is written. */
void field_map(const struct field *f, int flags);
void field_unmap(const struct field *f);

/* Write all pages of the field with @version. */
void field_write(const struct field *f, unsigned version);

/* All pages of the field hold @version; @who is said if not. */
void field_check(const struct field *f, unsigned version, const char *who);

/* The pages of the field that are left out of the stride read as zeros (one of them is looked at). */
void field_check_gap(const struct field *f);

/* The field, at another address. */
static inline struct field field_at(const struct field *f, uint64_t base)
{
    return (struct field){base, f->len, f->stride};
}

/* Pages at the area's page @at, written with @version. */
struct field small_field(size_t at, size_t pages, unsigned version);
