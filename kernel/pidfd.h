/* Open files that stand for processes. */
#pragma once

#include "kernel/process.h"

/* The process that @fd stands for, also one that has ended. -EBADF when it is no such file, -ESRCH when it is gone. */
long pidfd_process(int fd, struct process **process, bool *nonblocking);
