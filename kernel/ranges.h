/*
 * A sorted list of disjoint physical ranges that are not adjacent to one another either. Pure: no hardware, no
 * allocation.
 */
#pragma once

#include "mm/mm.h"

#define RANGES_MAX 128

struct ranges {
    struct range at[RANGES_MAX];
    unsigned count;
};

/* Add a range, merged with what it meets. False, and not added, when the list is full. */
[[nodiscard]] bool ranges_add(struct ranges *list, struct range range);

/* Cut [start, end) out. False when the list is full: then more is gone than was asked, never less. */
bool ranges_cut(struct ranges *list, struct range cut);

/* Does one of the ranges hold all of @range? */
bool ranges_hold(const struct ranges *list, struct range range);

/* Does one of them share a byte with @range? */
bool ranges_meet(const struct ranges *list, struct range range);

/* Bytes in all. */
uint64_t ranges_bytes(const struct ranges *list);

/* The longest of them, each first limited to below @limit; empty when there is none. */
struct range ranges_longest_below(const struct ranges *list, uint64_t limit);
