/* See ranges.h. */
#include "kernel/ranges.h"

/* Replace the entries [first, last) by @n entries of @with. */
static bool splice(struct ranges *list, unsigned first, unsigned last, const struct range *with,
                   unsigned n)
{
    unsigned count = list->count - (last - first) + n;
    unsigned tail = list->count - last;

    if (count > RANGES_MAX)
        return false;
    if (first + n <= last)
        for (unsigned i = 0; i < tail; i++)
            list->at[first + n + i] = list->at[last + i];
    else
        for (unsigned i = tail; i-- > 0;)
            list->at[first + n + i] = list->at[last + i];
    for (unsigned i = 0; i < n; i++)
        list->at[first + i] = with[i];
    list->count = count;
    return true;
}

bool ranges_add(struct ranges *list, struct range range)
{
    unsigned first = 0, last;

    while (first < list->count && list->at[first].end < range.start)
        first++;
    for (last = first; last < list->count && list->at[last].start <= range.end; last++) {
        range.start = min_u64(range.start, list->at[last].start);
        range.end = max_u64(range.end, list->at[last].end);
    }
    return splice(list, first, last, &range, 1);
}

bool ranges_cut(struct ranges *list, struct range cut)
{
    for (unsigned i = 0; i < list->count;) {
        struct range r = list->at[i];
        struct range pieces[2];
        unsigned n = 0;

        if (r.start < cut.start)
            pieces[n++] = (struct range){r.start, min_u64(r.end, cut.start)};
        if (r.end > cut.end)
            pieces[n++] = (struct range){max_u64(r.start, cut.end), r.end};
        if (!range_overlaps(r, cut)) {
            i++;
        } else if (splice(list, i, i + 1, pieces, n)) {
            i += n;
        } else {
            list->at[i].end = cut.start;
            return false;
        }
    }
    return true;
}

bool ranges_hold(const struct ranges *list, struct range range)
{
    for (unsigned i = 0; i < list->count; i++)
        if (list->at[i].start <= range.start && range.end <= list->at[i].end)
            return true;
    return false;
}

bool ranges_meet(const struct ranges *list, struct range range)
{
    for (unsigned i = 0; i < list->count; i++)
        if (range_overlaps(list->at[i], range))
            return true;
    return false;
}

uint64_t ranges_bytes(const struct ranges *list)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < list->count; i++)
        bytes += range_size(list->at[i]);
    return bytes;
}

struct range ranges_longest_below(const struct ranges *list, uint64_t limit)
{
    struct range longest = {0, 0};

    for (unsigned i = 0; i < list->count; i++) {
        struct range r = list->at[i];

        r.start = min_u64(r.start, limit);
        r.end = min_u64(r.end, limit);
        if (range_size(r) > range_size(longest))
            longest = r;
    }
    return longest;
}
