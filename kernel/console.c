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

/* @c was typed, which asks for @sig: what was typed before it is forgotten. */
static void interrupt_job(int sig, uint8_t c)
{
    char text[] = {'^', (char)(c ^ 0x40), '\n'};

    if (!local(NOFLSH))
        console.length = console.ready = 0;
    echo(text, sizeof(text));
    console_signal(sig);
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
        interrupt_job(sig, c);
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
    long err = console_check(SIGTTIN);

    (void)pos;
    if (err || io->left == 0)
        return err;
    console_interrupt();
    while (!console.ready) {
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
    long err = local(TOSTOP) ? console_check(SIGTTOU) : 0;

    (void)file, (void)pos;
    if (err)
        return err;
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
    long err = console_check(SIGTTOU);

    if (err)
        return err;
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
    if (memcmp(&size, &console.size, sizeof(size)) != 0) {
        console.size = size;
        console_resized();
    }
    return 0;
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
    case TIOCINQ:
        return count_ready(arg);
    case TCFLSH:
        return flush(arg);
    case TCSBRK:
    case TCXONC:
        return 0;
    default:
        return console_session_ioctl(request, arg);
    }
}

const struct file_ops console_ops = {
    .open = console_open,
    .read = console_read,
    .write = console_write,
    .ioctl = console_ioctl,
    .poll = console_poll,
};
