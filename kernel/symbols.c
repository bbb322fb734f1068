/*
 * The table that tools/symbols.py makes of the first link's output: addresses ascending, as offsets from KERNEL_BASE,
 * and where each name starts in one long string. Empty in the first link itself.
 */
#include "kernel/symbols.h"

#include "kernel/format.h"
#include "kernel/paging.h"

struct symbol {
    uint32_t address;
    uint32_t name;
};

extern const uint32_t symbols_count;
extern const struct symbol symbols_table[];
extern const char symbols_names[];

/* linker.ld */
extern const char text_start[], text_end[];

const char *symbols_find(uint64_t address, uint64_t *offset)
{
    uint32_t low = 0, high = symbols_count;
    uint32_t key = (uint32_t)(address - KERNEL_BASE);

    if (address < (uint64_t)text_start || address >= (uint64_t)text_end)
        return NULL;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (symbols_table[middle].address <= key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *offset = key - symbols_table[low - 1].address;
    return &symbols_names[symbols_table[low - 1].name];
}

void symbols_format(char *buf, size_t size, uint64_t address, uint64_t back)
{
    uint64_t offset;
    const char *name = symbols_find(address - back, &offset);

    if (name)
        format(buf, size, "%s+0x%lx", name, offset + back);
    else
        format(buf, size, "0x%lx", address);
}
