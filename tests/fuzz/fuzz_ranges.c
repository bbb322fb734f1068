/* Lists of ranges, beside one bit for each place: two bytes per range, and whether it is added or cut out. */
#include <string.h>

#include "kernel/ranges.h"
#include "tests/fuzz/fuzz.h"

#define PLACES 512

static bool bit[PLACES];

static void set(struct range r, bool value)
{
    for (uint64_t p = r.start; p < r.end; p++)
        bit[p] = value;
}

static bool all(struct range r)
{
    for (uint64_t p = r.start; p < r.end; p++)
        if (!bit[p])
            return false;
    return true;
}

static bool some(struct range r)
{
    for (uint64_t p = r.start; p < r.end; p++)
        if (bit[p])
            return true;
    return false;
}

/* After a cut that found the list full, more may be gone than was asked, never less. */
static void take_over(const struct ranges *list)
{
    bool now[PLACES] = {false};

    for (unsigned i = 0; i < list->count; i++)
        for (uint64_t p = list->at[i].start; p < list->at[i].end; p++)
            now[p] = true;
    for (unsigned p = 0; p < PLACES; p++)
        must(bit[p] || !now[p]);
    memcpy(bit, now, sizeof(bit));
}

static void check_list(const struct ranges *list)
{
    uint64_t bytes = 0, counted = 0;

    must(list->count <= RANGES_MAX);
    for (unsigned i = 0; i < list->count; i++) {
        must(list->at[i].start < list->at[i].end && list->at[i].end <= PLACES);
        must(i == 0 || list->at[i - 1].end < list->at[i].start);
        must(all(list->at[i]));
        counted += list->at[i].end - list->at[i].start;
    }
    for (unsigned p = 0; p < PLACES; p++)
        bytes += bit[p];
    must(bytes == counted && bytes == ranges_bytes(list));
}

static void check_longest(const struct ranges *list, uint64_t limit)
{
    struct range longest = ranges_longest_below(list, limit);
    uint64_t most = 0, run = 0;

    for (unsigned p = 0; p < PLACES && p < limit; p++) {
        run = bit[p] ? run + 1 : 0;
        most = run > most ? run : most;
    }
    must(range_size(longest) == most && (most == 0 || longest.end <= limit));
}

static void one_step(struct ranges *list, const uint8_t *byte)
{
    struct range r = {byte[0] * 2u, byte[0] * 2u + byte[1] % 64 + 1};

    if (r.end > PLACES)
        r.end = PLACES;
    must(ranges_meet(list, r) == some(r));
    must(ranges_hold(list, r) == all(r));
    if (byte[1] & 0x80) {
        bool done = ranges_cut(list, r);

        set(r, false);
        if (!done)
            take_over(list);
    } else if (ranges_add(list, r)) {
        set(r, true);
    }
    check_list(list);
    check_longest(list, byte[1] * 3u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ranges list;

    memset(bit, 0, sizeof(bit));
    memset(&list, 0, sizeof(list));
    for (size_t i = 0; i + 1 < size && i < 600; i += 2)
        one_step(&list, data + i);
    return 0;
}

bool fuzz_print(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2)
        printf("%s %u + %u\n", data[i + 1] & 0x80 ? "cut" : "add", data[i] * 2,
               data[i + 1] % 64 + 1);
    return true;
}
