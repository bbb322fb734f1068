/* The cpio reader: what it finds lies inside the archive, names are clean, and it comes to an end. */
#include "kernel/cpio.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static bool clean_name(const char *name)
{
    if (!*name)
        return true;
    for (;;) {
        size_t n = strcspn(name, "/");

        if (n == 0 || (n == 1 && name[0] == '.') || (n == 2 && !strncmp(name, "..", 2)))
            return false;
        if (!name[n])
            return true;
        name += n + 1;
    }
}

static void check_entry(const struct cpio *cpio, const struct cpio_entry *entry)
{
    uint64_t at = (uint64_t)(entry->data - cpio->data);
    unsigned char sum = 0;

    must(entry->name == cpio->name && memchr(cpio->name, '\0', sizeof(cpio->name)));
    must(clean_name(entry->name));
    must(at <= cpio->size && entry->size <= cpio->size - at);
    for (uint64_t i = 0; i < entry->size; i++)
        sum ^= entry->data[i];
    must(sum == (sum & 0xff));
    must(cpio->offset <= cpio->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *archive = exact_copy(data, size);
    struct cpio cpio;
    struct cpio_entry entry;
    unsigned entries = 0;

    cpio_open(&cpio, archive, size);
    while (cpio_next(&cpio, &entry)) {
        check_entry(&cpio, &entry);
        must(++entries <= size / 110);
    }
    must(cpio.error ? cpio.offset <= size : cpio.offset == size);
    free(archive);
    return 0;
}

bool fuzz_print(const uint8_t *data, size_t size)
{
    struct cpio cpio;
    struct cpio_entry entry;

    cpio_open(&cpio, data, size);
    while (cpio_next(&cpio, &entry))
        printf("%06o %8llu %s\n", entry.mode, (unsigned long long)entry.size, entry.name);
    if (cpio.error)
        printf("at byte %llu: %s\n", (unsigned long long)cpio.offset, cpio.error);
    return true;
}
