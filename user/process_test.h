/*
 * Inside of process_test: what its parts share.
 */
#pragma once

#include "suitelib.h"

extern const struct suite_table fork_cases, clone_cases, wait_cases, waitid_cases, group_cases,
    inherit_cases, exec_cases, time_cases;

/* Roles: what a program that the cases execute finds itself to be. */
int role_exit(int argc, char **argv);  /* STATUS: exit with it */
int role_sleep(int argc, char **argv); /* for ever */
int role_inherit(int argc,
                 char **argv); /* compare what execve() keeps with what the arguments say */
