/* Earns 0: it does away with the player's own tables, so nothing can be read there. */
#include "mm/pt_move.h"

void pt_widen(struct pt_move *m)
{
    static unsigned calls;

    if (calls++ > 0)
        m->mm->pt.root[0] = (struct pte){0};
}
