/*
 * Open files, and the table of them that a process has.
 *
 * Lock: none yet; one CPU, and nothing sleeps while a table is changed.
 */
#pragma once

#include "kernel/inode.h"
#include "kernel/io.h"

struct file;

/* What lseek and pread find. */
enum file_seek {
    SEEK_NONE,   /* bytes come and go: -ESPIPE */
    SEEK_ANY,    /* any position */
    SEEK_NOWHERE /* no bytes to be at: every seek ends at 0 */
};

/*
 * What mmap asks of a file. The object is the file's and lives as long as it; NULL with @flags
 * changed to say how to do without.
 */
struct file_mapping {
    uint32_t prot;
    uint32_t flags;
    bool may_write; /* as the file was opened; or not, after all */
    struct object *object;
};

/*
 * What can be done with an open file. A NULL member cannot be done, with the errno said. Read and
 * write return how many bytes went over, or an errno when it was none at all: io_result().
 */
struct file_ops {
    enum file_seek seek;
    bool endless;                    /* nobody knows where it ends: SEEK_END is -EINVAL */
    long (*open)(struct file *file); /* before anybody has it; an errno is the end of it */
    long (*read)(struct file *file, struct io *io, uint64_t pos);    /* -EINVAL */
    long (*write)(struct file *file, struct io *io, uint64_t pos);   /* -EINVAL */
    long (*ioctl)(struct file *file, uint32_t request, vaddr_t arg); /* -ENOTTY */
    /* What would not block now, of POLL; who changes that calls file_changed(). All would not. */
    uint32_t (*poll)(struct file *file);
    long (*map)(struct file *file, struct file_mapping *mapping); /* -ENODEV */
    void (*release)(struct file *file); /* the last reference is gone; nothing to do */
};

struct file {
    const struct file_ops *ops;
    uint32_t refs;
    uint32_t flags; /* O_ACCMODE and the flags that F_GETFL shows */
    uint64_t pos;
    struct inode *inode;
    struct dirent *entry; /* the name it was opened by, with a reference; NULL when it has none */
    void *data;           /* of the ops' own */
    uint32_t lock;        /* what flock() gave it: LOCK_SH, LOCK_EX, or 0 */
    int32_t claim;        /* its part of inode->claims */
};

/* Some file is ready for more, or less, than before: who polls looks again. */
void file_changed(void);

/* A directory's: reading it is -EISDIR. */
extern const struct file_ops file_directory_ops;

/* Open @inode; with O_PATH, nothing can be done with it. -ENXIO when it is nothing that can be opened, -ENOMEM. */
[[nodiscard]] long file_open(struct inode *inode, uint32_t flags, struct file **file);

/* @file was opened by way of @path: it remembers by which name. */
void file_remember(struct file *file, const struct path *path);
struct file *file_get(struct file *file);
void file_put(struct file *file);

/*
 * A regular file that is executed cannot be opened for writing by its name, and the other way round:
 * until @file is closed it counts as one of the two. -ETXTBSY.
 */
[[nodiscard]] long file_claim_write(struct file *file);
[[nodiscard]] long file_claim_execute(struct file *file);

/* Give up what flock() gave it. */
void file_unlock(struct file *file);

/* The access mode 3 gives neither right. */
static inline bool file_readable(const struct file *file)
{
    return (file->flags & O_ACCMODE) == O_RDONLY || (file->flags & O_ACCMODE) == O_RDWR;
}

static inline bool file_writable(const struct file *file)
{
    return (file->flags & O_ACCMODE) == O_WRONLY || (file->flags & O_ACCMODE) == O_RDWR;
}

/* ---- Descriptors ---- */

struct descriptor {
    struct file *file; /* NULL: free */
    bool cloexec;
};

/* Shared by all that were cloned with CLONE_FILES. */
struct files {
    uint32_t refs;
    uint32_t size; /* of the table */
    struct descriptor *table;
};

/* An empty table; NULL when memory is out. */
[[nodiscard]] struct files *files_create(void);

/* fork: a table of the same open files, each shared with @files; NULL when memory is out. */
[[nodiscard]] struct files *files_copy(const struct files *files);

/* Have a table of one's own in place of one that is shared with others. 0 or -ENOMEM. */
[[nodiscard]] long files_unshare(struct files **files);
struct files *files_get(struct files *files);
void files_put(struct files *files);

/* The file behind @fd with a reference, for file_put(); NULL when there is none, or with O_PATH. */
struct file *files_lookup(struct files *files, int fd);

/* The same, also with O_PATH. */
struct file *files_lookup_path(struct files *files, int fd);

/* The descriptor @fd, NULL when it is free. */
struct descriptor *files_descriptor(struct files *files, int fd);

/*
 * Put @file behind the lowest free descriptor from @lowest up and below @limit; the table takes the
 * reference over when that succeeds. The descriptor, or -EMFILE, -ENOMEM.
 */
[[nodiscard]] long files_add(struct files *files, struct file *file, uint32_t lowest,
                             uint64_t limit, bool cloexec);

/* Whether files_add() would succeed now with any descriptor. 0, -EMFILE, -ENOMEM. */
[[nodiscard]] long files_room(struct files *files, uint64_t limit);

/*
 * Put @file behind the lowest free descriptor of the running process, with O_CLOEXEC of @flags. The
 * reference is taken over, and given back when that fails. The descriptor, or -EMFILE, -ENOMEM.
 */
[[nodiscard]] long file_install(struct file *file, uint32_t flags);

/* The same for descriptor @fd itself, which lies below the limit and is closed first. -ENOMEM. */
[[nodiscard]] long files_set(struct files *files, uint32_t fd, struct file *file, bool cloexec);

/* 0 or -EBADF. */
long files_close(struct files *files, int fd);

/* exec: close what is marked so. */
void files_close_on_exec(struct files *files);
