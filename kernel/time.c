/*
 * The time stamp counter, measured once against the interval timer, whose rate is known; and the battery-backed
 * clock, read once.
 */
#include "kernel/time.h"

#include <stdbool.h>

#include "kernel/log.h"
#include "kernel/x86.h"

#define PIT_HZ 1193182u
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_CHANNEL2_COUNT_DOWN 0xb0 /* channel 2, low then high byte, mode 0 */
#define PIT_CHANNEL2_LATCH 0x80
#define PIT_GATE 0x61

#define MEASURE_TICKS (PIT_HZ / 1000)
#define MEASURE_TRIES 100000

#define RTC_INDEX 0x70
#define RTC_DATA 0x71

static uint64_t tsc_start, tsc_hz;
static uint64_t ns_per_tick_32; /* nanoseconds of a tick, times 2^32 */
static uint64_t realtime_start;

static uint16_t pit_read(void)
{
    uint8_t low;

    outb(PIT_COMMAND, PIT_CHANNEL2_LATCH);
    low = inb(PIT_CHANNEL2);
    return (uint16_t)(inb(PIT_CHANNEL2) << 8 | low);
}

static void pit_start(void)
{
    outb(PIT_GATE, (inb(PIT_GATE) & ~2u) | 1); /* gate open, speaker off */
    outb(PIT_COMMAND, PIT_CHANNEL2_COUNT_DOWN);
    outb(PIT_CHANNEL2, 0xff);
    outb(PIT_CHANNEL2, 0xff);
}

/* Both clocks are read side by side at the start and at the end, so it does no harm to be late. */
static uint64_t measure_hz(void)
{
    uint64_t start, end;
    uint16_t first, now;

    pit_start();
    first = pit_read();
    start = rdtsc();
    for (int i = 0; i < MEASURE_TRIES; i++) {
        now = pit_read();
        end = rdtsc();
        if ((uint16_t)(first - now) >= MEASURE_TICKS)
            return (end - start) * PIT_HZ / (uint16_t)(first - now);
    }
    return 0;
}

static uint8_t rtc_read(uint8_t reg)
{
    outb(RTC_INDEX, reg);
    return inb(RTC_DATA);
}

/* The registers of date and time: second minute hour day month year, as they stand. */
static void rtc_read_date(uint8_t date[6])
{
    static const uint8_t regs[6] = {0, 2, 4, 7, 8, 9};

    for (int tries = 0; tries < MEASURE_TRIES && rtc_read(0x0a) & 0x80; tries++)
        cpu_pause(); /* it is being updated */
    for (int i = 0; i < 6; i++)
        date[i] = rtc_read(regs[i]);
}

static unsigned from_bcd(uint8_t value, bool bcd)
{
    return bcd ? (value >> 4) * 10u + (value & 15u) : value;
}

/* Days from 1970 to a date of the Gregorian calendar; years start in March here, so leap days come last. */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year;
    unsigned m = month <= 2 ? month + 9 : month - 3;

    return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static uint64_t rtc_seconds(void)
{
    uint8_t date[6];
    bool bcd = !(rtc_read(0x0b) & 4);
    bool half_day = !(rtc_read(0x0b) & 2);
    unsigned hour;
    uint64_t days;

    rtc_read_date(date);
    hour = from_bcd(date[2] & 0x7f, bcd);
    if (half_day)
        hour = hour % 12 + (date[2] & 0x80 ? 12 : 0);
    days = days_since_1970(2000 + from_bcd(date[5], bcd), from_bcd(date[4], bcd),
                           from_bcd(date[3], bcd));
    return ((days * 24 + hour) * 60 + from_bcd(date[1], bcd)) * 60 + from_bcd(date[0], bcd);
}

void time_init(void)
{
    tsc_start = rdtsc();
    tsc_hz = measure_hz();
    if (!tsc_hz) {
        tsc_hz = NS_PER_SEC;
        log_warn("time: the interval timer does not run; taking the processor's for 1 GHz");
    }
    ns_per_tick_32 = (NS_PER_SEC << 32) / tsc_hz;
    realtime_start = rtc_seconds() * NS_PER_SEC;
}

uint64_t time_monotonic_ns(void)
{
    return (uint64_t)((unsigned __int128)(rdtsc() - tsc_start) * ns_per_tick_32 >> 32);
}

uint64_t time_realtime_ns(void)
{
    return realtime_start + time_monotonic_ns();
}

uint64_t time_tsc_hz(void)
{
    return tsc_hz;
}
