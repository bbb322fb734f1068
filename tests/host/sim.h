/*
 * The machine below mm/, simulated: it implements mm/port.h over an arena of frames, counted
 * objects, locks that check their use, and processors whose caches of translations are kept until
 * mm/ flushes them.
 *
 * Whatever a real machine would let pass in silence ends the program here, with the story on
 * stderr: a frame freed twice or still cached, a stale translation used, a lock taken twice, an
 * object freed with another size.
 *
 * One thread; the CPUs are simulated by the caller's naming one at each access.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm.h"
#include "mm/pt.h"
#include "mm/trace.h"

#define SIM_CPUS 4

/* ---- The machine ---- */

/* A machine with @frames frames of memory, numbered from 1; whatever was before is forgotten. */
void sim_start(uint32_t frames);

/* Everything must have been given back: frames, objects, locks. */
void sim_stop(void);

/*
 * From now on only the first @bytes of a frame are zeroed, poisoned and kept: for very many cases
 * over small tables, whose pages are known by their first word.
 */
void sim_short_frames(uint32_t bytes);

/* sim_start() with mm/ set up anew over it, without randomness; and the end of both. */
void sim_boot(uint32_t frames);
void sim_halt(void);

uint32_t sim_frames_free(void);
uint32_t sim_tables_reserved(void);
uint32_t sim_objects(void); /* that are in use: a spare VMA is not */

/* Whether the frame that holds @pa is given out. */
bool sim_frame_used(paddr_t pa);

/* Ends the program with a story. */
_Noreturn void sim_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What is going on, for the stories; a new number each time. @name is kept, not copied. */
void sim_op(const char *name);

/* ---- Allocations that fail ---- */

/*
 * The @n-th allocation from now on, of a frame or an object, fails; with @sticky, all from then on.
 * 0: none.
 */
void sim_fail_after(uint64_t n, bool sticky);

/* Allocations asked for, and refused, since sim_fail_after(). */
uint64_t sim_asked(void);
uint64_t sim_refused(void);

/* ---- Words ---- */

/* Events of the kinds in port_trace_mask and lines of port_warn() since sim_forget_words(). */
uint32_t sim_trace_count(void);
const struct trace_event *sim_trace_event(uint32_t i);
const char *sim_trace_line(uint32_t i); /* valid until the next call */
uint32_t sim_warn_count(void);
const char *sim_warn_line(uint32_t i);
void sim_forget_words(void);

/* ---- The processors ---- */

/*
 * One access by @cpu, as the processor makes it: cached translation or walk, rights at each level,
 * accessed and dirty bits, the walk cached. The physical address, or 0 where it faults. No lock.
 */
paddr_t sim_access(struct mm *mm, unsigned cpu, vaddr_t va, enum access access);

/* As sim_access, but faults go to mm_fault() under the lock and the access is made again. */
enum fault_result sim_touch(struct mm *mm, unsigned cpu, vaddr_t va, enum access access);

/* A 64-bit word at @va, through the processor. sim_read dies where the access is not allowed. */
uint64_t sim_read(struct mm *mm, unsigned cpu, vaddr_t va);
enum fault_result sim_write(struct mm *mm, unsigned cpu, vaddr_t va, uint64_t word);

/* The page at @va written from its first byte to its last, through the processor: see sim_fill. */
enum fault_result sim_write_page(struct mm *mm, unsigned cpu, vaddr_t va, uint64_t word);

/* ---- Content of pages ---- */

/*
 * A whole page that one word tells: zeros for 0, else the word itself in its first eight bytes and
 * another in each eight behind it.
 */
void sim_fill(void *page, uint64_t word);

/*
 * Where a page is first not as sim_fill() would make it, in bytes, or -1. The second looks at its
 * ends and at two places between, which depend on @turn: all have been looked at in 512 turns.
 */
int sim_differs(const void *page, uint64_t word);
int sim_differs_somewhere(const void *page, uint64_t word, unsigned turn);

/*
 * Nothing that any CPU caches of @mm grants more than its tables do now, or through other tables.
 */
void sim_tlb_check(struct mm *mm);

/* Every CPU loads another root: what it cached of @mm is gone. */
void sim_tlb_leave(struct mm *mm);

/*
 * Called at the end of each flush, in the middle of whatever mm/ is doing: there a test lets other
 * CPUs make their accesses, as they would at any time.
 */
extern void (*sim_after_flush)(void);

/* What the CPUs cache of @mm, and flushes that mm/ asked for since sim_start(). */
uint32_t sim_tlb_count(const struct mm *mm);
uint64_t sim_flushes(void);

/* ---- Tables, without a processor ---- */

/* The leaf that translates @va with its level, or NULL. */
struct pte *sim_leaf(const struct pt *pt, vaddr_t va, unsigned *level);

/* The word at @va whatever the rights are; false where no frame is mapped. */
bool sim_peek(const struct pt *pt, vaddr_t va, uint64_t *word);

/* Map a fresh zero-filled frame at @va, which is empty, as the fault handler would. Its address. */
paddr_t sim_map(struct mm *mm, vaddr_t va, unsigned rights, unsigned level);

/*
 * Recount @pt: live counts, number of tables, none linked twice, none empty below the root. @leaves
 * if not NULL.
 */
void sim_recount(const struct pt *pt, uint64_t *leaves);

/* Dies when a slot of the kernel's half of the root has been touched. */
void sim_check_kernel_half(const struct mm *mm);

/* ---- Snapshots: everything, bit for bit ---- */

/* All frames given out with their metadata and contents, all objects, the TLBs aside. */
struct sim_snapshot *sim_snapshot(void);

/* NULL if nothing differs from @snap, else what does, in words. */
const char *sim_changed(const struct sim_snapshot *snap);
void sim_snapshot_free(struct sim_snapshot *snap);

/* ---- mm's calls, each under the lock, followed by every check ---- */

/* Off: only the TLBs are checked after a call. For tests with very many of them. */
extern bool sim_check_calls;

/* The checks that follow a call: TLBs, locks, mm_check_all(). */
void sim_settle(struct mm *mm);

struct mm *sim_create(void);
void sim_destroy(struct mm *mm);
struct mm *sim_fork(struct mm *mm); /* NULL when memory is out */
long sim_mmap(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags);
long sim_mmap_object(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot, uint32_t flags,
                     struct object *object, uint64_t offset);
long sim_munmap(struct mm *mm, vaddr_t addr, uint64_t len);
long sim_mprotect(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t prot);
long sim_madvise(struct mm *mm, vaddr_t addr, uint64_t len, int advice);
long sim_mseal(struct mm *mm, vaddr_t addr, uint64_t len, uint64_t flags);
long sim_msync(struct mm *mm, vaddr_t addr, uint64_t len, uint32_t flags);
long sim_mlock(struct mm *mm, vaddr_t addr, uint64_t len, bool lock, bool on_fault);
long sim_mlockall(struct mm *mm, int flags);
long sim_brk(struct mm *mm, vaddr_t brk);
long sim_mremap(struct mm *mm, vaddr_t old, uint64_t old_len, uint64_t new_len, uint32_t flags,
                vaddr_t new_addr);
long sim_mincore(struct mm *mm, vaddr_t addr, uint64_t pages, uint8_t *vec);
long sim_copy_to(struct mm *mm, vaddr_t dst, const void *src, uint64_t len);
long sim_copy_from(struct mm *mm, void *dst, vaddr_t src, uint64_t len);
long sim_stack_create(struct mm *mm);
long sim_stack_shift(struct mm *mm, uint64_t shift);
