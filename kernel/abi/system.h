/* What is asked of the system as a whole: uname, sysinfo, getrandom, reboot. */
#pragma once

#include <stdint.h>

#define UTS_LENGTH 65

struct utsname {
    char sysname[UTS_LENGTH];
    char nodename[UTS_LENGTH];
    char release[UTS_LENGTH];
    char version[UTS_LENGTH];
    char machine[UTS_LENGTH];
    char domainname[UTS_LENGTH];
};

struct sysinfo {
    int64_t uptime;
    uint64_t loads[3];
    uint64_t totalram;
    uint64_t freeram;
    uint64_t sharedram;
    uint64_t bufferram;
    uint64_t totalswap;
    uint64_t freeswap;
    uint16_t procs;
    uint16_t pad;
    uint64_t totalhigh;
    uint64_t freehigh;
    uint32_t mem_unit;
};

_Static_assert(sizeof(struct utsname) == 390, "the ABI's size");
_Static_assert(sizeof(struct sysinfo) == 112, "the ABI's size");

#define GRND_NONBLOCK 1
#define GRND_RANDOM 2
#define GRND_INSECURE 4

#define REBOOT_MAGIC1 0xfee1deadu
#define REBOOT_MAGIC2 672274793
#define REBOOT_MAGIC2A 85072278
#define REBOOT_MAGIC2B 369367448
#define REBOOT_MAGIC2C 537993216
#define REBOOT_RESTART 0x01234567
#define REBOOT_HALT 0xcdef0123u
#define REBOOT_CAD_ON 0x89abcdefu
#define REBOOT_CAD_OFF 0x00000000
#define REBOOT_POWER_OFF 0x4321fedc

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
