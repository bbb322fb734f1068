/* Helpers of the test programs. See test.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/host/test.h"

static size_t read_all(int fd, char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
        len += (size_t)n;
    buf[len] = '\0';
    return len;
}

void assert_dies(void (*body)(void), const char *words)
{
    static char output[65536];
    int pipe_fds[2];
    int status;
    pid_t child;

    assert_int_equal(pipe(pipe_fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(pipe_fds[1], STDERR_FILENO);
        close(pipe_fds[0]);
        body();
        _exit(0);
    }
    close(pipe_fds[1]);
    read_all(pipe_fds[0], output, sizeof(output));
    close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    check(!WIFEXITED(status) || WEXITSTATUS(status), "expected to die with: %s", words);
    check(strstr(output, words), "died with \"%s\", expected \"%s\"", output, words);
}

enum refusal refusal_since(const struct mm_stats *before)
{
    enum refusal found = REFUSAL_COUNT;
    uint64_t count = 0;

    for (unsigned why = 0; why < REFUSAL_COUNT; why++) {
        if (mm_stats.refused[why] == before->refused[why])
            continue;
        count += mm_stats.refused[why] - before->refused[why];
        found = (enum refusal)why;
    }
    return count == 1 ? found : REFUSAL_COUNT;
}

static uint64_t random_state = 88172645463325252ull;

void test_random_seed(uint64_t seed)
{
    random_state = 88172645463325252ull ^ seed * 0x9e3779b97f4a7c15ull;
}

uint32_t test_random(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % n);
}
