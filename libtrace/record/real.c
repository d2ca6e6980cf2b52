/* The table of real functions: filled by whoever first calls through it (VZ_REAL). */
#define _GNU_SOURCE
#include "real.h"

struct vz_real vz_real;
