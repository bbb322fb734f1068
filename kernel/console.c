/*
 * The console: the serial port as a terminal. In canonical mode a line can be edited until Enter; else bytes are handed
 * on as they come.
 *
 * What is typed comes by interrupt, in user mode or while nothing runs, and stands in one buffer: first what readers
 * may have, then the line that is still being edited.
 *
 * Lock: none; the kernel takes no interrupts but where it waits for one.
 */
#include "kernel/console.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/termios.h"
#include "kernel/devices.h"
#include "kernel/file.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/serial.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

#define INPUT_SIZE 4096
#define CTRL(letter) (0x1f & (letter))
#define END_OF_FILE 0x100 /* in the buffer: what ^D stands for; no byte */

static struct {
    struct termios termios;
    struct winsize size;
    int sid;  /* of the session that has it, 0: none */
    int pgid; /* of the group in the foreground, 0: none */
    uint16_t input[INPUT_SIZE];
    size_t ready;  /* of the input, for readers */
    size_t length; /* of the input, with the line that is edited */
} console = {
    .termios =
        {
            .iflag = ICRNL,
            .oflag = OPOST | ONLCR,
            .cflag = B115200 | CS8 | CREAD | HUPCL,
            .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | IEXTEN,
            .cc = {[VINTR] = CTRL('C'),
                   [VQUIT] = CTRL('\\'),
                   [VERASE] = 0x7f,
                   [VKILL] = CTRL('U'),
                   [VEOF] = CTRL('D'),
                   [VSUSP] = CTRL('Z'),
                   [VMIN] = 1},
        },
    .size = {.rows = 24, .columns = 80},
};

static bool local(uint32_t flag)
{
    return console.termios.lflag & flag;
}

/* ---- Typing ---- */

static void echo(const char *text, size_t length)
{
    if (local(ECHO))
        serial_write(text, length);
}

static void erase(void)
{
    if (console.length == console.ready)
        return;
    console.length--;
    echo("\b \b", 3);
}

/* The last place is for what ends a line. */
static void append(uint16_t c)
{
    char byte = (char)c;

    if (console.length == INPUT_SIZE ||
        (console.length == INPUT_SIZE - 1 && c != '\n' && local(ICANON)))
        return;
    console.input[console.length++] = c;
    if (c != END_OF_FILE)
        echo(&byte, 1);
}

/* The signal that @c asks for, or 0. */
static int typed_signal(uint8_t c)
{
    const uint8_t *cc = console.termios.cc;

    if (!local(ISIG) || !c)
        return 0;
    if (c == cc[VINTR])
        return SIGINT;
    if (c == cc[VQUIT])
        return SIGQUIT;
    return c == cc[VSUSP] ? SIGTSTP : 0;
}

/* To all in the foreground; where no session has the console, to init. */
static void send_foreground(int sig, uint8_t c)
{
    char text[] = {'^', (char)(c ^ 0x40), '\n'};
    struct process *next;

    console.length = console.ready = 0;
    echo(text, sizeof(text));
    for (struct process *p = process_all; p; p = next) {
        next = p->next;
        if (console.pgid ? p->pgid == console.pgid : p->pid == INIT_PID)
            signal_send(p, sig, "typed on the console");
    }
}

/* A byte of a line that is edited. */
static void edit(uint8_t c)
{
    const uint8_t *cc = console.termios.cc;

    if (c == cc[VERASE] || c == '\b') {
        erase();
    } else if (c == cc[VKILL]) {
        while (console.length > console.ready)
            erase();
    } else if (c == cc[VEOF]) {
        append(END_OF_FILE);
        console.ready = console.length;
    } else {
        append(c);
        if (c == '\n')
            console.ready = console.length;
    }
}

static void typed(uint8_t c)
{
    int sig = typed_signal(c);

    if (c == '\r' && (console.termios.iflag & ICRNL))
        c = '\n';
    if (sig) {
        send_foreground(sig, c);
    } else if (local(ICANON)) {
        edit(c);
    } else {
        append(c);
        console.ready = console.length;
    }
}

void console_interrupts_on(void)
{
    serial_interrupts_on();
}

void console_interrupt(void)
{
    int c;

    while ((c = serial_read()) >= 0)
        typed((uint8_t)c);
    if (console.ready) {
        sched_wake(&console);
        file_changed();
    }
}

/* ---- Reading ---- */

/* The first @n of the input are gone. */
static void consume(size_t n)
{
    console.length -= n;
    console.ready -= n;
    memmove(console.input, console.input + n, console.length * sizeof(console.input[0]));
}

/* Hand out what is ready, and of lines at most one. */
static long give(struct io *io)
{
    size_t n = 0;
    bool end = false;

    while (io->left && n < console.ready && console.input[n] != END_OF_FILE && !end) {
        char c = (char)console.input[n];

        if (!io_put(io, &c, 1))
            return io_result(io, -EFAULT);
        n++;
        end = local(ICANON) && c == '\n';
    }
    consume(n);
    if (!end && console.ready && console.input[0] == END_OF_FILE)
        consume(1);
    return (long)io->done;
}

