#include "kernel/uaccess.h"

#include "kernel/abi/errno.h"
#include "kernel/string.h"
#include "kernel/trap.h"

/*
 * Strings are fetched in aligned pieces, which never reach into a page behind their end: a small one, for
 * most end there, then larger ones.
 */
#define FIRST_PIECE 64
#define STRING_PIECE 1024

/*
 * Copy words, then the bytes that are left. Either instruction may fault on user memory; then the
 * answer stays -EFAULT, and it does not matter how far it came.
 */
static long copy_faulting(void *dst, const void *src, uint64_t len)
{
    uint64_t words = len / 8;
    long result = -EFAULT;

    cpu_user_access_begin();
    __asm__ volatile("1: rep movsq\n"
                     "movq %[tail], %%rcx\n"
                     "2: rep movsb\n"
                     "xorl %k[result], %k[result]\n"
                     "3:\n" TRAP_FIXUP(1b, 3b) TRAP_FIXUP(2b, 3b)
                     : "+&D"(dst), "+&S"(src), "+&c"(words), [result] "+&r"(result)
                     : [tail] "r"(len % 8)
                     : "memory", "cc");
    cpu_user_access_end();
    return result;
}

long copy_from_user(void *dst, vaddr_t src, uint64_t len)
{
    if (!user_range_ok(src, len))
        return -EFAULT;
    return copy_faulting(dst, (const void *)src, len);
}

long copy_to_user(vaddr_t dst, const void *src, uint64_t len)
{
    if (!user_range_ok(dst, len))
        return -EFAULT;
    return copy_faulting((void *)dst, src, len);
}

/* Fetch the piece of @size of a string at @src, at most @max bytes: how many it was, or -EFAULT. */
static long fetch_piece(char *piece, uint64_t size, vaddr_t src, uint64_t max)
{
    uint64_t n = min_u64(size - src % size, max);
    long err = copy_from_user(piece, src, n);

    return err ? err : (long)n;
}

#define EACH_BYTE(x) ((x)*0x0101010101010101ull)

/* So many words are looked at at once. */
#define GLANCE 8

/* Whether a byte of @w may be 0: one is, or one is above 0x80. */
static bool may_end(const uint64_t w[GLANCE])
{
    uint64_t borrows = 0;

#pragma GCC unroll 8
    for (unsigned i = 0; i < GLANCE; i++)
        borrows |= w[i] - EACH_BYTE(1);
    return borrows & EACH_BYTE(0x80);
}

/* strnlen() of a piece, all @n bytes of which may be read. */
static uint64_t length_in(const char *piece, uint64_t n)
{
    const uint64_t step = GLANCE * sizeof(uint64_t);
    uint64_t at = 0;

    while (at < n) {
        uint64_t end;

        while (n - at >= step && !may_end((const uint64_t *)(piece + at)))
            at += step;
        for (end = min_u64(at + step, n); at < end; at++)
            if (!piece[at])
                return at;
    }
    return n;
}

/* The two calls on strings in one: @dst is NULL for strnlen_user. */
static long string_from_user(char *dst, vaddr_t src, uint64_t size)
{
    char piece[STRING_PIECE];
    uint64_t done = 0;

    while (done < size) {
        long n = fetch_piece(piece, done ? STRING_PIECE : FIRST_PIECE, src + done, size - done);
        uint64_t length;

        if (n < 0)
            return n;
        length = length_in(piece, (uint64_t)n);
        if (dst)
            memcpy(dst + done, piece, length);
        done += length;
        if (length < (uint64_t)n) {
            if (dst)
                dst[done] = '\0';
            break;
        }
    }
    return (long)done;
}

long strncpy_from_user(char *dst, vaddr_t src, uint64_t size)
{
    return string_from_user(dst, src, size);
}

long strnlen_user(vaddr_t src, uint64_t max)
{
    return string_from_user(NULL, src, max);
}
