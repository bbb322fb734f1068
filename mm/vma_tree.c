/*
 * The search tree: a treap. A binary search tree by address whose nodes also have a random priority
 * that no child's exceeds; that alone keeps it balanced, expected depth 2 ln n. Each node knows the
 * largest gap of its subtree.
 */
#include "mm/vma_tree.h"

static uint64_t subtree_gap(const struct vma *vma)
{
    uint64_t gap = vma->gap;

    if (vma->left)
        gap = max_u64(gap, vma->left->max_gap);
    if (vma->right)
        gap = max_u64(gap, vma->right->max_gap);
    return gap;
}

/* From @vma up: a gap of @gap bytes has come. */
static inline void raise_upwards(struct vma *vma, uint64_t gap)
{
    for (; vma && vma->max_gap < gap; vma = vma->parent)
        vma->max_gap = gap;
}

/* From @vma up: a gap of @gap bytes has gone. Where there is a larger one, or another like it, nothing changes. */
static inline void lower_upwards(struct vma *vma, uint64_t gap)
{
    while (vma && vma->max_gap == gap && vma->gap != gap) {
        vma->max_gap = subtree_gap(vma);
        vma = vma->max_gap < gap ? vma->parent : NULL;
    }
}

static inline void update_gap(struct vma *vma)
{
    uint64_t before = vma->gap;

    vma->gap = vma_gap(vma);
    if (vma->gap > before)
        raise_upwards(vma, vma->gap);
    else if (vma->gap < before)
        lower_upwards(vma, before);
}

void vma_tree_update(struct vma *vma)
{
    update_gap(vma);
}

static void replace_child(struct mm *mm, struct vma *parent, struct vma *old, struct vma *new)
{
    if (!parent)
        mm->tree = new;
    else if (parent->left == old)
        parent->left = new;
    else
        parent->right = new;
    if (new)
        new->parent = parent;
}

/*
 * @up takes the place of its parent @down, whose subtree keeps its order:
 *
 *        down            up
 *        /  \           /  \
 *      up    C   ->    A   down        and the mirror image
 *     /  \                 /  \
 *    A    B               B    C
 */
static void rotate(struct mm *mm, struct vma *up)
{
    struct vma *down = up->parent;
    struct vma *middle;

    replace_child(mm, down->parent, down, up);
    if (down->left == up) {
        middle = up->right;
        up->right = down;
        down->left = middle;
    } else {
        middle = up->left;
        up->left = down;
        down->right = middle;
    }
    if (middle)
        middle->parent = down;
    down->parent = up;
    down->max_gap = subtree_gap(down);
    up->max_gap = subtree_gap(up);
}

/*
 * Seeded at random for each address space, so that no program knows the shape of its tree; the
 * same series in each boot where the user asked for no randomness.
 */
static uint32_t next_priority(struct mm *mm)
{
    mm->tree_seed = mm->tree_seed * 1664525 + 1013904223;
    return mm->tree_seed;
}

/* Of two neighbours one is above the other in the tree; below the lower one is the place of what comes between. */
static void link_leaf(struct mm *mm, struct vma *vma)
{
    if (vma->prev && !vma->prev->right) {
        vma->prev->right = vma;
        vma->parent = vma->prev;
    } else if (vma->next) {
        vma->next->left = vma;
        vma->parent = vma->next;
    } else {
        mm->tree = vma;
        vma->parent = NULL;
    }
}

void vma_tree_insert(struct mm *mm, struct vma *vma)
{
    link_leaf(mm, vma);
    vma->left = vma->right = NULL;
    vma->priority = next_priority(mm);
    vma->gap = vma_gap(vma);
    vma->max_gap = vma->gap;
    while (vma->parent && vma->parent->priority < vma->priority)
        rotate(mm, vma);
    raise_upwards(vma->parent, vma->max_gap);
    if (vma->next)
        update_gap(vma->next);
}

/*
 * Rotate @vma down until one child at most is left, and put that in its place. The gap grows before: one of
 * the two neighbours is above the other one in the tree, and from there up nothing changes any more.
 */
void vma_tree_remove(struct mm *mm, struct vma *vma)
{
    struct vma *parent;

    if (vma->next)
        update_gap(vma->next);
    while (vma->left && vma->right)
        rotate(mm, vma->left->priority > vma->right->priority ? vma->left : vma->right);
    parent = vma->parent;
    replace_child(mm, parent, vma, vma->left ? vma->left : vma->right);
    lower_upwards(parent, vma->max_gap);
}
