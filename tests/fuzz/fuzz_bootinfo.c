/*
 * The readers of boot information: the first byte says which protocol, the rest is physical memory, all that there is.
 * What passes must be sound: memory in order and apart, the module inside it.
 */
#include <string.h>

#include "kernel/boot.h"
#include "tests/fuzz/fuzz.h"

#define BASE 0x9000u
#define MIB ((uint64_t)1 << 20)

struct memory {
    uint8_t *bytes;
    uint64_t size;
};

static const void *at(void *ctx, paddr_t pa, uint64_t size)
{
    const struct memory *m = ctx;

    if (pa < BASE || pa - BASE > m->size || size > m->size - (pa - BASE))
        return NULL;
    return m->bytes + (pa - BASE);
}

static void check_info(const struct boot_info *info)
{
    const struct ranges *memory = &info->memory;
    uint64_t total = 0;

    must(memory->count > 0 && memory->count <= RANGES_MAX);
    for (unsigned i = 0; i < memory->count; i++) {
        struct range r = memory->at[i];

        must(r.start < r.end && r.start % PAGE_SIZE == 0 && r.end % PAGE_SIZE == 0);
        must(r.end <= MIB * MIB);
        must(i == 0 || memory->at[i - 1].end < r.start);
        total += r.end - r.start;
    }
    must(total >= 8 * MIB && total == ranges_bytes(memory));
    must(info->module.start <= info->module.end);
    must(info->module.start == info->module.end || ranges_hold(memory, info->module));
    must(memchr(info->cmdline, '\0', sizeof(info->cmdline)));
    must(info->loader);
}

static const char *parse(const uint8_t *data, size_t size, struct boot_info *info)
{
    static const uint32_t magics[] = {0x2badb002u, 0x36d76289u, 0x336ec578u, 0};
    struct memory m = {exact_copy(data + 1, size - 1), size - 1};
    struct boot_memory reader = {.at = at, .ctx = &m};
    const char *error = bootinfo_parse(info, magics[data[0] % 4], BASE, &reader);

    free(m.bytes);
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;

    if (size && !parse(data, size, &info))
        check_info(&info);
    return 0;
}

bool fuzz_print(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    const char *error = size ? parse(data, size, &info) : "empty";

    printf("%s: %s\n", size ? info.loader : "-", error ? error : "good");
    for (unsigned i = 0; size && !error && i < info.memory.count; i++)
        printf("memory %llx-%llx\n", (unsigned long long)info.memory.at[i].start,
               (unsigned long long)info.memory.at[i].end);
    return true;
}
