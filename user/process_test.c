/*
 * process_test: processes as a C library and a shell use them: fork, vfork, clone, exec, wait, groups, sleeping and
 * sharing one processor.
 *
 * usage: process_test [NAME]: the cases whose names contain NAME.
 */
#include "process_test.h"

static const struct suite_table *const tables[] = {&fork_cases,   &clone_cases, &wait_cases,
                                                   &waitid_cases, &group_cases, &inherit_cases,
                                                   &exec_cases,   &time_cases,  NULL};

static const struct suite_role roles[] = {
    {"exit", role_exit},
    {"sleep", role_sleep},
    {"inherit", role_inherit},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    static const struct suite suite = {tables, roles};

    return suite_main(argc, argv, &suite);
}
