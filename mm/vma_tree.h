/* The search tree of VMAs; see struct vma. Lock: mm's, for write. */
#pragma once

#include "mm/vma.h"

/* Link @vma into the tree; its place in the list is already set. */
void vma_tree_insert(struct mm *mm, struct vma *vma);

/* Take @vma, which is out of the list already, out of the tree. */
void vma_tree_remove(struct mm *mm, struct vma *vma);

/* The gap below @vma has changed: recompute it, and what its ancestors know of it. */
void vma_tree_update(struct vma *vma);
