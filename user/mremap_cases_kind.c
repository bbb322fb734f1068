/*
 * Mappings of every kind moved: shared, unreadable, read-only, executable, of a file, locked; and what other calls
 * do with them afterwards.
 */
#include "mremap_test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define A GIB(1)
#define D (GIB(3) + MIB(16))
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

/* Moves the range, which must arrive at c->new. */
static bool move(struct scene *s, const struct test_case *c)
{
    if (!scene_call_to(s, c->old, c->len, c->len, FIXED, c->new, c->new))
        return false;
    book_move(s, c->old, c->len, c->new);
    return scene_check(s);
}

static void run_shared(struct scene *s, const struct test_case *c)
{
    struct span whole = c->whole.len ? c->whole : (struct span){c->old, c->len};

    scene_map(s, whole.at, whole.len, "rw-s");
    scene_fill(s, whole.at, whole.len, c->stride);
    move(s, c);
}

/* Written, then given c->perms, moved, and made readable again. */
static void run_perms(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    scene_protect(s, c->old, c->len, c->perms);
    if (!move(s, c))
        return;
    scene_protect(s, c->new, c->len, "rw-p");
    scene_check(s);
}

/* Pages with and without write permission in turn, moved one after the other. */
static void run_moved_one_by_one(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    for (uint64_t at = 0; at < c->len; at += 2 * PAGE)
        scene_protect(s, c->old + at, PAGE, "r--p");
    for (uint64_t at = 0; at < c->len; at += PAGE) {
        if (!scene_call_to(s, c->old + at, PAGE, PAGE, FIXED, c->new + at, c->new + at))
            return;
        book_move(s, c->old + at, PAGE, c->new + at);
    }
    scene_check(s);
}

/* ---- Files ---- */

#define FILE_PAGES 6
static char file_bytes[FILE_PAGES * 4096];

/* Map the first pages of the running program at c->old, and read them by read() too. */
static bool map_own_file(struct scene *s, const struct test_case *c)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    long at;

    if (fd < 0 || read(fd, file_bytes, sizeof(file_bytes)) != sizeof(file_bytes)) {
        tap_fail("cannot read /proc/self/exe");
        return false;
    }
    at = raw_mmap(s->base + c->old, sizeof(file_bytes), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
    close(fd);
    CHECK_EQ("mmap() of the file", at, s->base + c->old);
    book_map(s, c->old, sizeof(file_bytes), "rw-p");
    return !tap_failing();
}

static void check_file_page(struct scene *s, uint64_t at, size_t page)
{
    CHECK(!memcmp(scene_ptr(s, at), file_bytes + page * PAGE, PAGE),
          "page %#lx differs from page %zu of the file", s->base + at, page);
}

/* The page at @at must be shown as offset @page of the file in the maps. */
static void check_file_offset(struct scene *s, uint64_t at, size_t page)
{
    struct map_line m;

    if (maps_read(&m, 1, s->base + at, s->base + at + PAGE) != 1)
        tap_fail("nothing mapped at %#lx", s->base + at);
    else
        CHECK_EQ("file offset in the maps", m.offset + (s->base + at - m.start), page * PAGE);
}

/* Page 1 is written, page 2 read, the others are touched only after the move. */
static void run_file(struct scene *s, const struct test_case *c)
{
    uint64_t len = sizeof(file_bytes);

    if (!map_own_file(s, c))
        return;
    pattern_fill(scene_ptr(s, c->old + PAGE), page_id(s, PAGE));
    check_file_page(s, c->old + 2 * PAGE, 2);
    if (!scene_call_to(s, c->old, len, len, FIXED, c->new, c->new))
        return;
    book_move(s, c->old, len, c->new);
    if (!scene_check(s))
        return;
    for (size_t page = 0; page < FILE_PAGES; page++) {
        check_file_offset(s, c->new + page *PAGE, page);
        if (page != 1)
            check_file_page(s, c->new + page *PAGE, page);
    }
    CHECK(pattern_check(scene_ptr(s, c->new + PAGE), page_id(s, PAGE)) == PAGE,
          "the page that was written lost its bytes");
}

