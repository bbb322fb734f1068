/* The parts of start_test. */
#pragma once

#include "suitelib.h"

extern const struct suite_table script_cases, at_cases;

/* Write @text of @size bytes to a file of its own that may be executed: the name of number @i, of at most 10. */
const char *write_program(size_t i, const char *text, size_t size);
void remove_programs(void);

/* A copy of this program, number @i of those above. */
const char *write_copy(size_t i);

/* Roles of copies of this program, see start_cases_at.c. */
int be_moved(int argc, char **argv);
int be_called(int argc, char **argv);
int be_busy(int argc, char **argv);

/* Is this program executed by way of a script of script_cases? Then what it finds is its exit status. */
bool script_started(int argc, char **argv);
int script_check(int argc, char **argv);
