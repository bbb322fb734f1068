/*
 * Reads a cpio archive in the "newc" format, the one that Linux takes as its initramfs: entry by
 * entry, from memory that anybody may have written. Pure: no allocation, nothing of the kernel.
 *
 * Several archives may follow each other, with zeros between and behind them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPIO_NAME_SIZE 4096 /* a name with its NUL */

struct cpio {
    const uint8_t *data;
    uint64_t size;
    uint64_t offset;   /* of what is read next; after an error, of what is wrong */
    unsigned entries;  /* begun so far, trailers included: after an error, the bad one's number */
    const char *error; /* what is wrong, in words; NULL while all is well */
    char name[CPIO_NAME_SIZE];
};

struct cpio_entry {
    const char *name; /* no leading slash, no "." or ".."; "" is the root. Until the next call */
    uint32_t ino, mode, uid, gid, nlink, mtime;
    uint32_t dev_major, dev_minor;   /* where it was; with ino, tells hard links */
    uint32_t rdev_major, rdev_minor; /* of a device node */
    const uint8_t *data;
    uint64_t size;
};

void cpio_open(struct cpio *cpio, const void *data, uint64_t size);

/* The next entry: true. False at the end and on an error, which @cpio->error tells apart. */
bool cpio_next(struct cpio *cpio, struct cpio_entry *entry);
