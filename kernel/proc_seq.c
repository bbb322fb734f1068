#include "kernel/proc_seq.h"

#include "kernel/abi/errno.h"

/* A text of as many bytes is handed out before more is made. */
#define ENOUGH (PAGE_SIZE / 2)

static void restart(struct seq *seq)
{
    text_clear(&seq->text);
    seq->start = 0;
    seq->cursor = 0;
    seq->ended = false;
}

/* Put what follows the text in its place: nothing, when it has ended. */
static long advance(struct seq *seq, seq_next *next, const void *ctx)
{
    long more = 1;

    seq->start += seq->text.length;
    text_clear(&seq->text);
    while (more > 0 && seq->text.length < ENOUGH)
        more = next(&seq->text, ctx, &seq->cursor);
    seq->ended = more == 0;
    if (more >= 0 && seq->text.out_of_memory)
        more = -ENOMEM;
    return more < 0 ? more : 0;
}

long seq_find(struct seq *seq, uint64_t pos, seq_next *next, const void *ctx, const char **bytes)
{
    if (pos == 0 || pos != seq->expected)
        restart(seq);
    seq->expected = 0;
    while (pos - seq->start >= seq->text.length) {
        long err = seq->ended ? 0 : advance(seq, next, ctx);

        if (err)
            return err;
        if (seq->ended && pos - seq->start >= seq->text.length) {
            seq->expected = pos;
            return 0;
        }
    }
    *bytes = seq->text.bytes + (pos - seq->start);
    return (long)(seq->text.length - (pos - seq->start));
}

void seq_read_on(struct seq *seq, uint64_t pos)
{
    seq->expected = pos;
}

void seq_free(struct seq *seq)
{
    text_free(&seq->text);
}
