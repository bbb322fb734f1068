/*
 * Lookup of a path: name by name, from a directory down. A symbolic link on the way puts its target
 * in front of the names that are left, so that there is no recursion.
 */
#include "kernel/abi/errno.h"
#include "kernel/inode.h"
#include "kernel/slab.h"
#include "kernel/string.h"

struct walk {
    struct path *path; /* where we are; path->inode is what the names so far lead to */
    const char *rest;  /* the names left: in the caller's string, or in buf */
    char *buf;         /* PATH_MAX bytes once a link was followed, else NULL */
    unsigned links;    /* followed so far */
    unsigned flags;    /* PATH_ */
};

/* Go on in the directory @dir, whose reference is taken over; it has no name of its own any more. */
static void walk_enter(struct walk *w, struct inode *dir, enum path_end end)
{
    inode_put(w->path->dir);
    inode_put(w->path->inode);
    w->path->dir = inode_get(dir);
    w->path->inode = dir;
    w->path->name[0] = '\0';
    w->path->end = end;
}

/* Is what is left of the path a name that was taken already, and slashes? */
static bool walk_ends(const struct walk *w)
{
    const char *rest = w->rest;

    while (*rest == '/')
        rest++;
    return !*rest;
}

/* Split the next name off. False when there is none; it may also be too long for path->name. */
static bool walk_name(struct walk *w, size_t *length)
{
    const char *end;

    while (*w->rest == '/')
        w->rest++;
    end = strchr(w->rest, '/');
    *length = end ? (size_t)(end - w->rest) : strlen(w->rest);
    return *length > 0;
}

/*
 * Put the target of @link in front of the rest. An absolute one starts again at the root, any other
 * in the directory that we are in.
 */
static long walk_link(struct walk *w, struct inode *link)
{
    size_t left = strlen(w->rest) + 1;
    char *buf;
    long n;

    if (++w->links > SYMLINKS_MAX)
        return -ELOOP;
    buf = kmalloc_buffer(PATH_MAX);
    if (!buf)
        return -ENOMEM;
    n = link->ops->readlink(link, buf, PATH_MAX);
    if (n <= 0 || left > PATH_MAX - (size_t)n) {
        kfree(buf, PATH_MAX);
        return n < 0 ? n : n == 0 ? -ENOENT : -ENAMETOOLONG;
    }
    memcpy(buf + n, w->rest, left);
    kfree(w->buf, PATH_MAX);
    w->buf = buf;
    w->rest = buf;
    if (buf[0] == '/')
        walk_enter(w, inode_get(inode_root), PATH_ROOT);
    return 0;
}

/* Go on where @link leads, which may lie in no directory that is known. */
static long walk_jump(struct walk *w, struct inode *link)
{
    struct path to = {.end = PATH_DOT};
    long err = ++w->links > SYMLINKS_MAX ? -ELOOP : link->ops->jump(link, &to);

    if (err)
        return err;
    path_put(w->path);
    *w->path = to;
    return 0;
}

/* Take the step from the directory we are in to @next, which has @name there. */
static void walk_down(struct walk *w, const char *name, struct inode *next)
{
    inode_put(w->path->dir);
    w->path->dir = w->path->inode;
    w->path->inode = next;
    strlcpy(w->path->name, name, sizeof(w->path->name));
    w->path->end = PATH_NAME;
}

/* Is the link that was found followed? Where names come behind it, and where slashes do, mostly. */
static bool walk_follows(const struct walk *w)
{
    if (!walk_ends(w))
        return true;
    return *w->rest ? !(w->flags & PATH_ENTRY) : w->flags & PATH_FOLLOW;
}

/* Take the step to the name of @length at the start of the rest. */
static long walk_step(struct walk *w, size_t length)
{
    struct inode *dir = w->path->inode, *next = NULL;
    char name[NAME_MAX + 1];
    long err;

    if (!S_ISDIR(dir->mode))
        return -ENOTDIR;
    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, w->rest, length);
    name[length] = '\0';
    w->rest += length;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        walk_enter(w, inode_get(name[1] ? dir->parent : dir), name[1] ? PATH_DOTDOT : PATH_DOT);
        return 0;
    }
    err = dir->ops->lookup(dir, name, &next);
    if (err && !(err == -ENOENT && walk_ends(w) && (w->flags & (PATH_CREATE | PATH_ENTRY))))
        return err;
    if (!next || !S_ISLNK(next->mode) || !walk_follows(w)) {
        walk_down(w, name, next);
        return 0;
    }
    err = next->ops->jump ? walk_jump(w, next) : walk_link(w, next);
    inode_put(next);
    return err;
}

/* The path ends in a slash: what it leads to must be a directory, and that cannot be created. */
static long check_slash(const struct path *path, unsigned flags)
{
    if ((flags & PATH_CREATE) && path->name[0])
        return -EISDIR;
    return path->inode && S_ISDIR(path->inode->mode) ? 0 : -ENOTDIR;
}

long path_lookup(struct inode *start, const char *name, unsigned flags, struct path *path)
{
    struct walk w = {.path = path, .rest = name, .flags = flags};
    size_t length;
    long err = 0;

    if (!*name)
        return -ENOENT;
    path->dir = NULL;
    path->inode = NULL;
    walk_enter(&w, inode_get(*name == '/' ? inode_root : start), PATH_ROOT);
    while (!err && walk_name(&w, &length))
        err = walk_step(&w, length);
    path->slash = !err && w.rest[-1] == '/';
    if (path->slash && !(flags & PATH_ENTRY))
        err = check_slash(path, flags);
    kfree(w.buf, PATH_MAX);
    if (err)
        path_put(path);
    return err;
}

void path_put(struct path *path)
{
    inode_put(path->inode);
    inode_put(path->dir);
    path->inode = NULL;
    path->dir = NULL;
}

/* Put a slash and @name in front of @at, down to @buf at most; NULL when they do not fit. */
static char *prepend(char *at, const char *buf, const char *name)
{
    size_t length = strlen(name);

    if (length + 1 > (size_t)(at - buf))
        return NULL;
    at -= length;
    memcpy(at, name, length);
    *--at = '/';
    return at;
}

/* What @dir is called in its parent, by way of @number for /proc/PID; NULL when it has no name. */
static const char *name_of(const struct inode *dir, char number[16])
{
    return dir->ops->own_name ? dir->ops->own_name(dir, number) : ramfs_name_of(dir);
}

long path_name(const struct inode *dir, const char *name, char *buf, size_t size)
{
    char *at = buf + size - 1;
    char number[16];
    size_t length;

    if (!dir)
        return -ENOENT;
    *at = '\0';
    if (*name)
        at = prepend(at, buf, name);
    for (; at && dir != inode_root; dir = dir->parent) {
        const char *own = name_of(dir, number);

        if (!own)
            return -ENOENT;
        at = prepend(at, buf, own);
    }
    if (at && !*at)
        at = prepend(at, buf, "");
    if (!at)
        return -ENAMETOOLONG;
    length = strlen(at);
    memmove(buf, at, length + 1);
    return (long)length;
}
