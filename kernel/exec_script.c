/* "#!": a script is executed by the interpreter that its first line names. */
#include "kernel/abi/errno.h"
#include "kernel/exec.h"
#include "kernel/script.h"
#include "kernel/string.h"

/* The start of the program's file, padded with NULs. */
static long read_head(const struct exec *e, char head[SCRIPT_HEAD])
{
    struct object *object = e->program.object;

    memset(head, 0, SCRIPT_HEAD);
    return object_read(object, 0, head, min_u64(object_size(object), SCRIPT_HEAD));
}

/* Put the interpreter in the place of the script, which is called @name. */
static long follow(struct exec *e, const struct script *script, const char *name)
{
    struct exec_file file = {};
    long err = exec_insert_args(e, script->interpreter, script->argument, name);

    if (!err)
        err = exec_open(e, script->interpreter, &file);
    if (err) {
        exec_close(&file);
        return err;
    }
    exec_close(&e->program);
    e->program = file;
    return 0;
}

long exec_follow_scripts(struct exec *e)
{
    char heads[2][SCRIPT_HEAD]; /* in turns: the name of a script stands in the one before it */
    const char *name = e->name;

    for (unsigned files = 0; files < EXEC_FILES_MAX; files++) {
        char *head = heads[files % 2];
        struct script script;
        long err = read_head(e, head);

        if (err || !script_is(head))
            return err;
        err = script_parse(head, &script);
        if (!err && e->source->hidden)
            err = -ENOENT;
        if (!err)
            err = follow(e, &script, name);
        if (err)
            return err;
        name = script.interpreter;
    }
    return -ELOOP;
}
