/* Calls about the system as a whole. */
#include "kernel/abi/errno.h"
#include "kernel/frames.h"
#include "kernel/power.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/string.h"
#include "kernel/syscall.h"
#include "kernel/system.h"
#include "kernel/time.h"
#include "kernel/uaccess.h"

struct utsname system_name = {
    .sysname = "Realign",
    .nodename = "realign",
    .release = "6.18.0-realign",
    .version = "#1",
    .machine = "x86_64",
    .domainname = "(none)",
};

SYSCALL1(uname, vaddr_t, out)
{
    return copy_to_user(out, &system_name, sizeof(system_name));
}

/* Put the @length bytes at @from into the field @name of system_name. */
static long set_name(char name[UTS_LENGTH], vaddr_t from, int length)
{
    char text[UTS_LENGTH] = "";

    if (length < 0 || length >= UTS_LENGTH)
        return -EINVAL;
    if (copy_from_user(text, from, (uint64_t)length))
        return -EFAULT;
    memcpy(name, text, sizeof(text));
    return 0;
}

SYSCALL2(sethostname, vaddr_t, from, int, length)
{
    return set_name(system_name.nodename, from, length);
}

SYSCALL2(setdomainname, vaddr_t, from, int, length)
{
    return set_name(system_name.domainname, from, length);
}

SYSCALL1(sysinfo, vaddr_t, out)
{
    struct sysinfo info = {
        .uptime = (int64_t)(time_monotonic_ns() / NS_PER_SEC),
        .totalram = frames_total_count() * PAGE_SIZE,
        .freeram = frames_free_count() * PAGE_SIZE,
        .procs = 1,
        .mem_unit = 1,
    };

    return copy_to_user(out, &info, sizeof(info));
}

SYSCALL3(getrandom, vaddr_t, buf, uint64_t, len, uint32_t, flags)
{
    uint8_t piece[256];
    uint64_t done = 0;

    if (flags & ~(uint32_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    len = min_u64(len, RW_MAX);
    if (!user_range_ok(buf, len))
        return -EFAULT;
    while (done < len) {
        uint64_t n = user_piece(buf + done, min_u64(len - done, sizeof(piece)));

        random_bytes(piece, n);
        if (copy_to_user(buf + done, piece, n))
            return done ? (long)done : -EFAULT;
        done += n;
    }
    return (long)done;
}

SYSCALL3(reboot, uint32_t, magic1, uint32_t, magic2, uint32_t, command)
{
    if (magic1 != REBOOT_MAGIC1)
        return -EINVAL;
    if (magic2 != REBOOT_MAGIC2 && magic2 != REBOOT_MAGIC2A && magic2 != REBOOT_MAGIC2B &&
        magic2 != REBOOT_MAGIC2C)
        return -EINVAL;
    switch (command) {
    case REBOOT_CAD_ON:
    case REBOOT_CAD_OFF:
        return 0;
    case REBOOT_HALT:
    case REBOOT_POWER_OFF:
    case REBOOT_RESTART: /* starting again would look like a crash to what watches us */
        power_off(0);
    default:
        return -EINVAL;
    }
}
