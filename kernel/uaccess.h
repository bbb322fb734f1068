/*
 * Copying between the kernel and the memory of the running program, by the addresses that it gave us.
 *
 * A page that is not there yet is faulted in, as if the program had touched it. So none of these may
 * be called with the lock of the program's mm held.
 */
#pragma once

#include "mm/types.h"

/* Can [@addr, @addr + @len) be user memory at all? Linux's access_ok(). */
static inline bool user_range_ok(vaddr_t addr, uint64_t len)
{
    return len <= TASK_SIZE && addr <= TASK_SIZE - len;
}

/* 0, or -EFAULT; a part may have been copied. */
[[nodiscard]] long copy_from_user(void *dst, vaddr_t src, uint64_t len);
[[nodiscard]] long copy_to_user(vaddr_t dst, const void *src, uint64_t len);

/*
 * How much of the @len bytes at @addr lies in its first page. What is copied in such pieces is there
 * up to the first page that is not: the count that read(2) and write(2) return.
 */
static inline uint64_t user_piece(vaddr_t addr, uint64_t len)
{
    return min_u64(len, PAGE_SIZE - page_offset(addr));
}

/*
 * Copy the string at @src with its NUL to @dst of @size bytes. Returns its length without the NUL,
 * @size when no NUL came within that, or -EFAULT.
 */
[[nodiscard]] long strncpy_from_user(char *dst, vaddr_t src, uint64_t size);

/* The length of the string at @src, looking at @max bytes: as above. */
[[nodiscard]] long strnlen_user(vaddr_t src, uint64_t max);
