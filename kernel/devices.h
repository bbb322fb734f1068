/* Character devices, by number, as device nodes name them. */
#pragma once

#include "kernel/inode.h"

#define DEVICE_NULL MAKEDEV(1, 3)
#define DEVICE_ZERO MAKEDEV(1, 5)
#define DEVICE_FULL MAKEDEV(1, 7)
#define DEVICE_RANDOM MAKEDEV(1, 8)
#define DEVICE_URANDOM MAKEDEV(1, 9)
#define DEVICE_SERIAL MAKEDEV(4, 64) /* ttyS0 */
#define DEVICE_TTY MAKEDEV(5, 0)
#define DEVICE_CONSOLE MAKEDEV(5, 1)

/* A node for device @rdev; opening it is -ENXIO when there is none. NULL when memory is out. */
[[nodiscard]] struct inode *device_inode(uint32_t mode, uint64_t rdev);

/* The console's, in console.c. */
extern const struct file_ops console_ops;
