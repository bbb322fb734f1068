/* Error numbers of the Linux x86-64 ABI. A call that fails returns one of them, negated. */
#pragma once

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define ETXTBSY 26
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EPIPE 32
#define ERANGE 34
#define ENAMETOOLONG 36
#define ENOSYS 38
#define ENOTEMPTY 39
#define ELOOP 40
#define EOVERFLOW 75
#define ELIBBAD 80
#define EOPNOTSUPP 95
#define EAFNOSUPPORT 97
#define EAFNOSUPPORT 97
#define ETIMEDOUT 110

/*
 * Of the kernel alone, never a program's to see: a call that a signal interrupted. With a handler it answers -EINTR, or
 * starts again where the handler was set with SA_RESTART; without one it starts again.
 */
#define ERESTARTSYS 512
#define ERESTARTNOHAND 514 /* the same, but any handler gives -EINTR */
#define ERESTART_RESTARTBLOCK                                                                      \
    516 /* as that, but what starts again is restart_syscall(2): thread->restart */
