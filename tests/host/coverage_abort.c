/*
 * Linked into the programs of `make coverage` only, with --wrap=abort: a child process that a test
 * lets die takes its counts to the file first. They show that a check fires.
 */
#include <stdlib.h>

void __gcov_dump(void);
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);

void __wrap_abort(void)
{
    __gcov_dump();
    __real_abort();
}
