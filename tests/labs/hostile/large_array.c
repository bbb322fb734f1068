/* Earns 0: no machine has so much memory. */
#include "mm/pt_move.h"

char large[(uint64_t)1 << 40] = {1};

void pt_widen(struct pt_move *m)
{
    large[m->len] = 1;
}
