/* The initramfs: the first files there are. */
#pragma once

#include <stdint.h>

/*
 * Fill the tree of files from the boot module and give its memory back; mount /proc and make the
 * device nodes. Prints `initramfs: ...` and powers off when the archive is damaged or too large.
 * Returns how many frames the module had.
 */
uint64_t initramfs_load(void);

/* The end: no files any more. */
void initramfs_unload(void);
