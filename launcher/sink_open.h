/* vizzytrace's sinks: where the recording goes. */
#ifndef VZ_SINK_OPEN_H
#define VZ_SINK_OPEN_H

#include "collect/sink_trace.h"

/* A trace into an open outlet, which is the sink's from now on: writes what comes first. Prints what fails. Returns 0 or
 * -errno, the sink in *sink. */
int vz_sink_trace_open(struct vz_outlet *outlet, const struct vz_sink_session *session, struct vz_sink **sink);

/* CSV: events in `path`, stacks and modules in a second file. */
int vz_sink_csv_open(const char *path, const struct vz_sink_session *session, struct vz_sink **sink);

/* For those who open files: opens one, O_WRONLY or O_RDWR, or says in fitting words why that failed. */
int vz_sink_open(const char *path, int access); /* the descriptor, or -errno */
void vz_sink_open_failed(const char *path, int error);

/* What a sink that fails says. */
void vz_sink_say_failed(const struct vz_sink *sink, int error);

#endif
