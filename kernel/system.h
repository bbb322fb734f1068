/* The system as a whole. */
#pragma once

#include "kernel/abi/system.h"

/* What uname says; /proc/sys/kernel/hostname changes the name of the node. */
extern struct utsname system_name;
