/*
 * A plugin of QEMU's: which instructions were executed between two passes of marked ones, how often each.
 *
 *     -plugin profile.so,out=FILE,mark=ADDRESS...      an interval begins where one of these RDTSCs is
 *                                                      passed, and ends at the next; another begins at the third
 *     -plugin profile.so,out=FILE,until=ADDRESS        one interval, from the machine's start to there
 *
 * Intervals between the same two marks are of one kind.
 *
 * out: for each kind "kind START END COUNT LEAST ALL" (addresses; intervals; instructions of the shortest and of all),
 * then lines "ADDRESS LEAST ALL" for each instruction.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of QEMU's qemu-plugin.h, which Debian has no package of. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;
typedef void (*tb_function)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*executed_function)(unsigned vcpu, void *data);
typedef void (*end_function)(qemu_plugin_id_t, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, tb_function);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, executed_function, int flags,
                                            void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, end_function, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *);

#define PUBLIC __attribute__((visibility("default")))
PUBLIC int qemu_plugin_version = PLUGIN_VERSION;

#define KINDS_MAX 8
#define ADDRESSES_MAX 64
#define PLACES_BITS 20
#define PLACES (1u << PLACES_BITS) /* a table with open addressing */

/* An instruction: how often it was executed in the interval that runs, and in those of each kind. */
struct place {
    uint64_t address;
    uint64_t interval; /* to which `now` belongs */
    uint64_t now;
    uint64_t least[KINDS_MAX], all[KINDS_MAX];
};

struct kind {
    uint64_t start, end;
    uint64_t intervals, least, all;
};

struct addresses {
    unsigned count;
    uint64_t at[ADDRESSES_MAX];
};

static struct place places[PLACES];
static struct kind kinds[KINDS_MAX];
static unsigned kind_count;
static struct addresses marks;
static uint64_t until;
static const char *out;

static bool counting;     /* in an interval */
static uint64_t start;    /* the mark at which it began */
static uint64_t interval; /* its number */
static uint64_t total;    /* instructions in it */
static uint64_t since;    /* instructions since the last mark */

static bool contains(const struct addresses *list, uint64_t address)
{
    for (unsigned i = 0; i < list->count; i++)
        if (list->at[i] == address)
            return true;
    return false;
}

static struct place *place_of(uint64_t address)
{
    uint64_t i = (address * 0x9e3779b97f4a7c15ull) >> (64 - PLACES_BITS);

    while (places[i].address && places[i].address != address)
        i = (i + 1) % PLACES;
    places[i].address = address;
    return &places[i];
}

/* The kind of an interval that ends at @end; none when there are too many. */
static struct kind *kind_of(uint64_t end)
{
    for (unsigned i = 0; i < kind_count; i++)
        if (kinds[i].start == start && kinds[i].end == end)
            return &kinds[i];
    if (kind_count == KINDS_MAX)
        return NULL;
    kinds[kind_count] = (struct kind){.start = start, .end = end, .least = UINT64_MAX};
    return &kinds[kind_count++];
}

static void interval_begins(uint64_t at)
{
    counting = true;
    start = at;
    total = 0;
    interval++;
}

static void interval_ends(uint64_t at)
{
    struct kind *kind = kind_of(at);
    bool least = kind && total < kind->least;

    counting = false;
    if (!kind)
        return;
    kind->intervals++;
    kind->all += total;
    kind->least = least ? total : kind->least;
    for (unsigned i = 0; i < PLACES; i++) {
        struct place *p = &places[i];
        uint64_t now = p->interval == interval ? p->now : 0;

        p->all[kind - kinds] += now;
        if (least)
            p->least[kind - kinds] = now;
    }
}

static void executed(unsigned vcpu, void *data)
{
    struct place *p = data;

    (void)vcpu;
    since++;
    if (!counting)
        return;
    if (p->interval != interval) {
        p->interval = interval;
        p->now = 0;
    }
    p->now++;
    total++;
}

static void mark_passed(unsigned vcpu, void *data)
{
    struct place *p = data;
    bool again = since <= 1; /* QEMU began the instruction anew */

    (void)vcpu;
    since = 0;
    if (again)
        return;
    if (counting)
        interval_ends(p->address);
    else
        interval_begins(p->address);
}

static void until_passed(unsigned vcpu, void *data)
{
    struct place *p = data;

    (void)vcpu;
    if (counting)
        interval_ends(p->address);
}

/* Other programs have other instructions at the marks' addresses. */
static bool is_mark(const struct qemu_plugin_insn *insn, uint64_t address)
{
    char *text = contains(&marks, address) ? qemu_plugin_insn_disas(insn) : NULL;
    bool found = text && strstr(text, "rdtsc");

    free(text);
    return found;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        struct place *p = place_of(qemu_plugin_insn_vaddr(insn));

        if (is_mark(insn, p->address))
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_passed, 0, p);
        if (p->address == until)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, until_passed, 0, p);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, 0, p);
    }
}

static void report(qemu_plugin_id_t id, void *data)
{
    FILE *file = fopen(out, "w");

    (void)id;
    (void)data;
    for (unsigned k = 0; file && k < kind_count; k++) {
        const struct kind *kind = &kinds[k];

        fprintf(file, "kind %" PRIx64 " %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                kind->start, kind->end, kind->intervals, kind->least, kind->all);
        for (unsigned i = 0; i < PLACES; i++)
            if (places[i].all[k])
                fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", places[i].address,
                        places[i].least[k], places[i].all[k]);
    }
    if (file)
        fclose(file);
}

static void take(struct addresses *list, const char *text)
{
    if (list->count < ADDRESSES_MAX)
        list->at[list->count++] = strtoull(text, NULL, 16);
}

PUBLIC int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "mark=", 5))
            take(&marks, argv[i] + 5);
        else if (!strncmp(argv[i], "until=", 6))
            until = strtoull(argv[i] + 6, NULL, 16);
        else if (!strncmp(argv[i], "out=", 4))
            out = strdup(argv[i] + 4);
    }
    if (!out)
        return -1;
    if (until)
        interval_begins(0);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, report, NULL);
    return 0;
}