/* Pages 2 and 3 move away: each part still shows its own place in the file. */
static void run_file_middle(struct scene *s, const struct test_case *c)
{
    uint64_t from = c->old + 2 * PAGE;

    if (!map_own_file(s, c) || !scene_call_to(s, from, 2 * PAGE, 2 * PAGE, FIXED, c->new, c->new))
        return;
    book_move(s, from, 2 * PAGE, c->new);
    if (!scene_check(s))
        return;
    for (size_t page = 0; page < FILE_PAGES; page++) {
        bool moved = page == 2 || page == 3;
        uint64_t at = moved ? c->new + (page - 2) * PAGE : c->old + page *PAGE;

        check_file_offset(s, at, page);
        check_file_page(s, at, page);
    }
}

/* Two pages of the file, grown to six: the new ones are the file's next. */
static void run_file_grows(struct scene *s, const struct test_case *c)
{
    if (!map_own_file(s, c))
        return;
    munmap(scene_ptr(s, c->old + 2 * PAGE), 4 * PAGE);
    book_unmap(s, c->old + 2 * PAGE, 4 * PAGE);
    if (!scene_call_to(s, c->old, 2 * PAGE, 6 * PAGE, c->flags, c->new, c->new))
        return;
    book_unmap(s, c->old, 2 * PAGE);
    book_map(s, c->new, 6 * PAGE, "rw-p");
    if (!scene_check(s))
        return;
    for (size_t page = 0; page < FILE_PAGES; page++)
        check_file_page(s, c->new + page *PAGE, page);
}

/* ---- What other calls do afterwards ---- */

/* Every byte can be written at the new place, and is not what was there. */
static void run_rewritten(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    if (!move(s, c))
        return;
    s->salt |= 1 << 14;
    scene_fill(s, c->new, c->len, 0);
    scene_check(s);
}

/* The old place can be mapped again and is empty. */
static void run_reused(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    if (!move(s, c))
        return;
    scene_map(s, c->old, c->len, "rw-p");
    scene_check_absent(s, c->old, c->len);
    scene_fill(s, c->old, c->len, 0);
    scene_check(s);
}

static void run_unmapped_after(struct scene *s, const struct test_case *c)
{
    uint64_t cut = c->new + KIB(512), len = MIB(1) + KIB(512);

    scene_set(s, c);
    if (!move(s, c))
        return;
    CHECK_EQ("munmap()", munmap(scene_ptr(s, cut), len), 0);
    book_unmap(s, cut, len);
    scene_check(s);
}

static void run_protected_after(struct scene *s, const struct test_case *c)
{
    scene_set(s, c);
    if (!move(s, c))
        return;
    scene_protect(s, c->new + KIB(512), MIB(1), "r--p");
    scene_protect(s, c->new + MIB(2), MIB(1), "---p");
    if (!scene_check(s))
        return;
    scene_protect(s, c->new, c->len, "rw-p");
    scene_check(s);
    scene_check_merged(s, c->new, c->len);
}

static void run_discarded_after(struct scene *s, const struct test_case *c)
{
    uint64_t at = c->new + KIB(512), len = MIB(1);

    scene_set(s, c);
    if (!move(s, c))
        return;
    CHECK_EQ("madvise()", madvise(scene_ptr(s, at), len, MADV_DONTNEED), 0);
    book_forget(s, at, len);
    scene_check_absent(s, at, len);
    scene_check(s);
    scene_check_zero(s, at, len);
}

static void run_locked(struct scene *s, const struct test_case *c)
{
    scene_map(s, c->old, c->len, "rw-p");
    CHECK_EQ("mlock()", mlock(scene_ptr(s, c->old), c->len), 0);
    scene_fill(s, c->old, c->len, 0);
    move(s, c);
    munlock(scene_ptr(s, c->new), c->len);
}

