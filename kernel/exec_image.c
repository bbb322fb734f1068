/* The files that a program is made of: found, read, checked by elf.c. */
#include "kernel/abi/errno.h"
#include "kernel/exec.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/slab.h"

/* Say in the log what is wrong with the program, or with its dynamic linker; returns the errno of it. */
static long refuse(const struct exec *e, const struct exec_file *file, const char *why)
{
    bool interp = file == &e->interp;

    log_info("exec: %s: %s%s", e->name, interp ? "dynamic linker: " : "", why);
    return interp ? -ELIBBAD : -ENOEXEC;
}

/* Read the program headers, all inside the file. */
static long read_table(struct exec_file *file)
{
    uint64_t size = file->image.phnum * sizeof(*file->table);

    file->table = kmalloc(size);
    if (!file->table)
        return -ENOMEM;
    return object_read(file->object, file->image.phoff, file->table, size);
}

static long read_headers(const struct exec *e, struct exec_file *file)
{
    uint64_t file_size = object_size(file->object);
    uint64_t size = min_u64(file_size, sizeof(file->header));
    struct elf_header head;
    const char *why;
    long err = object_read(file->object, 0, &head, size);

    if (err)
        return err;
    why = elf_check_header(&head, size, file_size, &file->header, &file->image);
    return why ? refuse(e, file, why) : read_table(file);
}

static long check_table(const struct exec *e, struct exec_file *file)
{
    const char *why = elf_check_table(&file->header, file->table, object_size(file->object),
                                      mm_config.mmap_min_addr, &file->image);

    return why ? refuse(e, file, why) : 0;
}

/* The name of the dynamic linker to e->page, which a path just fits into. */
static long read_interp_name(struct exec *e)
{
    struct exec_file *program = &e->program;
    uint64_t offset = program->image.interp_offset, size = program->image.interp_size;
    uint64_t file_size = object_size(program->object);
    long err;

    if (size > file_size || offset > file_size - size)
        return -EIO;
    err = object_read(program->object, offset, e->page, size);
    if (!err && e->page[size - 1])
        err = refuse(e, program, "the dynamic linker's name does not end");
    return err;
}

/* The dynamic linker: found, its headers read. */
static long read_interp(struct exec *e)
{
    long err = read_interp_name(e);

    if (!err)
        err = exec_open(e, e->page, &e->interp);
    if (!err && object_size(e->interp.object) < sizeof(struct elf_header))
        err = -EIO;
    return err ? err : read_headers(e, &e->interp);
}

/* In Linux's order, so that of several things wrong the same one counts. */
long exec_read_images(struct exec *e)
{
    struct exec_file *program = &e->program;
    long err = read_headers(e, program);
    const char *why = err ? NULL : elf_check_interp(program->table, &program->image);

    if (why)
        return refuse(e, program, why);
    if (!err && program->image.interp_size)
        err = read_interp(e);
    if (!err)
        err = check_table(e, program);
    if (!err && e->interp.file)
        err = check_table(e, &e->interp);
    if (err)
        return err;
    if (program->image.write_exec)
        log_info("exec: %s: has a segment that is writable and executable", e->name);
    if (program->image.exec_stack)
        log_info("exec: %s: asks for an executable stack and gets none", e->name);
    return 0;
}
