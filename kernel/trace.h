/* Trace events of mm/ as lines of the log; option trace=. */
#pragma once

/* Set what is to be seen from the option. */
void trace_init(void);
