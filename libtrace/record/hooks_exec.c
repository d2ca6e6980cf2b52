/* Hooks of the exec and posix_spawn families: they choose the new program's LD_PRELOAD, and nothing else.
 *
 * A program that the library can run in gets it, whatever the caller made of the environment; one that it can't run in
 * does not, since its loader would complain in the program's output; and the trace says so. A vfork child shares our
 * memory: what is built here for it must be reusable by its parent, so the new environment lies in memory kept per
 * thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "fitness.h"
#include "format/format.h"
#include "hook.h"
#include "log.h"
#include "solo.h"

#define PRELOAD "LD_PRELOAD="

enum { PRELOAD_BYTES = sizeof PRELOAD - 1, PATH_BYTES = 4096 };

/* ---- LD_PRELOAD
 * ------------------------------------------------------------------------------------------------------ */

static char *const *find_preload(char *const envp[])
{
    for (; envp && *envp; envp++)
        if (strncmp(*envp, PRELOAD, PRELOAD_BYTES) == 0)
            return envp;
    return NULL;
}

/* The library's entry in a list separated by colons or spaces, or NULL. */
static const char *find_library(const char *list)
{
    const char *library = vz_session_library();
    const size_t bytes = strlen(library);
    if (!bytes) /* preloaded without vizzytrace: nothing says where it lies */
        return NULL;
    for (const char *at = list; (at = strstr(at, library)); at += bytes) {
        const bool starts = at == list || at[-1] == ':' || at[-1] == ' ';
        if (starts && (at[bytes] == 0 || at[bytes] == ':' || at[bytes] == ' '))
            return at;
    }
    return NULL;
}

/* "LD_PRELOAD=library:list", into `to`. */
static void write_with(char *to, const char *list)
{
    to = stpcpy(stpcpy(to, PRELOAD), vz_session_library());
    if (*list)
        strcpy(stpcpy(to, ":"), list);
}

/* The same list without the library. */
static void write_without(char *to, const char *list, const char *entry)
{
    const char *after = entry + strlen(vz_session_library());
    to = stpcpy(to, PRELOAD);
    to = mempcpy(to, list, (size_t)(entry - list));
    if (*after)
        after++;
    else if (entry > list)
        to--;
    strcpy(to, after);
}

/* Memory for a changed environment, kept by each thread for the next. NULL if there is none. */
static void *scratch(size_t bytes)
{
    static __thread void *kept;
    static __thread size_t kept_bytes;
    if (bytes > kept_bytes) {
        kept = vz_arena_alloc(2 * bytes);
        kept_bytes = kept ? 2 * bytes : 0;
    }
    return kept;
}

/* envp with the library in or out of LD_PRELOAD, as wanted; envp itself where that is so already or no memory is left.
 */
static char *const *choose(char *const envp[], bool with)
{
    char *const *preload = find_preload(envp);
    const char *list = preload ? *preload + PRELOAD_BYTES : "";
    const char *entry = find_library(list);
    if (!*vz_session_library() || (entry != NULL) == with)
        return envp;
    size_t n_variables = 0;
    while (envp && envp[n_variables])
        n_variables++;
    const size_t text_bytes = PRELOAD_BYTES + strlen(list) + strlen(vz_session_library()) + 2;
    char **changed = scratch((n_variables + 2) * sizeof *changed + text_bytes);
    if (!changed)
        return envp;
    char *text = (char *)(changed + n_variables + 2);
    if (with)
        write_with(text, list);
    else
        write_without(text, list, entry);
    size_t n_changed = 0;
    for (size_t i = 0; i < n_variables; i++)
        if (!preload || &envp[i] != preload)
            changed[n_changed++] = envp[i];
    if (with || text[PRELOAD_BYTES]) /* an emptied list was not there before us */
        changed[n_changed++] = text;
    changed[n_changed] = NULL;
    return changed;
}

/* ---- what the session is told
 * ------------------------------------------------------------------------------------------ */

static bool is_own_process(void) { return vz_sys_getpid() == vz_region->pid; }

/* Whether this image's region is still its own. That of a vfork child is its parent's, and another image's as soon as the
 * parent was killed. */
static bool has_region(void) { return is_own_process() || vz_sys_getppid() == vz_region->pid; }

/* Whether a program that starts now can take part. The library must not stay in the environment when the recording has ended:
 * it is going to be removed, and the loader would complain in the program's output. */
static bool can_follow(void)
{
    if (vz_session_confined())
        return false;
    if (!vz_session_shm) /* this image could not attach; the next may */
        return vz_sys_access(vz_session_library(), R_OK) == 0;
    return vz_session_open() && !(vz_session_shm->options & VZ_OPTION_NO_CHILDREN);
}

/* Whether an exec of it will succeed, as far as that can be known: who looks for a program in PATH by itself fails most often. */
static bool is_likely_to_run(enum vz_unfit unfit, const char *path)
{
    if (!vz_solo_is_on() || path[0] == '(') /* a descriptor */
        return true;
    const long directory = vz_sys_open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        vz_sys_close((int)directory);
    return directory < 0 && unfit != VZ_UNFIT_NOT_EXECUTABLE && vz_sys_access(path, X_OK) == 0;
}

/* The environment for a program of this fitness, and the notes about it. An exec in a vfork child or a spawn does not
 * end this image. */
