/* The examination of COMMAND: see preflight.h. The rules are those of execve(2) and ld.so(8). */
#define _GNU_SOURCE
#include "preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli.h"
#include "elf_file.h"
#include "libc.h"
#include "message.h"

#define MAX_SCRIPT_LEVELS 4   /* as many #! lines as the kernel follows */
#define SCRIPT_LINE_BYTES 256 /* BINPRM_BUF_SIZE: what the kernel reads of a #! line */
#define DEFAULT_PATH "/bin:/usr/bin"
#define SHELL "/bin/sh"

/* Looks `name` up in PATH into path. Returns 0, ENOENT, or EACCES when all that was found can't be executed. */
static int search_path(const char *name, char path[PATH_MAX])
{
    const char *list = getenv("PATH");
    int result = ENOENT;
    for (const char *entry = list ? list : DEFAULT_PATH; entry;
         entry = strchr(entry, ':') ? strchr(entry, ':') + 1 : NULL) {
        int length = (int)strcspn(entry, ":");
        char candidate[PATH_MAX];
        int n = snprintf(candidate, sizeof(candidate), "%.*s%s%s", length, entry, length ? "/" : "", name);
        struct stat status;
        if (n >= (int)sizeof(candidate) || stat(candidate, &status) != 0 || S_ISDIR(status.st_mode))
            continue;
        if (result == ENOENT)
            snprintf(path, PATH_MAX, "%s", candidate);
        if (access(candidate, X_OK) == 0) {
            snprintf(path, PATH_MAX, "%s", candidate);
            return 0;
        }
        result = EACCES;
    }
    return result;
}

/* Finds what `name` stands for, and that it may be executed at all. */
static int locate(const char *name, char path[PATH_MAX])
{
    struct stat status;
    int error = 0;
    if (!strchr(name, '/')) {
        error = search_path(name, path);
        if (error == ENOENT) {
            vz_message_error("%s: command not found", name);
            return VZ_EXIT_NOT_FOUND;
        }
    } else if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX) {
        vz_message_error("%s: %s", name, strerror(ENAMETOOLONG));
        return VZ_EXIT_NOT_FOUND;
    } else if (stat(path, &status) != 0) {
        vz_message_error("%s: %s", name, strerror(errno));
        return errno == ENOENT || errno == ENOTDIR ? VZ_EXIT_NOT_FOUND : VZ_EXIT_NOT_RUNNABLE;
    } else if (S_ISDIR(status.st_mode)) {
        vz_message_error("%s: is a directory; name the program in it", name);
        return VZ_EXIT_NOT_RUNNABLE;
    } else if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0) {
        error = EACCES;
    }
    if (error) {
        vz_message_error("%s: not executable; see chmod +x, or run it by its interpreter", path);
        return VZ_EXIT_NOT_RUNNABLE;
    }
    return 0;
}

/* By what the kernel will raise the privileges of who executes this file, so that ld.so ignores LD_PRELOAD; NULL: it won't. */
static const char *what_raises_privileges(const char *path)
{
    struct stat status;
    struct statvfs mount;
    if (stat(path, &status) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return NULL;
    if (statvfs(path, &mount) == 0 && (mount.f_flag & ST_NOSUID))
        return NULL;
    if ((status.st_mode & S_ISUID) && status.st_uid != getuid())
        return "is setuid";
    if ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getgid())
        return "is setgid";
    return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0 ? "has file capabilities" : NULL;
}

static int check_elf(const char *path, const struct vz_elf_facts *facts)
{
    if (facts->is_foreign) {
        vz_message_error(
            "%s: is for another architecture; record it on its own machine, with vizzytrace built for that", path);
    } else if (!facts->interpreter && !facts->is_loader) {
        vz_message_error("%s: is statically linked, nothing can be loaded into it; link it dynamically to record it",
                         path);
    } else if (facts->interpreter && access(facts->interpreter, X_OK) != 0) {
        vz_message_error("%s: its loader %s is missing; install the C library that it was built for", path,
                         facts->interpreter);
    } else if (facts->interpreter && !vz_libc_has_loader(facts->interpreter)) {
        vz_message_error("%s: is not a %s program (its loader is %s); record it by a vizzytrace for its own C library",
                         path, vz_libc_name, facts->interpreter);
    } else if (facts->sanitizer) {
        vz_message_error("%s: needs %s, which must be loaded first; build it without -fsanitize to record it", path,
                         facts->sanitizer);
    } else if (what_raises_privileges(path)) {
        vz_message_error(
            "%s: %s, so the system loads nothing into it; record a plain copy of it, as the user that it runs as", path,
            what_raises_privileges(path));
    } else {
        return 0;
    }
    return VZ_EXIT_NOT_RUNNABLE;
}

