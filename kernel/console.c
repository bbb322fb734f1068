/*
 * The console: the serial port as a terminal. In canonical mode a line can be edited until Enter;
 * else bytes are handed on as they come.
 *
 * Lock: none yet; one CPU, and one process that reads.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/termios.h"
#include "kernel/devices.h"
#include "kernel/file.h"
#include "kernel/process.h"
#include "kernel/serial.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"

#define LINE_SIZE 4096
#define CTRL(letter) (0x1f & (letter))

static struct {
    struct termios termios;
    struct winsize size;
    char line[LINE_SIZE];
    size_t length; /* of the line that was typed, newline included */
    size_t given;  /* of it, to readers */
} console = {
    .termios =
        {
            .iflag = ICRNL,
            .oflag = OPOST | ONLCR,
            .cflag = B115200 | CS8 | CREAD | HUPCL,
            .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | IEXTEN,
            .cc = {[VINTR] = CTRL('C'),
                   [VERASE] = 0x7f,
                   [VKILL] = CTRL('U'),
                   [VEOF] = CTRL('D'),
                   [VMIN] = 1},
        },
    .size = {.rows = 24, .columns = 80},
};

static bool local(uint32_t flag)
{
    return console.termios.lflag & flag;
}

static void echo(const char *text, size_t length)
{
    if (local(ECHO))
        serial_write(text, length);
}

static void erase(void)
{
    if (console.length == 0)
        return;
    console.length--;
    echo("\b \b", 3);
}

static void append(char c)
{
    if (console.length == LINE_SIZE - 1 && c != '\n')
        return;
    console.line[console.length++] = c;
    echo(&c, 1);
}

/* Take one typed byte into the line. True when the line is complete. */
static bool edit(uint8_t c)
{
    const uint8_t *cc = console.termios.cc;

    if (c == '\r' && (console.termios.iflag & ICRNL))
        c = '\n';
    if (local(ISIG) && c == cc[VINTR]) {
        console.length = 0;
        echo("^C\n", 3);
        signal_send(process_current(), SIGINT, "^C on the console");
    } else if (c == cc[VERASE] || c == '\b') {
        erase();
    } else if (c == cc[VKILL]) {
        while (console.length)
            erase();
    } else if (c == cc[VEOF]) {
        return true;
    } else {
        append((char)c);
    }
    return c == '\n';
}

/* Hand out what is left of the line. */
static long give(struct io *io)
{
    uint64_t left = console.length - console.given;

    console.given += io_put(io, console.line + console.given, left);
    return io_result(io, left ? -EFAULT : 0);
}

/* Without line editing: wait for a byte, then take what else is there and has room. */
static void fill_raw(void)
{
    int c = serial_read_wait();

    while (c >= 0) {
        char byte = (char)c;

        console.line[console.length++] = byte;
        echo(&byte, 1);
        c = console.length < LINE_SIZE ? serial_read() : -1;
    }
}

/* Wait for a line. 0, or -EINTR when a signal that was typed is the end of the process. */
static long fill_line(void)
{
    while (!edit(serial_read_wait()))
        if (signal_fatal(process_current()))
            return -EINTR;
    return 0;
}

static long console_read(struct file *file, struct io *io, uint64_t pos)
{
    long err = 0;

    (void)file, (void)pos;
    if (io->left == 0)
        return 0;
    if (console.given == console.length) {
        console.given = 0;
        console.length = 0;
        if (local(ICANON))
            err = fill_line();
        else
            fill_raw();
    }
    return err ? err : give(io);
}

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

static long set_termios(vaddr_t arg)
{
    struct termios termios;

    if (copy_from_user(&termios, arg, sizeof(termios)))
        return -EFAULT;
    console.termios = termios;
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

static long console_ioctl(struct file *file, uint32_t request, vaddr_t arg)
{
    (void)file;
    switch (request) {
    case TCGETS:
        return copy_to_user(arg, &console.termios, sizeof(console.termios));
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_termios(arg);
    case TIOCGWINSZ:
        return copy_to_user(arg, &console.size, sizeof(console.size));
    case TIOCSWINSZ:
        return set_size(arg);
    default:
        return -ENOTTY;
    }
}

const struct file_ops console_ops = {
    .read = console_read,
    .write = console_write,
    .ioctl = console_ioctl,
};
