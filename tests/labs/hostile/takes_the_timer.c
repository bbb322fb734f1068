/* Earns 0: it switches off the timer that its instructions are counted by, and never comes back. Said: by which its instructions are counted */
#include "mm/pt_move.h"

void pt_widen(struct pt_move *m)
{
    __asm__ volatile("outl %0, %w1" : : "a"(0x80000b80), "d"(0xcf8)); /* PIIX4, function 3: PMREGMISC */
    __asm__ volatile("outl %0, %w1" : : "a"(0), "d"(0xcfc));
    for (volatile struct pt_move *forever = m; forever;)
        ;
}
