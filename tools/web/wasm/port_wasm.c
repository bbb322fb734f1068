/* The other side of mm/port.h in WebAssembly. */
#include "mm/mm.h"
