/*
 * Runs scenes on the host's simulated machine, and prints what tests/web/suite_golden.mjs compares: each command behind
 * a ">", then the words of its events.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/sim.h"
#include "tools/web/wasm/obey.h"
#include "user/scenes/scene.h"

#define FRAMES 16384

static void run_line(struct mm *mm, const char *line)
{
    struct scene_command command;
    struct scene_problem problem;

    if (scene_read(line, &command, &problem) != SCENE_COMMAND)
        return;
    printf("> %s", line);
    sim_forget_words();
    sim_op("scene");
    port_lock_write(&mm->lock);
    obey(mm, &command);
    port_unlock_write(&mm->lock);
    sim_settle(mm);
    for (uint32_t i = 0; i < sim_trace_count(); i++)
        puts(sim_trace_line(i));
    for (uint32_t i = 0; i < sim_warn_count(); i++)
        puts(sim_warn_line(i));
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        struct mm *mm;
        char line[400];

        if (!file)
            return 1;
        printf("# %s\n", argv[i]);
        sim_boot(FRAMES);
        mm = sim_create();
        port_trace_mask = TRACE_ALL;
        while (fgets(line, sizeof(line), file))
            run_line(mm, line);
        sim_destroy(mm);
        sim_halt();
        fclose(file);
    }
    return 0;
}
