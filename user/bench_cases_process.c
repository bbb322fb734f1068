/*
 * Processes that begin and end: with memory, with arguments, with mappings.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#define ARGUMENT KIB(64) /* the length of one */
#define ARGUMENTS_MAX 16

/* fork(), the child's exit, wait(); @bytes are touched and @others mapped. */
static void fork_and_wait(const char *name, uint64_t bytes, size_t others)
{
    struct samples s = {0};

    if (!wanted(name))
        return;
    others_map(others);
    if (bytes) {
        map_at(SOURCE, bytes);
        touch(SOURCE, bytes, PAGE);
    }
    for (int i = 0; i < 5; i++) {
        uint64_t start = ticks();
        long pid = call6(SYS_fork, 0, 0, 0, 0, 0, 0);

        if (!pid)
            call6(SYS_exit_group, 0, 0, 0, 0, 0, 0);
        if (pid < 0)
            tell_failure(name, "fork", pid);
        call6(SYS_wait4, pid, 0, 0, 0, 0, 0);
        samples_add(&s, start, ticks());
    }
    if (bytes)
        unmap(SOURCE, bytes);
    others_unmap(others);
    tell(name, &s, 1);
}

/* exit(0) and nothing else, as a program: what execve() costs, not a C library's start. */
#define TINY "/tiny"
#define TINY_BASE 0x400000

static bool tiny_make(void)
{
    static const uint8_t code[] = {0x6a, 60,   0x58, 0x31,
                                   0xff, 0x0f, 0x05}; /* push 60; pop rax; xor edi, edi; syscall */
    struct {
        Elf64_Ehdr head;
        Elf64_Phdr part;
        uint8_t code[sizeof(code)];
    } file = {
        .head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                 .e_type = ET_EXEC,
                 .e_machine = EM_X86_64,
                 .e_version = EV_CURRENT,
                 .e_entry = TINY_BASE + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
                 .e_phoff = sizeof(Elf64_Ehdr),
                 .e_ehsize = sizeof(Elf64_Ehdr),
                 .e_phentsize = sizeof(Elf64_Phdr),
                 .e_phnum = 1},
        .part = {.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_X,
                 .p_vaddr = TINY_BASE,
                 .p_filesz = sizeof(file),
                 .p_memsz = sizeof(file),
                 .p_align = PAGE},
    };
    int fd = open(TINY, O_CREAT | O_TRUNC | O_WRONLY, 0755);
    bool written;

    memcpy(file.code, code, sizeof(code));
    written = write(fd, &file, sizeof(file)) == sizeof(file);
    close(fd);
    return written;
}

/* vfork(), execve() of @arguments[0], which exits at once, wait(). */
static void exec_and_wait(const char *name, char **arguments)
{
    static char *environment[] = {NULL};
    struct samples s = {0};

    if (!wanted(name))
        return;
    for (int i = 0; i < 5; i++) {
        uint64_t start = ticks();
        pid_t pid = vfork();
        int status = -1;

        if (!pid) {
            execve(arguments[0], arguments, environment);
            _exit(1);
        }
        call6(SYS_wait4, pid, (long)&status, 0, 0, 0, 0);
        samples_add(&s, start, ticks());
        if (status)
            tell_failure(name, "execve", status);
    }
    tell(name, &s, 1);
}

/* The same with @bytes of arguments. */
static void exec_with(const char *name, uint64_t bytes)
{
    static char text[ARGUMENT];
    char *arguments[ARGUMENTS_MAX + 2] = {TINY};
    size_t count = bytes / ARGUMENT;

    memset(text, 'x', ARGUMENT - 1);
    for (size_t i = 0; i < count; i++)
        arguments[1 + i] = text;
    exec_and_wait(name, arguments);
}

void bench_processes(void)
{
    fork_and_wait("fork/nothing", 0, 0);
    fork_and_wait("fork/64M", MIB(64), 0);
    fork_and_wait("fork/1000-others", 0, 1000);
    fork_and_wait("fork/60000-others", 0, 60000);
    if (!tiny_make()) {
        tell_failure("exec", "write", 0);
        return;
    }
    exec_with("exec/no-arguments", 0);
    exec_with("exec/128K", KIB(128));
    exec_with("exec/1M", MIB(1));
    exec_and_wait("exec/with-C-library", (char *[]){"/bin/bench", "--exit", NULL});
    unlink(TINY);
}
