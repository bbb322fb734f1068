/* The initramfs: the first files there are. */
#pragma once

/*
 * Fill the tree of files from the boot module and give its memory back; mount /proc and make the
 * device nodes. Prints `initramfs: ...` and powers off when the archive is damaged or too large.
 */
void initramfs_load(void);
