/*
 * A sequence of steps as a C program for Linux: it can be compiled and run, and says where Linux answers otherwise than
 * mm/ did. Addresses that mm/ chose are given to Linux as fixed ones. What a program cannot do to itself (exec's stack,
 * limits of the whole process) is there as a comment.
 */
#pragma once

#include <stdio.h>

#include "tests/host/sim_duel.h"

void program_begin(FILE *out, const struct duel *d);
void program_step(FILE *out, const struct duel *d, const struct step *s);
void program_end(FILE *out);