static char *const *prepare(enum vz_unfit unfit, const char *path, char *const envp[], bool replaces)
{
    const bool follow = can_follow();
    if (!vz_session_recording())
        return follow ? envp : choose(envp, false);
    if (unfit != VZ_FIT && follow && has_region())
        vz_log_note(VZ_NOTE_NOT_FOLLOWED, unfit, replaces ? vz_sys_getpid() : 0, path);
    if (replaces && is_own_process()) {
        vz_log_note(VZ_NOTE_EXEC, 0, 0, path);
        if (is_likely_to_run(unfit, path))
            vz_solo_end(VZ_FATE_EXEC, 0);
        else
            vz_solo_may_end(VZ_FATE_EXEC);
    }
    return choose(envp, follow && unfit == VZ_FIT);
}

static void exec_failed(void)
{
    const int saved = errno;
    if (vz_session_recording() && is_own_process()) {
        vz_log_note(VZ_NOTE_EXEC_FAILED, 0, 0, NULL);
        vz_solo_go_on();
    }
    errno = saved;
}

/* Where execvp will find the file: as POSIX says, PATH is searched unless there is a slash. Only to examine it. */
static const char *search(const char *file, char *buffer)
{
    const char *list = getenv("PATH");
    if (strchr(file, '/') || !list || vz_session_confined())
        return file;
    for (const char *at = list;; at++) {
        const size_t bytes = strcspn(at, ":");
        if (bytes + strlen(file) + 2 <= PATH_BYTES) {
            char *end = mempcpy(buffer, at, bytes);
            strcpy(bytes ? stpcpy(end, "/") : end, file);
            if (vz_sys_access(buffer, X_OK) == 0)
                return buffer;
        }
        at += bytes;
        if (!*at)
            return file;
    }
}

/* ---- exec
 * ---------------------------------------------------------------------------------------------------------------- */

static int run(const char *path, char *const argv[], char *const envp[])
{
    VZ_REAL(execve)(path, argv, prepare(vz_fitness_of_path(path), path, envp, true));
    exec_failed();
    return -1;
}

/* execvpe goes on to the shell for a script without #!, so the real one does the work, and the search again. */
static int run_searched(const char *file, char *const argv[], char *const envp[])
{
    char buffer[PATH_BYTES];
    const char *path = search(file, buffer);
    VZ_REAL(execvpe)(file, argv, prepare(vz_fitness_of_path(path), path, envp, true));
    exec_failed();
    return -1;
}

VZ_EXPORT int execve(const char *path, char *const argv[], char *const envp[]) { return run(path, argv, envp); }

VZ_EXPORT int execv(const char *path, char *const argv[]) { return run(path, argv, environ); }

VZ_EXPORT int execvp(const char *file, char *const argv[]) { return run_searched(file, argv, environ); }

VZ_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    return run_searched(file, argv, envp);
}

/* The three that take arguments one by one: counted, then laid out on the stack, as libc does. */
#define LIST_HOOK(name, path, environment, call)                                                                       \
    VZ_EXPORT int name(const char *path, const char *argument, ...)                                                    \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        size_t n_arguments = 1;                                                                                        \
        va_start(rest, argument);                                                                                      \
        while (va_arg(rest, const char *))                                                                             \
            n_arguments++;                                                                                             \
        va_end(rest);                                                                                                  \
        char *argv[n_arguments + 1];                                                                                   \
        argv[0] = (char *)(uintptr_t)argument;                                                                         \
        va_start(rest, argument);                                                                                      \
        for (size_t i = 1; i <= n_arguments; i++)                                                                      \
            argv[i] = va_arg(rest, char *);                                                                            \
        char *const *envp = environment;                                                                               \
        va_end(rest);                                                                                                  \
        return call(path, argv, envp);                                                                                 \
    }

LIST_HOOK(execl, path, environ, run)
LIST_HOOK(execlp, file, environ, run_searched)
LIST_HOOK(execle, path, va_arg(rest, char *const *), run)

VZ_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    VZ_REAL(fexecve)(fd, argv, prepare(vz_fitness_of_fd(fd), "(descriptor)", envp, true));
    exec_failed();
    return -1;
}

VZ_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    const bool is_fd = !*path && (flags & AT_EMPTY_PATH);
    const int fd = is_fd ? directory : (int)vz_sys_openat(directory, path, VZ_FITNESS_OPEN_FLAGS);
    const enum vz_unfit unfit = fd < 0 ? VZ_FIT : vz_fitness_of_fd(fd);
    if (!is_fd && fd >= 0)
        vz_sys_close(fd);
    VZ_REAL(execveat)(directory, path, argv, prepare(unfit, *path ? path : "(descriptor)", envp, true), flags);
    exec_failed();
    return -1;
}

/* ---- posix_spawn
 * ----------------------------------------------------------------------------------------------------------- */

VZ_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    char *const *chosen = prepare(vz_fitness_of_path(path), path, envp, false);
    return VZ_REAL(posix_spawn)(pid, path, actions, attributes, argv, chosen);
}

VZ_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    char buffer[PATH_BYTES];
    const char *path = search(file, buffer);
    char *const *chosen = prepare(vz_fitness_of_path(path), path, envp, false);
    return VZ_REAL(posix_spawnp)(pid, file, actions, attributes, argv, chosen);
}
