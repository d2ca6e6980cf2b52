/* fork, exec and their failures: see child.h. */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "message.h"

#define PRELOAD "LD_PRELOAD="

extern char **environ;

/* This process's environment with the library added to LD_PRELOAD, or NULL: no memory. */
static char **make_environment(const char *library_path)
{
    size_t n = 0;
    size_t place = SIZE_MAX;
    for (; environ[n]; n++) {
        if (strncmp(environ[n], PRELOAD, strlen(PRELOAD)) == 0 && place == SIZE_MAX)
            place = n;
    }
    const char *others = place == SIZE_MAX ? "" : environ[place] + strlen(PRELOAD);
    char **environment = calloc(n + 2, sizeof(*environment));
    char *preload;
    if (!environment || asprintf(&preload, PRELOAD "%s%s%s", library_path, *others ? ":" : "", others) < 0) {
        free(environment);
        return NULL;
    }
    memcpy(environment, environ, n * sizeof(*environment));
    environment[place == SIZE_MAX ? n : place] = preload;
    return environment;
}

/* The child's part. What is allocated here goes with the child's memory. */
_Noreturn static void run(const struct vz_program *program, const char *library_path,
                          const struct vz_inherited *inherited, int report)
{
    char **environment = make_environment(library_path);
    int error = ENOMEM;
    vz_inherited_restore(inherited);
    if (environment) {
        execve(program->path, program->argv, environment);
        error = errno;
    }
    ssize_t written = write(report, &error, sizeof(error));
    _exit(written == sizeof(error) ? VZ_EXIT_NOT_RUNNABLE : VZ_EXIT_FAILED);
}

/* Waits until exec has closed the pipe, or told why it failed. */
static int read_exec_error(int report)
{
    int error = 0;
    ssize_t n;
    do
        n = read(report, &error, sizeof(error));
    while (n < 0 && errno == EINTR);
    return n == sizeof(error) ? error : 0;
}

int vz_child_start(const struct vz_program *program, const char *library_path, const struct vz_inherited *inherited,
                   pid_t *pid)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        vz_message_error("%s: can't be started: %s", program->path, strerror(errno));
        return VZ_EXIT_FAILED;
    }
    *pid = fork();
    if (*pid == 0)
        run(program, library_path, inherited, report[1]);
    int error = *pid < 0 ? errno : 0;
    close(report[1]);
    if (error) {
        close(report[0]);
        vz_message_error("%s: can't be started: %s", program->path, strerror(error));
        return VZ_EXIT_FAILED;
    }
    error = read_exec_error(report[0]);
    close(report[0]);
    if (!error)
        return 0;
    waitpid(*pid, NULL, 0);
    vz_message_error("%s: %s", program->path, strerror(error));
    return error == ENOENT || error == ENOTDIR ? VZ_EXIT_NOT_FOUND : VZ_EXIT_NOT_RUNNABLE;
}

void vz_child_end_as(int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        struct rlimit none = {0, 0};
        sigset_t set;
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a core_pattern that pipes to a program ignores the limit */
        signal(number, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, number);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        exit(128 + number); /* not reached: the signal was COMMAND's end too */
    }
    exit(WEXITSTATUS(wait_status));
}
