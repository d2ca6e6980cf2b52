/* Writing a library that needs no vizzytrace (--emit-library). */
#ifndef VZ_EMIT_H
#define VZ_EMIT_H

#include "cli.h"

/* Writes the library, configured by the command line, to cli->emit_path. Says so, or what fails. Returns an exit status. */
int vz_emit(const struct vz_cli *cli);

#endif
