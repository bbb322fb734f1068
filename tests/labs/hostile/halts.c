/* Earns 0: nothing wakes it. */
#include "mm/pt_move.h"

void pt_widen(struct pt_move *m)
{
    (void)m;
    __asm__ volatile("cli\n\thlt");
}
