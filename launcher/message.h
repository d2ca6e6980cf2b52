/* The one place that prints. Everything goes to stderr, one line each; stdout belongs to COMMAND. */
#ifndef VZ_MESSAGE_H
#define VZ_MESSAGE_H

#include <stdbool.h>

/* After this, vz_message_progress prints nothing. */
void vz_message_set_quiet(bool quiet);

/* The banner: on terminals only, and not when quiet. */
void vz_message_banner(void);

/* "[*] ...": what is being done. Not when quiet. */
void vz_message_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "vizzytrace: warning: ...": the recording goes on, but the user should know. Also when quiet. */
void vz_message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "vizzytrace: ...": what failed, on what, and what to do. Also when quiet. */
void vz_message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
