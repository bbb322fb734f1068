/* Inside of file_test: flock, and the locks of fcntl. */
#define _GNU_SOURCE
#include "file_test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

/* ---- flock ---- */

static int be_locker(void *arg)
{
    int fd = open("f", O_RDWR);

    close((int)(long)arg); /* else the lock would be ours too */
    board[0] = 1;
    if (flock(fd, LOCK_EX))
        return 1;
    board[1] = 1;
    return 0;
}

static void test_flock(void)
{
    pid_t child;
    int a, b, c;

    scene();
    make_file("f", "");
    a = must_open("f", O_RDONLY);
    b = must_open("f", O_RDWR);
    EXPECT(flock(a, LOCK_SH), 0);
    EXPECT(flock(b, LOCK_SH), 0);
    EXPECT(SYS(SYS_flock, a, LOCK_EX | LOCK_NB), -EAGAIN);
    EXPECT(flock(b, LOCK_UN), 0);
    EXPECT(flock(a, LOCK_EX | LOCK_NB), 0);
    EXPECT(SYS(SYS_flock, b, LOCK_SH | LOCK_NB), -EAGAIN);
    c = dup(a);
    close(a);
    EXPECT(SYS(SYS_flock, b, LOCK_SH | LOCK_NB), -EAGAIN);
    EXPECT(flock(c, LOCK_EX), 0);
    child = child_start(be_locker, (void *)(long)c);
    board_wait(0, 1);
    sleep_ms(10);
    EXPECT(board[1], 0);
    close(c);
    child_exits(child, 0);
    EXPECT(board[1], 1);
    EXPECT(flock(b, LOCK_EX | LOCK_NB), 0);
    EXPECT(SYS(SYS_flock, b, 3), -EINVAL);
    EXPECT(SYS(SYS_flock, 999, LOCK_SH), -EBADF);
    close(b);
}

/* ---- Record locks ---- */

