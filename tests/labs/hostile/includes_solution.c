/* Earns 0: where the solution would be is this file itself, which includes itself without end. */
#include "mm/pt_widen.c"
