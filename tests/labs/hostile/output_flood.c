/* Earns 0: it would print 1 GB. */
#include "mm/pt_move.h"

void pt_widen(struct pt_move *m)
{
    (void)m;
    for (uint64_t n = 0; n < (uint64_t)1 << 30; n++)
        __asm__ volatile("outb %b0, %w1" : : "a"("PASS\n"[n % 5]), "d"(0x3f8));
}
