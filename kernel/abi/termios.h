/* The terminal's ioctl calls and settings. */
#pragma once

#include <stdint.h>

#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSETSW 0x5403
#define TCSETSF 0x5404
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414

/* iflag */
#define ICRNL 0000400
/* oflag */
#define OPOST 0000001
#define ONLCR 0000004
/* cflag */
#define B115200 0010002
#define CS8 0000060
#define CREAD 0000200
#define HUPCL 0002000
/* lflag */
#define ISIG 0000001
#define ICANON 0000002
#define ECHO 0000010
#define ECHOE 0000020
#define ECHOK 0000040
#define IEXTEN 0100000

/* Indices of cc. */
#define VINTR 0
#define VERASE 2
#define VKILL 3
#define VEOF 4
#define VMIN 6
#define NCCS 19

struct termios {
    uint32_t iflag;
    uint32_t oflag;
    uint32_t cflag;
    uint32_t lflag;
    uint8_t line;
    uint8_t cc[NCCS];
};

struct winsize {
    uint16_t rows;
    uint16_t columns;
    uint16_t width;
    uint16_t height;
};

_Static_assert(sizeof(struct termios) == 36, "the ABI's size");
_Static_assert(sizeof(struct winsize) == 8, "the ABI's size");
