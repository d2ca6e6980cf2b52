/* What all sinks share: see sink.h. */
#include "sink.h"

#include <string.h>

#include "message.h"

int vz_sink_fail(struct vz_sink *sink, int error)
{
    if (!sink->has_failed)
        vz_message_error("%s: %s; the recording stops here and keeps what it has, the program goes on", sink->name,
                         strerror(-error));
    sink->has_failed = true;
    return error;
}
