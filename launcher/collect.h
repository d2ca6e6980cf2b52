/* The recording: from COMMAND's start to the end of the last process that is waited for. */
#ifndef VZ_COLLECT_H
#define VZ_COLLECT_H

#include "collector.h"

/* Prepares what collecting needs: the signals' descriptor among others. Before COMMAND is started. Returns 0 or -errno. */
int vz_collect_open(struct vz_collector *collector);

/* Collects until COMMAND has ended and nobody else is waited for, and writes the end of the trace. Afterwards
 * collector->command_status says how COMMAND ended. */
void vz_collect_run(struct vz_collector *collector);

/* Frees what vz_collect_open and vz_collect_run made. */
void vz_collect_close(struct vz_collector *collector);

#endif
