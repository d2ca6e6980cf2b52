/* Dropping the library: see drop.h.
 *
 * The directory's name can't be guessed, so nobody can be waiting there; others may pass through it (0711), since
 * recorded programs may change their user, but not list it. Its path must survive LD_PRELOAD, which splits at spaces
 * and colons.
 *
 * vizzytrace holds a lock on the directory as long as it lives. One without is what a killed vizzytrace has left: the
 * next one that ends removes it.
 */
#define _GNU_SOURCE
#include "drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli.h"
#include "library.h"
#include "message.h"
#include "process.h"
#include "sys.h"

#define UNUSED_POLL_S 1
#define PREFIX "vizzy-"
#define NAME_DIGITS 32
#define LIBRARY "libvizzy.so"

/* Whether a library can be loaded from `base` by any program that is handed its path. */
static bool is_usable(const char *base)
{
    struct statvfs mount;
    return base[0] == '/' && strlen(base) < 256 && !strpbrk(base, " \t\n:") && statvfs(base, &mount) == 0 &&
           !(mount.f_flag & ST_NOEXEC) && access(base, W_OK | X_OK) == 0;
}

/* Takes the lock of a directory. Returns the descriptor that holds it, or -1: there is no such directory, or it is
 * locked. */
static int lock_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Makes the private directory below base. Returns 0 or -errno. */
static int make_directory(const char *base, struct vz_drop *drop)
{
    uint64_t random[2];
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return -EIO;
    snprintf(drop->base, sizeof(drop->base), "%s", base);
    snprintf(drop->directory, sizeof(drop->directory), "%s/" PREFIX "%016llx%016llx", base,
             (unsigned long long)random[0], (unsigned long long)random[1]);
    if (mkdir(drop->directory, 0700) != 0) {
        drop->directory[0] = 0;
        return -errno;
    }
    drop->lock = lock_directory(drop->directory);
    return drop->lock >= 0 && chmod(drop->directory, 0711) == 0 ? 0 : -errno; /* whatever the umask is */
}

/* Writes the library into a directory of its own below base. image: a copy of it, whose config is completed. Returns 0 or
 * -errno; then nothing is left behind. */
static int write_below(const char *base, const char *image, size_t bytes, struct vz_config *config,
                       struct vz_drop *drop)
{
    int error = make_directory(base, drop);
    int n = snprintf(drop->library, sizeof(drop->library), "%s/" LIBRARY, drop->directory);
    if (!error && n >= (int)sizeof(config->library_path))
        error = -ENAMETOOLONG;
    if (!error) {
        strcpy(config->library_path, drop->library);
        error = vz_library_write(drop->library, image, bytes, false);
    }
    if (error)
        vz_drop_remove(drop);
    return error;
}

/* Writes it to the first place that will do. */
static int write_somewhere(const char *image, size_t bytes, struct vz_config *config, struct vz_drop *drop)
{
    char cache[256] = "";
    const char *home = getenv("HOME");
    if (home)
        snprintf(cache, sizeof(cache), "%s/.cache", home);
    const char *const bases[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", getenv("XDG_RUNTIME_DIR"), "/dev/shm", cache};
    int error = -EACCES;
    for (size_t i = 0; i < sizeof(bases) / sizeof(*bases) && error; i++) {
        if (bases[i] && is_usable(bases[i]))
            error = write_below(bases[i], image, bytes, config, drop);
    }
    if (error)
        vz_message_error(
            "found no place for the library (%s): it needs a writable directory with 1 MB of room on a mount that "
            "allows exec, without space or colon in its path; set TMPDIR to one",
            strerror(-error));
    return error;
}

int vz_drop_write(const char *session_path, struct vz_drop *drop)
{
    *drop = (struct vz_drop){.lock = -1};
    char *image;
    size_t bytes;
    struct vz_config *config;
    int error = vz_library_copy(&image, &bytes, &config);
    if (!error && strlen(session_path) >= sizeof(config->session_path)) {
        free(image);
        error = -ENAMETOOLONG;
    }
    if (error) {
        vz_message_error("the library can't be written: %s", strerror(-error));
        return error;
    }
    strcpy(config->session_path, session_path);
    error = write_somewhere(image, bytes, config, drop);
    free(image);
    return error;
}

void vz_drop_remove(struct vz_drop *drop)
{
    if (!drop->directory[0])
        return;
    unlink(drop->library);
    rmdir(drop->directory);
    drop->directory[0] = 0;
    close(drop->lock);
}

struct use {
    const char *library;
    bool has_user;
};

static bool is_no_user(pid_t pid, void *context)
{
    struct use *use = context;
    use->has_user = vz_process_is_recorded(pid, use->library);
    return !use->has_user;
}

static bool is_used(const struct vz_drop *drop, uint64_t start)
{
    struct use use = {.library = drop->library};
    vz_process_for_each_since(start, is_no_user, &use);
    return use.has_user;
}

/* Whether an entry of a base directory is one that a vizzytrace of this user made. */
static bool is_drop(const char *path, const char *name)
{
    struct stat status;
    size_t digits = strncmp(name, PREFIX, strlen(PREFIX)) == 0 ? strspn(name + strlen(PREFIX), "0123456789abcdef") : 0;
    return digits == NAME_DIGITS && !name[strlen(PREFIX) + digits] && lstat(path, &status) == 0 &&
           S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

/* Removes what vizzytraces that were killed have left in this base, as far as nobody needs it any more. */
static void sweep(const char *base)
{
    DIR *directory = opendir(base);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        struct vz_drop left;
        int n = snprintf(left.directory, sizeof(left.directory), "%s/%s", base, entry->d_name);
        if (n >= (int)sizeof(left.directory) || !is_drop(left.directory, entry->d_name))
            continue;
        snprintf(left.library, sizeof(left.library), "%s/" LIBRARY, left.directory);
        left.lock = lock_directory(left.directory);
        if (left.lock >= 0 && !is_used(&left, 0))
            vz_drop_remove(&left);
        else if (left.lock >= 0)
            close(left.lock);
    }
    if (directory)
        closedir(directory);
}

/* Leaves the terminal and all descriptors behind, so that nobody waits for this process. */
static void detach(void)
{
    setsid();
    vz_sys_close_all();
    if (chdir("/") != 0)
        _exit(VZ_EXIT_FAILED);
}

void vz_drop_remove_when_unused(struct vz_drop *drop)
{
    uint64_t start = vz_process_start(getpid());
    if (!drop->directory[0])
        return;
    sweep(drop->base);
    if (is_used(drop, start)) {
        if (fork() != 0) {
            drop->directory[0] = 0; /* if there is no child, it stays: better than programs that complain */
            return;
        }
        detach();
        while (is_used(drop, start))
            sleep(UNUSED_POLL_S);
        vz_drop_remove(drop);
        _exit(0);
    }
    vz_drop_remove(drop);
}
