/*
 * The sleep state S5 without an interpreter: the power register is in the table FADT, the value to write is in the
 * object _S5_ of the DSDT, whose bytes always look alike. (ACPI 6.4, 4.8.3, 5.2, 7.4.2)
 */
#include "kernel/acpi.h"

#include "kernel/string.h"
#include "kernel/x86.h"

#define BIOS_START 0xe0000
#define BIOS_END 0x100000
#define RSDP_STEP 16
#define TABLE_MAX (1u << 20)

#define SLEEP_TYPE_SHIFT 10
#define SLEEP_ENABLE (1u << 13)

/* AML: a package, its length and count, and a byte constant. */
#define AML_PACKAGE 0x12
#define AML_BYTE 0x0a

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
} __attribute__((packed));

struct header {
    char signature[4];
    uint32_t length;
    uint8_t rest[28];
};

/* Offsets in the FADT. */
enum { FADT_DSDT = 40, FADT_PM1A_CONTROL = 64, FADT_SIZE = 116 };

static uint16_t pm1a_control; /* port; 0: unknown */
static uint16_t sleep_off;    /* what to write there */

/* The whole table at @pa if it bears @signature (or any, for NULL), and its length. */
static const uint8_t *table(const struct boot_memory *memory, paddr_t pa, const char *signature,
                            uint32_t *length)
{
    const struct header *h = memory->at(memory->ctx, pa, sizeof(*h));

    if (!h || (signature && memcmp(h->signature, signature, 4) != 0))
        return NULL;
    *length = h->length;
    if (*length < sizeof(*h) || *length > TABLE_MAX)
        return NULL;
    return memory->at(memory->ctx, pa, *length);
}

static paddr_t find_rsdp(const struct boot_memory *memory)
{
    for (paddr_t pa = BIOS_START; pa < BIOS_END; pa += RSDP_STEP) {
        const char *at = memory->at(memory->ctx, pa, sizeof(struct rsdp));

        if (at && memcmp(at, "RSD PTR ", 8) == 0)
            return pa;
    }
    return 0;
}

/* The FADT among the tables that the root table at @root lists, as addresses of @width bytes. */
static const uint8_t *find_fadt(const struct boot_memory *memory, paddr_t root, unsigned width)
{
    uint32_t length, fadt_length;
    const uint8_t *list = table(memory, root, NULL, &length);

    if (!list)
        return NULL;
    for (uint32_t off = sizeof(struct header); off + width <= length; off += width) {
        paddr_t pa = 0;
        const uint8_t *fadt;

        memcpy(&pa, list + off, width);
        fadt = table(memory, pa, "FACP", &fadt_length);
        if (fadt && fadt_length >= FADT_SIZE)
            return fadt;
    }
    return NULL;
}

/* The first number in the package that follows the name _S5_: the sleep type. Negative when it is not there. */
static int sleep_type(const uint8_t *aml, uint32_t length)
{
    for (uint32_t i = sizeof(struct header); i + 10 < length; i++) {
        const uint8_t *p = aml + i;

        if (memcmp(p, "_S5_", 4) != 0 || p[4] != AML_PACKAGE)
            continue;
        p += 5 + (p[5] >> 6) + 2; /* length, of one byte and those that its top bits tell; count */
        if (p + 1 >= aml + length)
            return -1;
        return *p == AML_BYTE ? p[1] : *p;
    }
    return -1;
}

void acpi_init(paddr_t rsdp_at, const struct boot_memory *memory)
{
    paddr_t pa = rsdp_at ? rsdp_at : find_rsdp(memory);
    const struct rsdp *rsdp = pa ? memory->at(memory->ctx, pa, sizeof(*rsdp)) : NULL;
    const uint8_t *fadt, *dsdt;
    uint32_t dsdt_at, port, length;
    int type;

    if (!rsdp || memcmp(rsdp->signature, "RSD PTR ", 8) != 0)
        return;
    fadt =
        rsdp->revision >= 2 ? find_fadt(memory, rsdp->xsdt, 8) : find_fadt(memory, rsdp->rsdt, 4);
    if (!fadt)
        return;
    memcpy(&dsdt_at, fadt + FADT_DSDT, sizeof(dsdt_at));
    memcpy(&port, fadt + FADT_PM1A_CONTROL, sizeof(port));
    dsdt = table(memory, dsdt_at, "DSDT", &length);
    type = dsdt ? sleep_type(dsdt, length) : -1;
    if (type < 0 || port > UINT16_MAX)
        return;
    pm1a_control = (uint16_t)port;
    sleep_off = (uint16_t)((unsigned)type << SLEEP_TYPE_SHIFT | SLEEP_ENABLE);
}

void acpi_power_off(void)
{
    if (pm1a_control)
        outw(pm1a_control, sleep_off);
}
