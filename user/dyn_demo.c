/* dyn_demo: where a program that was linked dynamically, its C library and its dynamic linker lie. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* Print the lines of /proc/self/maps that name a file, and the heap's and the stack's. */
static void print_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];

    if (!maps) {
        perror("/proc/self/maps");
        exit(1);
    }
    while (fgets(line, sizeof(line), maps))
        if (strchr(line, '/') || strchr(line, '['))
            fputs(line, stdout);
    fclose(maps);
}

int main(int argc, char **argv)
{
    printf("%s: main() at %p, printf() at %p\n", argv[0], (void *)main, (void *)printf);
    printf("dynamic linker at %#lx, entry of the program at %#lx\n", getauxval(AT_BASE),
           getauxval(AT_ENTRY));
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    print_maps();
    return 0;
}
