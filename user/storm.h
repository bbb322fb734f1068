/* Inside of storm: what its parts share. */
#pragma once

#include "suitelib.h"

extern uint64_t arena;
#define ARENA GIB(512)

/* A number below @n. */
uint64_t chance(uint64_t n);
uint64_t random_length(void);
uint64_t random_address(void);

/* Read or write a byte at @at, whatever is there. */
void touch(uint64_t at, bool write);

/* One call with arguments at random. */
void storm_call(void);

/* What calls on files work on. */
void storm_files_open(void);

/* A child that storms too, waited for. */
void storm_fork(void);