/* How long a reader waits for a byte, by VMIN and VTIME (tenths of a second) where lines are not edited. */
static uint64_t patience(void)
{
    const uint8_t *cc = console.termios.cc;

    if (local(ICANON) || cc[VMIN])
        return SCHED_FOREVER;
    return cc[VTIME] ? time_monotonic_ns() + cc[VTIME] * (NS_PER_SEC / 10) : 0;
}

static long console_read(struct file *file, struct io *io, uint64_t pos)
{
    uint64_t deadline = patience();

    (void)pos;
    if (io->left == 0)
        return 0;
    console_interrupt();
    while (!console.ready) {
        long err;

        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        err = sched_sleep(&console, deadline);
        if (err == -ETIMEDOUT)
            return 0;
        if (err)
            return -ERESTARTSYS;
    }
    return give(io);
}

static uint32_t console_poll(struct file *file)
{
    (void)file;
    console_interrupt();
    return (console.ready ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM;
}

/* ---- Writing ---- */

static long console_write(struct file *file, struct io *io, uint64_t pos)
{
    char piece[256];

    (void)file, (void)pos;
    while (io->left) {
        uint64_t n = io_get(io, piece, sizeof(piece));

        if (!n)
            return io_result(io, -EFAULT);
        serial_write(piece, n);
    }
    return (long)io->done;
}

/* ---- Settings ---- */

/* What was typed as a line becomes bytes when lines are not edited any more. */
static long set_termios(vaddr_t arg, bool flush)
{
    struct termios termios;

    if (copy_from_user(&termios, arg, sizeof(termios)))
        return -EFAULT;
    console.termios = termios;
    if (flush)
        console.ready = console.length = 0;
    if (!local(ICANON))
        console.ready = console.length;
    return 0;
}

static long set_size(vaddr_t arg)
{
    struct winsize size;

    if (copy_from_user(&size, arg, sizeof(size)))
        return -EFAULT;
    console.size = size;
    return 0;
}

void console_left(int sid)
{
    if (console.sid != sid)
        return;
    console.sid = 0;
    console.pgid = 0;
}

/* The session of the caller, whose leader it is, takes the console. */
static long take_console(void)
{
    const struct process *self = process_current();

    if (self->sid != self->pid || (console.sid && console.sid != self->sid))
        return -EPERM;
    console.sid = self->sid;
    console.pgid = self->pgid;
    return 0;
}

static long give_console_up(void)
{
    const struct process *self = process_current();

    if (console.sid != self->sid)
        return -ENOTTY;
    if (self->sid == self->pid)
        console_left(self->sid);
    return 0;
}

static long get_number(int number, vaddr_t arg)
{
    if (console.sid != process_current()->sid)
        return -ENOTTY;
    return copy_to_user(arg, &number, sizeof(number));
}

static long set_foreground(vaddr_t arg)
{
    int pgid;

    if (copy_from_user(&pgid, arg, sizeof(pgid)))
        return -EFAULT;
    if (console.sid != process_current()->sid)
        return -ENOTTY;
    if (pgid < 0)
        return -EINVAL;
    for (const struct process *p = process_all; p; p = p->next)
        if (p->pgid == pgid) {
            if (p->sid != console.sid)
                return -EPERM;
            console.pgid = pgid;
            return 0;
        }
    return -ESRCH;
}

static long count_ready(vaddr_t arg)
{
    int ready = (int)console.ready;

    return copy_to_user(arg, &ready, sizeof(ready));
}

static long flush(uint64_t queue)
{
    if (queue != TCOFLUSH)
        console.ready = console.length = 0;
    return queue > TCIOFLUSH ? -EINVAL : 0;
}

static long console_ioctl(struct file *file, uint32_t request, vaddr_t arg)
{
    (void)file;
    switch (request) {
    case TCGETS:
        return copy_to_user(arg, &console.termios, sizeof(console.termios));
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_termios(arg, request == TCSETSF);
    case TIOCGWINSZ:
        return copy_to_user(arg, &console.size, sizeof(console.size));
    case TIOCSWINSZ:
        return set_size(arg);
    case TIOCSCTTY:
        return take_console();
    case TIOCNOTTY:
        return give_console_up();
    case TIOCGPGRP:
        return get_number(console.pgid, arg);
    case TIOCGSID:
        return get_number(console.sid, arg);
    case TIOCSPGRP:
        return set_foreground(arg);
    case TIOCINQ:
        return count_ready(arg);
    case TCFLSH:
        return flush(arg);
    case TCSBRK:
    case TCXONC:
        return 0;
    default:
        return -ENOTTY;
    }
}

const struct file_ops console_ops = {
    .read = console_read,
    .write = console_write,
    .ioctl = console_ioctl,
    .poll = console_poll,
};