static struct flock record(int type, long start, long len)
{
    return (struct flock){
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
}

static long lock(int fd, int command, int type, long start, long len)
{
    struct flock f = record(type, start, len);

    return SYS(SYS_fcntl, fd, command, &f);
}

/* What another process finds in the way of a write lock on all of "f": "start+len/type", or "". */
static int be_asker(void *expected)
{
    struct flock f = record(F_WRLCK, 0, 0);
    char seen[64] = "";
    int fd = open("f", O_RDWR);

    EXPECT(SYS(SYS_fcntl, fd, F_GETLK, &f), 0);
    if (f.l_type != F_UNLCK) {
        snprintf(seen, sizeof(seen), "%ld+%ld/%s", f.l_start, f.l_len,
                 f.l_type == F_RDLCK ? "r" : "w");
        EXPECT(f.l_pid, getppid());
    }
    CHECK(!strcmp(seen, expected), "in the way is \"%s\", not \"%s\"", seen, (char *)expected);
    return 0;
}

static void others_see(const char *expected)
{
    in_child(be_asker, (void *)expected);
}

static void test_record_locks(void)
{
    struct flock f = record(F_WRLCK, 0, 0);
    int fd, other;

    scene();
    make_file("f", "0123456789");
    fd = must_open("f", O_RDWR);
    others_see("");
    EXPECT(lock(fd, F_SETLK, F_WRLCK, 10, 10), 0);
    others_see("10+10/w");
    EXPECT(lock(fd, F_SETLK, F_WRLCK, 20, 5), 0);
    others_see("10+15/w");
    EXPECT(lock(fd, F_SETLK, F_UNLCK, 12, 20), 0);
    others_see("10+2/w");
    EXPECT(lock(fd, F_SETLK, F_WRLCK, 0, 100), 0);
    EXPECT(lock(fd, F_SETLK, F_UNLCK, 40, 10), 0);
    others_see("0+40/w");
    EXPECT(lock(fd, F_SETLK, F_UNLCK, 0, 40), 0);
    others_see("50+50/w");
    EXPECT(lock(fd, F_SETLK, F_RDLCK, 0, 0), 0);
    others_see("0+0/r");
    EXPECT(lock(fd, F_SETLK, F_UNLCK, 5, 0), 0);
    others_see("0+5/r");
    EXPECT(lock(fd, F_SETLK, F_WRLCK, 3, -2), 0);
    EXPECT(lock(fd, F_SETLK, F_UNLCK, 0, 1), 0);
    others_see("1+2/w");
    f.l_whence = SEEK_END;
    f.l_start = -4;
    f.l_len = 2;
    EXPECT(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    EXPECT(SYS(SYS_fcntl, fd, F_SETLK, &f), 0);
    others_see("6+2/w");
    other = must_open("f", O_RDONLY);
    EXPECT(lock(other, F_SETLK, F_WRLCK, 0, 1), -EBADF);
    close(other); /* whichever descriptor it is: all locks of the process go */
    others_see("");
    EXPECT(lock(fd, F_SETLK, 7, 0, 1), -EINVAL);
    EXPECT(lock(fd, F_GETLK, F_UNLCK, 0, 1), -EINVAL);
    EXPECT(lock(fd, F_SETLK, F_WRLCK, -1, 1), -EINVAL);
    EXPECT(lock(fd, F_SETLK, F_WRLCK, INT64_MAX, 2), -EOVERFLOW);
    EXPECT(SYS(SYS_fcntl, fd, F_SETLK, 16), -EFAULT);
    EXPECT(SYS(SYS_fcntl, 999, F_SETLK, &f), -EBADF);
    close(fd);
}

static int be_record_locker(void *arg)
{
    int fd = open("f", O_RDWR);

    EXPECT(lock(fd, F_SETLK, F_RDLCK, 0, 1), -EAGAIN);
    EXPECT(lock(fd, F_SETLK, F_WRLCK, 5, 1), 0);
    board[0] = 1;
    EXPECT(lock(fd, F_SETLKW, F_WRLCK, 0, 1), 0);
    board[1] = 1;
    return arg != NULL;
}

static void test_record_locks_wait(void)
{
    pid_t child;
    int fd;

    scene();
    make_file("f", "");
    fd = must_open("f", O_RDWR);
    EXPECT(lock(fd, F_SETLK, F_WRLCK, 0, 2), 0);
    child = child_start(be_record_locker, NULL);
    board_wait(0, 1);
    sleep_ms(10);
    EXPECT(board[1], 0);
    EXPECT(lock(fd, F_SETLK, F_UNLCK, 0, 1), 0);
    child_exits(child, 0);
    EXPECT(board[1], 1);
    EXPECT(lock(fd, F_SETLK, F_WRLCK, 0, 0), 0); /* the child's went with it */
    close(fd);
}

static void test_open_file_locks(void)
{
    struct flock f = record(F_RDLCK, 0, 0);
    int a, b, c;

    scene();
    make_file("f", "");
    a = must_open("f", O_RDWR);
    b = must_open("f", O_RDWR);
    c = dup(a);
    EXPECT(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
    EXPECT(lock(b, F_OFD_SETLK, F_WRLCK, 9, 1), -EAGAIN);
    EXPECT(lock(b, F_SETLK, F_WRLCK, 9, 1), -EAGAIN);
    EXPECT(lock(c, F_OFD_SETLK, F_RDLCK, 0, 10), 0);
    EXPECT(SYS(SYS_fcntl, b, F_OFD_GETLK, &f), 0);
    EXPECT(f.l_type, F_UNLCK);
    f = record(F_WRLCK, 0, 0);
    EXPECT(SYS(SYS_fcntl, b, F_OFD_GETLK, &f), 0);
    EXPECT(f.l_type, F_RDLCK);
    EXPECT(f.l_pid, -1);
    EXPECT(f.l_len, 10);
    EXPECT(SYS(SYS_fcntl, b, F_OFD_GETLK, &f), -EINVAL);
    close(a);
    EXPECT(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10), -EAGAIN);
    close(c);
    EXPECT(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
    close(b);
}

/* Has the lock for a while. */
static int have_for_a_while(void *arg)
{
    struct flock all = record(F_WRLCK, 0, 0);

    EXPECT(fcntl((int)(long)arg, F_SETLK, &all), 0);
    board_post(0);
    sleep_ms(100);
    return 0;
}

static void *wait_for_lock(void *arg)
{
    struct flock all = record(F_WRLCK, 0, 0);

    return (void *)SYS(SYS_fcntl, (int)(long)arg, F_SETLKW, &all);
}

/* The descriptor is closed while a thread waits for a lock: there is none to get any more. */
static void test_record_locks_closed(void)
{
    struct flock all = record(F_WRLCK, 0, 0);
    pthread_t thread;
    pid_t child;
    void *result;
    long fd, other;

    scene();
    make_file("f", "");
    fd = must_open("f", O_RDWR);
    child = child_start(have_for_a_while, (void *)fd);
    board_wait(0, 1);
    EXPECT(pthread_create(&thread, NULL, wait_for_lock, (void *)fd), 0);
    sleep_ms(30);
    close((int)fd);
    pthread_join(thread, &result);
    EXPECT((long)result, -EBADF);
    child_exits(child, 0);
    other = must_open("f", O_RDWR);
    EXPECT(fcntl((int)other, F_OFD_SETLK, &all), 0);
    close((int)other);
}

static const struct suite_case cases[] = {
    {"flock", test_flock},
    {"record locks", test_record_locks},
    {"record locks: F_SETLKW", test_record_locks_wait},
    {"record locks of open files", test_open_file_locks},
    {"record locks: closed while one waits", test_record_locks_closed},
};
CASES(lock_cases, cases);
