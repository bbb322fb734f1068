/* Earns 0: it makes mm_check() return at once. Said: the kernel's own code was changed */
#include "mm/pt_move.h"

void mm_check(struct mm *mm);

void pt_widen(struct pt_move *m)
{
    uint64_t cr0;

    (void)m;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~((uint64_t)1 << 16)));
    *(volatile uint8_t *)(uintptr_t)mm_check = 0xc3;
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
}
