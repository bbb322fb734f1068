/* 16550 serial ports at their usual places; what is written is polled. */
#include "kernel/serial.h"

#include "kernel/x86.h"

#define PORT 0x3f8
#define SECOND 0x2f8

/* Registers, by offset from the port. */
#define DATA 0
#define INTERRUPTS 1
#define DIVISOR_LOW 0
#define DIVISOR_HIGH 1
#define FIFO 2
#define LINE 3
#define MODEM 4
#define STATUS 5

#define LINE_8N1 0x03
#define LINE_DIVISOR 0x80
#define FIFO_ENABLE_CLEAR 0x07
#define MODEM_DTR_RTS 0x03
#define MODEM_INTERRUPTS 0x08 /* lead to the interrupt controller */
#define INTERRUPT_RECEIVED 0x01
#define STATUS_RECEIVED 0x01
#define STATUS_EMPTY 0x20 /* all that was written has left the FIFO */

#define FIFO_BYTES 16

static unsigned fifo_room, second_room; /* bytes that surely fit */
static bool line_start = true;

static void init_port(uint16_t port)
{
    outb(port + INTERRUPTS, 0);
    outb(port + LINE, LINE_DIVISOR);
    outb(port + DIVISOR_LOW, 1); /* 115200 baud */
    outb(port + DIVISOR_HIGH, 0);
    outb(port + LINE, LINE_8N1);
    outb(port + FIFO, FIFO_ENABLE_CLEAR);
    outb(port + MODEM, MODEM_DTR_RTS);
}

void serial_init(void)
{
    init_port(PORT);
    fifo_room = 0;
}

static void put_to(uint16_t port, unsigned *room, char c)
{
    if (*room == 0) {
        while (!(inb(port + STATUS) & STATUS_EMPTY))
            cpu_pause();
        *room = FIFO_BYTES;
    }
    outb(port + DATA, (uint8_t)c);
    (*room)--;
}

static void put(char c)
{
    put_to(PORT, &fifo_room, c);
}

bool serial_second_init(void)
{
    init_port(SECOND);
    second_room = 0;
    return inb(SECOND + STATUS) != 0xff; /* 0xff: no such port */
}

void serial_second_write(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put_to(SECOND, &second_room, data[i]);
}

void serial_write(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n')
            put('\r');
        put(data[i]);
        line_start = data[i] == '\n';
    }
}

bool serial_at_line_start(void)
{
    return line_start;
}

int serial_read(void)
{
    uint8_t status = inb(PORT + STATUS);

    if (status == 0xff || !(status & STATUS_RECEIVED)) /* 0xff: no such port */
        return -1;
    return inb(PORT + DATA);
}

void serial_interrupts_on(void)
{
    outb(PORT + MODEM, MODEM_DTR_RTS | MODEM_INTERRUPTS);
    outb(PORT + INTERRUPTS, INTERRUPT_RECEIVED);
}
