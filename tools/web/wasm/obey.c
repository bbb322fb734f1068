/* Commands of scenes as calls of mm/. */
#include "tools/web/wasm/obey.h"

#include "kernel/abi/mman.h"

/* One page in each @step bytes, as a program would that touches them; each page for 0. */
static int64_t populate(struct mm *mm, vaddr_t start, uint64_t len, uint64_t step)
{
    uint64_t off = 0;
    int64_t err;

    step = page_align(step);
    if (!step || !len)
        return mm_madvise(mm, start, len, MADV_POPULATE_WRITE);
    do
        err = mm_madvise(mm, start + off, PAGE_SIZE, MADV_POPULATE_WRITE);
    while (!err && len - off > step && (off += step));
    return err;
}

/* The strings that exec would copy there, from the top down, a word to each page. */
static int64_t make_stack(struct mm *mm, uint64_t len)
{
    int64_t err = stack_create(mm);

    for (uint64_t off = PAGE_SIZE; !err && off <= page_align(len); off += PAGE_SIZE) {
        uint64_t word = off;

        err = mm_copy_to(mm, TASK_SIZE - off, &word, sizeof(word));
    }
    return err;
}

int64_t obey(struct mm *mm, const struct scene_command *c)
{
    const uint64_t *v = c->value;

    switch (c->verb) {
    case SCENE_MMAP:
        return mm_mmap(mm, v[0], v[1], c->rights, c->flags, NULL, 0, true);
    case SCENE_POPULATE:
        return populate(mm, v[0], v[1], v[2]);
    case SCENE_MREMAP:
        return mm_mremap(mm, v[0], v[1], v[2], c->flags, v[3]);
    case SCENE_MUNMAP:
        return mm_munmap(mm, v[0], v[1]);
    case SCENE_MPROTECT:
        return mm_mprotect(mm, v[0], v[1], c->rights);
    case SCENE_MADVISE:
        return mm_madvise(mm, v[0], v[1], (int)c->choice);
    case SCENE_REALIGN:
        mm_config.realign = (enum realign)c->choice;
        return 0;
    case SCENE_THP:
        mm_config.thp = (enum thp)c->choice;
        return 0;
    case SCENE_STACK:
        return make_stack(mm, v[0]);
    default:
        return stack_shift(mm, v[0]);
    }
}