/* The arguments of the shell that reads a script without #!, as execvp(3) makes them. */
static int run_by_shell(struct vz_program *program)
{
    size_t n = 0;
    while (program->argv[n])
        n++;
    char **argv = calloc(n + 2, sizeof(*argv));
    char *script = strdup(program->path);
    if (!argv || !script) {
        vz_message_error("%s: no memory", program->path);
        free(argv);
        free(script);
        return VZ_EXIT_FAILED;
    }
    argv[0] = (char *)(uintptr_t)SHELL;
    argv[1] = script;
    memcpy(argv + 2, program->argv + 1, n * sizeof(*argv));
    program->argv = argv;
    snprintf(program->path, sizeof(program->path), SHELL);
    return 0;
}

/* The interpreter that a #! line names, into `interpreter`. */
static bool read_interpreter(const char *image, size_t bytes, char interpreter[SCRIPT_LINE_BYTES])
{
    size_t limit = bytes < SCRIPT_LINE_BYTES ? bytes : SCRIPT_LINE_BYTES;
    size_t start = 2;
    while (start < limit && (image[start] == ' ' || image[start] == '\t'))
        start++;
    size_t length = 0;
    while (start + length < limit && !strchr(" \t\n", image[start + length]))
        length++;
    memcpy(interpreter, image + start, length);
    interpreter[length] = 0;
    return length > 0 && start + length < SCRIPT_LINE_BYTES;
}

/* Whether the first line is text: what a shell takes for a script. */
static bool is_text(const char *image, size_t bytes)
{
    for (size_t i = 0; i < bytes && i < 128 && image[i] != '\n'; i++) {
        bool is_control = (unsigned char)image[i] < ' ' && !strchr("\t\v\f\r\033", image[i]);
        if (is_control || image[i] == 0)
            return false;
    }
    return true;
}

static int check_file(const char *path, struct vz_program *program, int level);

static int check_script(const char *path, const char *image, size_t bytes, struct vz_program *program, int level)
{
    char interpreter[SCRIPT_LINE_BYTES];
    if (level >= MAX_SCRIPT_LEVELS || !read_interpreter(image, bytes, interpreter)) {
        vz_message_error("%s: its #! line can't be used", path);
        return VZ_EXIT_NOT_RUNNABLE;
    }
    if (access(interpreter, X_OK) != 0) {
        vz_message_error("%s: its interpreter %s: %s", path, interpreter, strerror(errno));
        return VZ_EXIT_NOT_RUNNABLE;
    }
    return check_file(interpreter, program, level + 1);
}

static int check_contents(const char *path, const char *image, size_t bytes, struct vz_program *program, int level)
{
    struct vz_elf_facts facts = vz_elf_examine(image, bytes);
    if (facts.is_elf || facts.is_foreign)
        return check_elf(path, &facts);
    if (bytes > 2 && image[0] == '#' && image[1] == '!')
        return check_script(path, image, bytes, program, level);
    if (level == 0 && is_text(image, bytes)) {
        int result = run_by_shell(program);
        return result ? result : check_file(SHELL, program, level + 1);
    }
    vz_message_error("%s: is neither a program nor a script", path);
    return VZ_EXIT_NOT_RUNNABLE;
}

static int check_file(const char *path, struct vz_program *program, int level)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0; /* executable but not readable: the kernel may run it, so let it try */
    void *image = MAP_FAILED;
    if (fstat(fd, &status) == 0 && status.st_size > 0)
        image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (image == MAP_FAILED)
        return level == 0 ? check_contents(path, "", 0, program, level) : 0;
    int result = check_contents(path, image, (size_t)status.st_size, program, level);
    munmap(image, (size_t)status.st_size);
    return result;
}

int vz_preflight(char **command, struct vz_program *program)
{
    program->argv = command;
    int result = locate(command[0], program->path);
    if (result)
        return result;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", program->path);
    return check_file(path, program, 0);
}
