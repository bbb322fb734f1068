/* /proc/cpuinfo: what CPUID says of the one processor, with Linux's names for it. */
#include "kernel/proc.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "kernel/x86.h"

/* One bit of what CPUID says, and its name. */
struct feature {
    uint8_t bit;
    const char *name;
};

static const struct feature leaf1_edx[] = {
    {0, "fpu"},  {1, "vme"},   {2, "de"},    {3, "pse"},   {4, "tsc"},    {5, "msr"},
    {6, "pae"},  {7, "mce"},   {8, "cx8"},   {9, "apic"},  {11, "sep"},   {12, "mtrr"},
    {13, "pge"}, {14, "mca"},  {15, "cmov"}, {16, "pat"},  {17, "pse36"}, {19, "clflush"},
    {23, "mmx"}, {24, "fxsr"}, {25, "sse"},  {26, "sse2"}, {27, "ss"},    {28, "ht"},
};
static const struct feature extended_edx[] = {
    {11, "syscall"}, {20, "nx"}, {22, "mmxext"},   {25, "fxsr_opt"}, {26, "pdpe1gb"},
    {27, "rdtscp"},  {29, "lm"}, {30, "3dnowext"}, {31, "3dnow"},
};
static const struct feature leaf1_ecx[] = {
    {0, "pni"},
    {1, "pclmulqdq"},
    {3, "monitor"},
    {9, "ssse3"},
    {12, "fma"},
    {13, "cx16"},
    {17, "pcid"},
    {19, "sse4_1"},
    {20, "sse4_2"},
    {21, "x2apic"},
    {22, "movbe"},
    {23, "popcnt"},
    {24, "tsc_deadline_timer"},
    {25, "aes"},
    {26, "xsave"},
    {28, "avx"},
    {29, "f16c"},
    {30, "rdrand"},
    {31, "hypervisor"},
};
static const struct feature extended_ecx[] = {
    {0, "lahf_lm"}, {2, "svm"}, {4, "cr8_legacy"}, {5, "abm"}, {6, "sse4a"}, {8, "3dnowprefetch"},
};
static const struct feature leaf7_ebx[] = {
    {0, "fsgsbase"},    {3, "bmi1"},     {5, "avx2"},    {7, "smep"}, {8, "bmi2"},
    {9, "erms"},        {10, "invpcid"}, {18, "rdseed"}, {19, "adx"}, {20, "smap"},
    {23, "clflushopt"}, {24, "clwb"},    {29, "sha_ni"},
};
static const struct feature leaf7_ecx[] = {
    {2, "umip"},
    {3, "pku"},
    {16, "la57"},
    {22, "rdpid"},
};

static void show_features(struct text *out, uint32_t bits, const struct feature *features,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bits & 1u << features[i].bit)
            text_format(out, " %s", features[i].name);
}

#define SHOW(out, bits, features)                                                                  \
    show_features(out, bits, features, sizeof(features) / sizeof((features)[0]))

static void show_flags(struct text *out)
{
    struct cpuid leaf1 = cpuid(1, 0), leaf7 = cpuid(7, 0), extended = cpuid(0x80000001, 0);

    text_format(out, "flags\t\t:");
    SHOW(out, leaf1.edx, leaf1_edx);
    SHOW(out, extended.edx, extended_edx);
    SHOW(out, leaf1.ecx, leaf1_ecx);
    SHOW(out, extended.ecx, extended_ecx);
    SHOW(out, leaf7.ebx, leaf7_ebx);
    SHOW(out, leaf7.ecx, leaf7_ecx);
    text_format(out, "\nbugs\t\t:\n");
}

static void show_vendor(struct text *out)
{
    struct cpuid leaf0 = cpuid(0, 0);
    char vendor[13] = {0};

    memcpy(vendor, &leaf0.ebx, 4);
    memcpy(vendor + 4, &leaf0.edx, 4);
    memcpy(vendor + 8, &leaf0.ecx, 4);
    text_format(out, "vendor_id\t: %s\n", vendor);
}

/* Without the blanks that some processors begin with. */
static void show_brand(struct text *out)
{
    char brand[49] = {0}, *start = brand;

    if (cpuid(0x80000000, 0).eax >= 0x80000004)
        for (unsigned i = 0; i < 3; i++) {
            struct cpuid leaf = cpuid(0x80000002 + i, 0);

            memcpy(brand + 16 * i, &leaf, 16);
        }
    while (*start == ' ')
        start++;
    text_format(out, "model name\t: %s\n", *start ? start : "unknown");
}

/* Family, model and stepping, as the manual puts them together. */
static void show_model(struct text *out)
{
    uint32_t version = cpuid(1, 0).eax;
    uint32_t family = version >> 8 & 15, model = version >> 4 & 15;

    if (family == 6 || family == 15)
        model |= version >> 12 & 0xf0;
    if (family == 15)
        family += version >> 20 & 255;
    text_format(out, "cpu family\t: %u\nmodel\t\t: %u\n", family, model);
    show_brand(out);
    text_format(out, "stepping\t: %u\n", version & 15);
}

static void show_speed(struct text *out)
{
    uint64_t khz = time_tsc_hz() / 1000;

    text_format(out, "cpu MHz\t\t: %llu.%03llu\n", (unsigned long long)(khz / 1000),
                (unsigned long long)(khz % 1000));
}

long proc_show_cpuinfo(struct text *out, const struct proc_subject *subject)
{
    uint64_t centi_mips = time_tsc_hz() / 5000; /* twice the clock */
    uint32_t apic = cpuid(1, 0).ebx >> 24, sizes = cpuid(0x80000008, 0).eax;

    (void)subject;
    text_format(out, "processor\t: 0\n");
    show_vendor(out);
    show_model(out);
    show_speed(out);
    text_format(out, "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n");
    text_format(out, "apicid\t\t: %u\ninitial apicid\t: %u\n", apic, apic);
    text_format(out, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
                cpuid(0, 0).eax);
    show_flags(out);
    text_format(out, "bogomips\t: %llu.%02llu\n", (unsigned long long)(centi_mips / 100),
                (unsigned long long)(centi_mips % 100));
    text_format(out, "clflush size\t: %u\ncache_alignment\t: 64\n",
                (cpuid(1, 0).ebx >> 8 & 255) * 8);
    text_format(out, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
                sizes & 255, sizes >> 8 & 255);
    return 0;
}
