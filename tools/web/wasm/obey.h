/* Commands of scenes as calls of mm/: for the playground, and for the host, whose trace must be the same. */
#pragma once

#include "mm/mm.h"
#include "user/scenes/scene.h"

/* Does what @command says, in @mm and to the settings. What the call returned. Lock: for write. */
int64_t obey(struct mm *mm, const struct scene_command *command);
