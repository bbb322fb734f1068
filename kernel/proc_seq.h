/*
 * A text that is made up record by record while it is read, so that a long one needs no more memory
 * than a page. Who reads on gets what follows the last record read, as it is then; who goes back, or
 * elsewhere, has the text made up again from its start.
 */
#pragma once

#include "kernel/text.h"

/*
 * Write the next record, or a few, to @out. *cursor is 0 for the first, and then whatever this
 * function has left there. 1, 0 when there are no more, or an errno.
 */
typedef long seq_next(struct text *out, const void *ctx, uint64_t *cursor);

/* All zero: nothing was read yet. */
struct seq {
    struct text text;  /* the records made last */
    uint64_t start;    /* where the text begins in the whole */
    uint64_t expected; /* where the last read ended */
    uint64_t cursor;
    bool ended;
};

/*
 * The bytes at @pos, of which there are as many as is returned; 0 at the end. -ENOMEM, or what @next
 * says. seq_read_on() is to be told how many were taken.
 */
[[nodiscard]] long seq_find(struct seq *seq, uint64_t pos, seq_next *next, const void *ctx,
                            const char **bytes);
void seq_read_on(struct seq *seq, uint64_t pos);

/* Free what it holds. */
void seq_free(struct seq *seq);
