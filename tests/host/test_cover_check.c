/*
 * mm_check finds what it says it finds: on a healthy address space each invariant is broken by hand
 * once, and the check must end with the words of that invariant. No CHECK of mm/mm_check.c is left
 * out.
 */
/* host-build: 9/4 */
#include "tests/host/test.h"

#include "kernel/abi/mman.h"
#include "mm/huge_pool.h"
#include "mm/object.h"
#include "mm/vma.h"

#define FRAMES 1500
#define BASE (4 * pt_span(PT_PMD))
#define AT(page) (BASE + (page)*PAGE_SIZE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)
#define RW (PROT_READ | PROT_WRITE)

/* Where what is, in pages from BASE. */
enum { DATA = 0, MORE = 20, READ_ONLY = 40, OBJECT = 50, LOCKED = 60, STACK = 3000 };

static struct mm *mm;

static void map(unsigned page, unsigned count, uint32_t prot, uint32_t flags)
{
    assert_int_equal(sim_mmap(mm, AT(page), count * PAGE_SIZE, prot, flags), AT(page));
    if (prot & PROT_WRITE)
        for (unsigned n = page; n < page + count; n++)
            assert_int_equal(sim_write(mm, 0, AT(n), n), FAULT_DONE);
    else
        assert_int_equal(sim_touch(mm, 0, AT(page), ACCESS_READ), FAULT_DONE);
}

static int setup(void **state)
{
    sim_boot(FRAMES);
    mm = sim_create();
    assert_non_null(mm);
    map(DATA, 10, RW, PRIVATE);
    map(MORE, 10, RW, PRIVATE);
    map(READ_ONLY, 5, PROT_READ, PRIVATE);
    map(OBJECT, 4, RW, SHARED);
    map(LOCKED, 3, RW, PRIVATE | MAP_LOCKED);
    map(STACK, 4, RW, PRIVATE | MAP_GROWSDOWN);
    return 0;
}

static int teardown(void **state)
{
    sim_destroy(mm);
    assert_int_equal(sim_frames_free(), FRAMES - 1);
    sim_halt();
    return 0;
}

static struct vma *vma_of(unsigned page)
{
    return vma_at(mm, AT(page));
}

static struct pte *entry_of(unsigned page)
{
    return pt_entry(&mm->pt, AT(page), PT_PTE);
}

static struct frame *frame_of(unsigned page)
{
    return port_frame(pte_addr(*entry_of(page)));
}

/* ---- Spoiling: VMAs ---- */

static void empty_vma(void)
{
    vma_of(DATA)->end = AT(DATA);
}

static void vma_beyond_the_end(void)
{
    mm->last->end = TASK_SIZE + PAGE_SIZE;
}

static void unaligned_start(void)
{
    vma_of(MORE)->start++;
}

static void unaligned_end(void)
{
    vma_of(MORE)->end++;
}

static void overlapping_vmas(void)
{
    vma_of(DATA)->end = AT(MORE + 1);
}

static void unmerged_vmas(void)
{
    struct vma_reserve reserve = {NULL};

    assert_int_equal(vma_reserve_fill(mm, &reserve, 1), 0);
    vma_split_at(mm, AT(DATA + 5), &reserve);
}

static void wrong_back_link(void)
{
    vma_of(MORE)->prev = NULL;
}

static void wrong_last(void)
{
    mm->last = mm->first;
}

/* Some VMA that has a right child: a walk in order comes to it before it comes to the child. */
static struct vma *with_right_child(void)
{
    struct vma *vma = mm->first;

    while (vma && !vma->right)
        vma = vma->next;
    assert_non_null(vma);
    return vma;
}

static void spare_in_use(void)
{
    mm->spare = vma_of(DATA);
}

static void wrong_parent(void)
{
    with_right_child()->right->parent = NULL;
}

static void wrong_heap_order(void)
{
    struct vma *vma = with_right_child();

    vma->priority = vma->right->priority - 1;
}

static void wrong_gap(void)
{
    vma_of(MORE)->gap -= PAGE_SIZE;
}

static void wrong_largest_gap(void)
{
    mm->tree->max_gap += PAGE_SIZE;
}

static void root_with_parent(void)
{
    mm->tree->parent = mm->last;
}

/* The first of the list is the leftmost of the tree; its right subtree takes its place. */
static void out_of_the_tree(void)
{
    struct vma *vma = mm->first;
    struct vma **link = vma->parent ? &vma->parent->left : &mm->tree;

    *link = vma->right;
    if (vma->right)
        vma->right->parent = vma->parent;
}

static void out_of_the_list(void)
{
    mm->last = mm->last->prev;
    mm->last->next = NULL;
    mm->found = NULL;
}

static void found_elsewhere(void)
{
    static struct vma stray;

    mm->found = &stray;
}

static void wrong_vma_count(void)
{
    mm->vma_count++;
}

static void wrong_total(void)
{
    mm->total_pages--;
}

static void wrong_data(void)
{
    mm->data_pages++;
}

