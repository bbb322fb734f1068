/* Earns 0: it never comes back. */
#include "mm/pt_move.h"

void pt_widen(struct pt_move *m)
{
    for (volatile struct pt_move *forever = m; forever;)
        ;
}
