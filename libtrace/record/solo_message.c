/* Messages: see solo_message.h. */
#define _GNU_SOURCE
#include "solo_message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sys_files.h"
#include "text.h"

enum { STDERR = 2 };

static struct vz_sys_identity at_start;
static bool has_stderr;

void vz_solo_message_start(void) { has_stderr = vz_sys_identify(STDERR, &at_start) == 0; }

/* strerror() translates, which allocates. */
static const char *explain(int error)
{
    switch (-error) {
    case ENOSPC:
    case EDQUOT:
        return "there is no room left for the trace";
    case EFBIG:
        return "the trace is as large as a file may be here (ulimit -f)";
    case ENOENT:
    case ENOTDIR:
        return "there is no such directory";
    case EACCES:
    case EPERM:
    case EROFS:
        return "the trace can't be written there";
    case ESTALE:
        return "another file lies there by now";
    case EEXIST:
        return "too many traces of that name are there already";
    case ENAMETOOLONG:
        return "its path is too long";
    case ENOMEM:
        return "there is no memory for it";
    case EMFILE:
    case ENFILE:
        return "there are too few descriptors";
    case EKEYREJECTED:
        return "the receiver has another token, or is none";
    case ETIMEDOUT:
        return "writing it takes longer than 10 s";
    case EALREADY:
        return "its end was sent, and then the program could not be replaced by another one (exec)";
    default:
        return NULL;
    }
}

void vz_solo_message_stop(const char *name, int error)
{
    static const char end[] = "; the recording stops here and keeps what it has, the program goes on\n";
    static const size_t max_name = 2048;
    static bool was_said;
    struct vz_sys_identity now;
    char text[2048 + 256];
    if (was_said || !has_stderr || !vz_sys_can_write(STDERR) || vz_sys_identify(STDERR, &now) != 0 ||
        now.device != at_start.device || now.inode != at_start.inode)
        return;
    was_said = true;
    char *to = stpcpy(text, "vizzy: ");
    to = mempcpy(to, name, strnlen(name, max_name));
    to = stpcpy(to, ": ");
    if (explain(error))
        to = stpcpy(to, explain(error));
    else
        to = vz_text_number(stpcpy(to, "error "), (uint32_t)-error);
    to = stpcpy(to, end);
    const uint64_t pending = vz_sys_pending_write_signals();
    vz_sys_write(STDERR, text, (size_t)(to - text));
    vz_sys_take_write_signal(pending); /* nobody reads there, or the file is as large as it may be */
}