static void wrong_stack(void)
{
    mm->stack_pages++;
}

static void wrong_locked(void)
{
    mm->locked_pages--;
}

static void wrong_committed(void)
{
    mm->committed_pages++;
}

/* ---- Spoiling: tables ---- */

static void leaf_without_reference(void)
{
    frame_of(DATA)->refs = 0;
}

static void promised_to_nobody(void)
{
    assert_int_equal(mm_hugetlb_resize(PT_PMD, 1), 1);
    assert_true(huge_pool_promise(PT_PMD, 1));
}

static void block_not_aligned(void)
{
    vaddr_t va = pt_ceiling(AT(STACK + 10), PT_PMD);
    unsigned level;

    assert_int_equal(sim_mmap(mm, va, pt_span(PT_PMD), RW, PRIVATE), va);
    sim_map(mm, va, PTE_R, PT_PMD);
    pt_lookup(&mm->pt, va, &level)->raw -= PAGE_SIZE;
}

static void leaf_behind_its_vma(void)
{
    vma_resize(mm, vma_of(DATA), AT(DATA), AT(DATA + 9));
}

static void leaf_of_untouched_vma(void)
{
    vma_of(READ_ONLY)->touched = false;
}

static void leaf_without_vma(void)
{
    struct vma_reserve reserve = {NULL};

    vma_cut(mm, (struct range){AT(READ_ONLY), AT(READ_ONLY + 5)}, &reserve);
}

static void huge_leaf_behind_its_vma(void)
{
    vaddr_t va = pt_ceiling(AT(STACK + 10), PT_PMD);

    assert_int_equal(sim_mmap(mm, va, PAGE_SIZE, RW, PRIVATE), va);
    sim_map(mm, va, PTE_R, PT_PMD);
}

static void write_beyond_the_vma(void)
{
    entry_of(READ_ONLY)->raw |= PTE_WRITE;
}

static void exec_beyond_the_vma(void)
{
    entry_of(DATA)->raw &= ~PTE_NX;
}

static void write_to_shared_private_page(void)
{
    frame_of(DATA)->refs++;
}

static void private_page_without_identity(void)
{
    vma_at(mm, AT(DATA))->anon = 0;
}

static void table_linked_twice(void)
{
    struct pte *from = pt_entry(&mm->pt, AT(DATA), PT_PMD);

    pt_write(from + 1, *from);
}

static void table_mapped_as_page(void)
{
    pt_frame(entry_of(DATA))->refs++;
}

static void empty_table(void)
{
    struct pt_reserve reserve = {0};
    vaddr_t va = pt_ceiling(AT(STACK + 10), PT_PMD);

    assert_int_equal(pt_reserve_fill(&reserve, pt_missing(&mm->pt, va, PT_PTE)), 0);
    pt_entry_make(&mm->pt, va, PT_PTE, &reserve);
}

static void wrong_live_count(void)
{
    pt_frame(entry_of(DATA))->live++;
}

static void wrong_table_count(void)
{
    mm->pt.tables--;
}

static void wrong_mapped_count(void)
{
    mm->rss_pages++;
}

static void fewer_references_than_mappings(void)
{
    frame_of(OBJECT)->refs--;
}

static void zero_page_short_of_a_reference(void)
{
    frame_of(READ_ONLY)->refs--;
}

static void more_references_than_mappings(void)
{
    frame_of(OBJECT)->refs++;
}

static void shown_beyond_the_end(void)
{
    vma_of(OBJECT)->object->bytes = 3 * PAGE_SIZE;
}

static void page_beyond_the_end(void)
{
    assert_int_equal(sim_munmap(mm, AT(OBJECT + 3), PAGE_SIZE), 0);
    vma_of(OBJECT)->object->bytes = 3 * PAGE_SIZE;
}

static void object_without_reference(void)
{
    vma_of(OBJECT)->object->refs = 0;
}

static void wrong_live_count_of_an_object(void)
{
    pt_frame(vma_of(OBJECT)->object->pt.root)->live--;
}

/* ---- Each of them is found ---- */

