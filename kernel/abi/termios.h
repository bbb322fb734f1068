/* The terminal's ioctl calls and settings. */
#pragma once

#include <stdint.h>

#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSETSW 0x5403
#define TCSETSF 0x5404
#define TCSBRK 0x5409
#define TCXONC 0x540a
#define TCFLSH 0x540b
#define TIOCSCTTY 0x540e
#define TIOCGPGRP 0x540f
#define TIOCSPGRP 0x5410
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define TIOCINQ 0x541b
#define TIOCNOTTY 0x5422
#define TIOCGSID 0x5429

/* What TCFLSH forgets: input, output, both. */
#define TCIFLUSH 0
#define TCOFLUSH 1
#define TCIOFLUSH 2

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
#define NOFLSH 0000200
#define TOSTOP 0000400
#define IEXTEN 0100000

/* Indices of cc. */
#define VINTR 0
#define VQUIT 1
#define VERASE 2
#define VKILL 3
#define VEOF 4
#define VTIME 5
#define VMIN 6
#define VSUSP 10
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
