/* Earns 0, and learns nothing: it does not build, since there is no such file where it is built. */
#include "/etc/passwd"
