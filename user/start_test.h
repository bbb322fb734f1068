/* The parts of start_test. */
#pragma once

#include "suitelib.h"

extern const struct suite_table script_cases;

/* Is this program executed by way of a script of script_cases? Then what it finds is its exit status. */
bool script_started(int argc, char **argv);
int script_check(int argc, char **argv);