static const struct {
    const char *format; /* of the CHECK that finds it */
    void (*spoil)(void);
} spoilt[] = {
    {"VMA %llx-%llx: empty or beyond the end", empty_vma},
    {"VMA %llx-%llx: empty or beyond the end", vma_beyond_the_end},
    {"VMA %llx-%llx: not page-aligned", unaligned_start},
    {"VMA %llx-%llx: not page-aligned", unaligned_end},
    {"VMA %llx-%llx: out of order", overlapping_vmas},
    {"VMAs meeting at %llx could be one", unmerged_vmas},
    {"VMA %llx: list links disagree", wrong_back_link},
    {"the list does not end at its last VMA", wrong_last},
    {"the VMA found last is none of the list", found_elsewhere},
    {"VMA %llx is in use, and spare", spare_in_use},
    {"VMA %llx: a child has another parent", wrong_parent},
    {"VMA %llx: tree not in heap order", wrong_heap_order},
    {"VMA %llx: gap %llx, recounted %llx", wrong_gap},
    {"VMA %llx: largest gap %llx, recounted %llx", wrong_largest_gap},
    {"the root of the tree has a parent", root_with_parent},
    {"VMA %llx: list and tree disagree", out_of_the_tree},
    {"VMA %llx is in the tree, but not in the list", out_of_the_list},
    {"%u VMAs, recounted %llu", wrong_vma_count},
    {"%llu pages, recounted %llu", wrong_total},
    {"%llu data pages, recounted %llu", wrong_data},
    {"%llu stack pages, recounted %llu", wrong_stack},
    {"%llu locked pages, recounted %llu", wrong_locked},
    {"%llu committed pages, recounted %llu", wrong_committed},
    {"%llx maps a frame that nobody holds", leaf_without_reference},
    {"an entry for %llx outside all VMAs", leaf_behind_its_vma},
    {"%llx maps a block that is not aligned", block_not_aligned},
    {"%llu huge pages promised, recounted %llu", promised_to_nobody},
    {"an entry for %llx outside all VMAs", leaf_without_vma},
    {"an entry for %llx in a VMA that is not touched", leaf_of_untouched_vma},
    {"an entry for %llx outside all VMAs", huge_leaf_behind_its_vma},
    {"%llx shows a page beyond the end of its object", shown_beyond_the_end},
    {"page %llx of an object is beyond its end", page_beyond_the_end},
    {"the entry for %llx grants more than its VMA", write_beyond_the_vma},
    {"the entry for %llx grants more than its VMA", exec_beyond_the_vma},
    {"the private page %llx is writable and has other users", write_to_shared_private_page},
    {"the private page %llx belongs to a VMA without identity", private_page_without_identity},
    {"the table for %llx is linked twice, or mapped as a page", table_linked_twice},
    {"the table for %llx is linked twice, or mapped as a page", table_mapped_as_page},
    {"the table for %llx is empty", empty_table},
    {"the table for %llx: %u live entries, recounted %u", wrong_live_count},
    {"the table for %llx: %u live entries, recounted %u", wrong_live_count_of_an_object},
    {"%llu tables, recounted %llu", wrong_table_count},
    {"%llu pages mapped, recounted %llu", wrong_mapped_count},
    {"the frame at %llx has more mappings than references", fewer_references_than_mappings},
    {"the frame at %llx has more mappings than references", zero_page_short_of_a_reference},
    {"the frame at %llx has %u references that map it nowhere", more_references_than_mappings},
    {"object %llu lives without references", object_without_reference},
};
#define SPOILT (sizeof(spoilt) / sizeof(spoilt[0]))

static unsigned current;

static void spoil_and_check(void)
{
    spoilt[current].spoil();
    mm_check_all();
}

/* The longest part of @format without a conversion. */
static const char *longest_part(const char *format)
{
    static char best[100];
    char copy[100];

    best[0] = '\0';
    snprintf(copy, sizeof(copy), "%s", format);
    for (char *part = strtok(copy, "%"); part; part = strtok(NULL, "%")) {
        if (part != copy || format[0] == '%')
            part += strspn(part, "l") + 1;
        if (strlen(part) > strlen(best))
            snprintf(best, sizeof(best), "%s", part);
    }
    return best;
}

static void test_each_is_found(void **state)
{
    mm_check_all();
    for (current = 0; current < SPOILT; current++)
        assert_dies(spoil_and_check, longest_part(spoilt[current].format));
    mm_check_all();
}

/* The words of each CHECK( in the source, against the table above. */
static void test_none_is_left_out(void **state)
{
    static char source[65536];
    FILE *file = fopen("mm/mm_check.c", "r");
    unsigned checks = 0;

    assert_non_null(file);
    source[fread(source, 1, sizeof(source) - 1, file)] = '\0';
    fclose(file);
    for (char *at = strstr(source, " CHECK("); at; at = strstr(at, " CHECK(")) {
        char *end;
        unsigned n = 0;

        at = strchr(at, '"') + 1;
        end = strchr(at, '"');
        while (n < SPOILT &&
               (strncmp(spoilt[n].format, at, (size_t)(end - at)) || spoilt[n].format[end - at]))
            n++;
        check(n < SPOILT, "no test breaks: %.*s", (int)(end - at), at);
        checks++;
    }
    assert_true(checks >= 26);
}

/* Whoever is after the first in the list of address spaces, and of objects, is looked at, too. */
static void test_all_address_spaces(void **state)
{
    struct mm *other = sim_create();
    struct object *object = object_create(PAGE_SIZE, "other");

    assert_non_null(other);
    assert_non_null(object);
    current = 0;
    assert_dies(spoil_and_check, "empty or beyond the end");
    while (spoilt[current].spoil != object_without_reference)
        current++;
    assert_dies(spoil_and_check, "lives without references");
    object_put(object);
    sim_destroy(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_is_found),
        TEST(test_none_is_left_out),
        TEST(test_all_address_spaces),
    };

    return cmocka_run_group_tests_name("cover_check", tests, NULL, NULL);
}
