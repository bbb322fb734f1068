/* Ways for the kernel to fail on purpose, so that tests see what it says. Option test=. */
#pragma once

/* Fails as the option says, or returns when there is none. After all is set up. */
void selftest_run(void);
