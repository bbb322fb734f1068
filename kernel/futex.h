/* Futexes: sleeping on a word of user memory. */
#pragma once

#include "mm/types.h"

struct thread;

/*
 * @thread ends: what it set for that is done. Its clear_child_tid becomes 0 and is woken; locks on its robust list are
 * marked as left behind. Addresses that are none are passed over. Its memory is loaded.
 */
void futex_thread_ends(struct thread *thread);
