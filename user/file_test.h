/*
 * Inside of file_test: what its parts share. Every case starts in an empty directory of its own.
 */
#pragma once

#include "suitelib.h"

#include <fcntl.h>
#include <sys/stat.h>

extern const struct suite_table open_cases, name_cases, rename_cases, dir_cases, data_cases,
    map_cases, memfd_cases, attr_cases, fd_cases, pipe_cases, wait_cases, lock_cases;

#define CASES(table, array) const struct suite_table table = {array, ARRAY_SIZE(array)}

/* An empty directory, which is the working directory from now on. */
void scene(void);

/* A file @name in the working directory with @text in it. */
void make_file(const char *name, const char *text);

/* An open(), read-write; a finding when it fails. */
int must_open(const char *name, int flags);

/* @name is a file with exactly @text in it. */
void expect_text(const char *name, const char *text);

/* The bytes of @fd from the start are @text, and there are no more. */
void expect_bytes(int fd, const char *text);

/* mmap() of @bytes from the start of @fd; a finding when it fails. */
char *must_map(int fd, size_t bytes, int prot, int type);

/* The name that maps shows for the mapping at @p ends so. */
void expect_map_name(const void *p, const char *end);

/* fstatat() that must succeed; the link itself when @name is one. */
struct stat stat_of(const char *name);

/* Whether the name is there, whatever it is. */
bool exists(const char *name);