/* MAP_POPULATE: the pages are there, zero, and move without ever having been touched. */
static void run_populated(struct scene *s, const struct test_case *c)
{
    long at = raw_mmap(s->base + c->old, c->len, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_FIXED_NOREPLACE, -1, 0);
    static unsigned char vec[1024];
    size_t absent = 0;

    CHECK_EQ("mmap()", at, s->base + c->old);
    book_map(s, c->old, c->len, "rw-p");
    if (!move(s, c))
        return;
    mincore(scene_ptr(s, c->new), c->len, vec);
    for (uint64_t page = 0; page < c->len / PAGE; page++)
        absent += !(vec[page] & 1);
    CHECK_EQ("pages that are not resident", absent, 0);
    scene_check_zero(s, c->new, c->len);
}

#define CASE(what, how, from, bytes, to)                                                           \
    .name = what, .run = how, .old = from, .len = bytes, .new = to

static const struct test_case cases[] = {
    {CASE("shared memory", run_shared, A, KIB(64), D)},
    {CASE("shared memory, 5 MB at 1 MB offset", run_shared, A + MIB(1), MIB(5), D + MIB(1)),
     HOW(0, 3, 0, 0, DOWN)},
    {CASE("shared memory, 5 MB to a misaligned place", run_shared, A + MIB(1), MIB(5), D + PAGE),
     HOW(1280, 0, 0, 0, AS_IS)},
    {CASE("shared memory, a part from the inside", run_shared, A + KIB(16), KIB(16), D),
     .whole = {A, KIB(64)}, HOW(4, 0, 0, 0, AS_IS)},
    {CASE("shared memory, 1 GB with few pages", run_shared, A, GIB(1), GIB(4)), .stride = MIB(128),
     HOW(0, 0, 1, 0, AS_IS)},
    {CASE("unreadable memory keeps permissions and bytes", run_perms, A, KIB(64), D),
     .perms = "---p"},
    {CASE("unreadable memory, 5 MB at 1 MB offset", run_perms, A + MIB(1), MIB(5), D + MIB(1)),
     .perms = "---p"},
    {CASE("read-only memory keeps permissions and bytes", run_perms, A, KIB(64), D),
     .perms = "r--p"},
    {CASE("read-only memory, 5 MB at 1 MB offset", run_perms, A + MIB(1), MIB(5), D + MIB(1)),
     .perms = "r--p", HOW(0, 3, 0, 0, DOWN)},
    {CASE("executable memory keeps permissions and bytes", run_perms, A, KIB(64), D),
     .perms = "r-xp"},
    {CASE("pages of two kinds in turn, one by one", run_moved_one_by_one, A, KIB(128), D)},

    {CASE("private file mapping", run_file, A, 0, D)},
    {CASE("private file mapping to a misaligned place", run_file, A, 0, D + PAGE)},
    {CASE("private file mapping, its middle", run_file_middle, A, 0, D)},
    {CASE("private file mapping grows in place", run_file_grows, A, 0, A), .flags = 0},
    {CASE("private file mapping grows by moving", run_file_grows, A, 0, D), .flags = FIXED},

    {CASE("all bytes written anew after the move", run_rewritten, A + MIB(1), MIB(3), D + MIB(1))},
    {CASE("the old place mapped anew, pages moved", run_reused, A, KIB(64), D)},
    {CASE("the old place mapped anew, PMDs moved", run_reused, A + MIB(1), MIB(3), D + MIB(1))},
    {CASE("a part unmapped after the move", run_unmapped_after, A + MIB(1), MIB(3), D + MIB(1))},
    {CASE("parts protected after the move", run_protected_after, A + MIB(1), MIB(3), D + MIB(1))},
    {CASE("a part discarded after the move", run_discarded_after, A + MIB(1), MIB(3), D + MIB(1))},
    {CASE("locked memory", run_locked, A, KIB(64), D)},
    {CASE("populated memory", run_populated, A + MIB(1), MIB(3), D + MIB(1)),
     HOW(0, 2, 0, 0, DOWN)},
};

const struct case_table kind_cases = {cases, ARRAY_SIZE(cases)};
