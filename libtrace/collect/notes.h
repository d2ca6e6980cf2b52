/* The log of an image: modules that came and went, and what else its hooks noted. */
#ifndef VZ_LOG_NOTES_H
#define VZ_LOG_NOTES_H

#include "source.h"

/* Reads what is new in the log: writes modules to the trace, and hands the other notes on. */
void vz_notes_read(struct vz_source *source);

/* The record at *at and its kind, and *at moved behind it; NULL: the log ends here for now. */
const struct vz_note *vz_notes_next(const struct vz_source *source, uint64_t *at, uint32_t *kind);

/* The text of a note. Some are kept, and the program may have overwritten them since they were found sound. */
struct vz_text vz_notes_text(const struct vz_note *note);

#endif
