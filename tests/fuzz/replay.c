/*
 * Runs inputs of a fuzz target without libFuzzer.
 *
 *     replay FILE ...            runs each; a finding aborts with its story
 *     replay --program FILE      what the input is: for mm, a C program for Linux that makes the same calls
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

unsigned fuzz_sparse;

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);

    if (!file || !data) {
        perror(path);
        exit(2);
    }
    *size = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    bool print = argc > 1 && strcmp(argv[1], "--program") == 0;

    if (argc < 2 + print) {
        fprintf(stderr, "usage: replay [--program] FILE ...\n");
        return 2;
    }
    for (int i = 1 + print; i < argc; i++) {
        size_t size;
        uint8_t *data = read_file(argv[i], &size);

        if (!print)
            LLVMFuzzerTestOneInput(data, size);
        else if (!fuzz_print(data, size))
            printf("%s: %zu bytes\n", argv[i], size);
        free(data);
    }
    return 0;
}
