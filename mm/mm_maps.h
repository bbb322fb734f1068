/* What the texts about an address space share. */
#pragma once

#include "mm/vma.h"

/* What maps shows as the name of @vma, "" for none. */
const char *maps_name(const struct mm *mm, const struct vma *vma);

/* "rwxp" or what of it applies. */
void maps_rights(const struct vma *vma, char text[5]);
