/* A trace file that its process writes itself: see solo_file.h. */
#define _GNU_SOURCE
#include "solo_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "solo_place.h"
#include "sys.h"
#include "sys_files.h"
#include "text.h"

enum {
    PATH_BYTES = 2048,
    SUFFIX_BYTES = 32,
    MAX_NAMES = 1000,
    PIECE_BYTES = 4096,
    MAX_PAGE_BYTES = 65536,
    MAX_PIECES = 64,
    MAX_TRIES = 1000
};

static struct {
    struct vz_outlet outlet;
    char path[PATH_BYTES];
    struct vz_sys_identity identity;
    uint64_t end;
    int fd;
    struct {
        uint64_t offset, bytes;
    } pieces[MAX_PIECES]; /* of memory; those beyond stay to the end */
    uint32_t n_pieces;
} file = {.fd = -1};

/* ---- the name ---------------------------------------------------------------------------------------------------- */

/* The path, made absolute: the program may change its directory. */
static char *start_path(const char *path)
{
    char *at = file.path;
    if (path[0] != '/' && vz_sys_cwd(file.path, PATH_BYTES / 2) > 0 && file.path[0] == '/') {
        at += strlen(at);
        *at++ = '/';
    }
    return stpcpy(at, path);
}

static const struct vz_outlet_ops operations;

static int create(const struct vz_config_solo *config, struct vz_outlet **outlet)
{
    char *end = start_path(config->log);
    const bool is_too_long = end + SUFFIX_BYTES > file.path + PATH_BYTES;
    long fd = is_too_long ? -ENAMETOOLONG : vz_sys_create(file.path);
    if (fd == -EEXIST) {
        *end++ = '.';
        end = vz_text_number(end, vz_sys_getpid());
        fd = vz_sys_create(file.path);
    }
    for (uint32_t i = 2; fd == -EEXIST && i < MAX_NAMES; i++) {
        *end = '.';
        vz_text_number(end + 1, i);
        fd = vz_sys_create(file.path);
    }
    file.outlet = (struct vz_outlet){.ops = &operations, .name = file.path};
    file.end = 0;
    file.fd = -1;
    file.n_pieces = 0;
    *outlet = &file.outlet;
    if (fd < 0)
        return (int)fd;
    vz_sys_close((int)fd); /* at once: it may be a low number */
    return (int)vz_sys_identify_path(file.path, &file.identity);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* Else a descriptor that is not the file's was closed by the program meanwhile, and its number used again. */
static bool is_at_its_path(void)
{
    struct vz_sys_identity found;
    return vz_sys_identify_path(file.path, &found) == 0 && found.device == file.identity.device &&
           found.inode == file.identity.inode;
}

static int open_file(void)
{
    struct vz_sys_identity found;
    const long fd = vz_sys_lift(vz_sys_open(file.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY));
    if (fd < 0)
        return (int)fd;
    long error = vz_sys_identify((int)fd, &found);
    if (!error && (found.device != file.identity.device || found.inode != file.identity.inode))
        error = is_at_its_path() ? -EBADF : -ESTALE; /* replaced; or a chroot shows another file under this path */
    if (error) {
        vz_sys_close((int)fd);
        return (int)error;
    }
    file.fd = (int)fd;
    return 0;
}

/* Whether the number is still ours: the program may have closed it, and opened a file of its own under it. */
static bool has_descriptor(void)
{
    struct vz_sys_identity found;
    return file.fd >= 0 && vz_sys_identify(file.fd, &found) == 0 && found.device == file.identity.device &&
           found.inode == file.identity.inode;
}

static void close_file(void)
{
    if (has_descriptor())
        vz_sys_close(file.fd);
    file.fd = -1;
}

/* After a call that found the descriptor closed, by a thread that closes all. Whether to try again. */
static bool is_open_again(long result, uint32_t *n_tries)
{
    int error = -EBADF;
    file.fd = result == -EBADF ? -1 : file.fd;
    while (result == -EBADF && error == -EBADF && ++*n_tries <= MAX_TRIES)
        error = open_file();
    return result == -EBADF && error == 0;
}

static int write_at(const char *bytes, size_t n, uint64_t offset)
{
    if (offset + n > vz_sys_file_limit())
        return -EFBIG; /* trying would be SIGXFSZ */
    uint32_t n_tries = 0;
    while (n > 0) {
        const long written = vz_sys_pwrite(file.fd, bytes, n, offset);
        if (is_open_again(written, &n_tries))
            continue;
        if (written <= 0)
            return written ? (int)written : -EIO;
        bytes += written;
        offset += (uint64_t)written;
        n -= (size_t)written;
    }
    return 0;
}

static int write_end(struct vz_outlet *outlet, const void *bytes, size_t n)
{
    (void)outlet;
    const int error = write_at(bytes, n, file.end);
    file.end += error ? 0 : n;
    return error;
}

static bool has_room(const struct vz_outlet *outlet)
{
    (void)outlet;
    return true;
}

static int close_outlet(struct vz_outlet *outlet)
{
    (void)outlet;
    return 0;
}

static const struct vz_outlet_ops operations = {.write = write_end, .has_room = has_room, .close = close_outlet};

static uint64_t end_of_file(void) { return file.end; }

static void rewind_file(uint64_t end, bool cut)
{
    if (cut && file.fd >= 0)
        vz_sys_truncate(file.fd, end);
    file.end = end;
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

uint32_t vz_solo_file_gap(uint64_t n)
{
    const uint64_t page = vz_sys_page_bytes() < MAX_PAGE_BYTES ? vz_sys_page_bytes() : MAX_PAGE_BYTES;
    return (uint32_t)(-(file.end + n) % page);
}

/* Where the file system has no way to give blocks but writing to them. */
static int write_zeros(uint64_t offset, uint64_t bytes)
{
    static const char zeros[PIECE_BYTES];
    int error = 0;
    for (uint64_t at = 0; at < bytes && !error; at += PIECE_BYTES)
        error = write_at(zeros, bytes - at < PIECE_BYTES ? (size_t)(bytes - at) : PIECE_BYTES, offset + at);
    return error;
}

int vz_solo_file_map(const void *head, size_t n, void *address, uint64_t bytes)
{
    const uint64_t start = file.end + n;
    if (start + bytes > vz_sys_file_limit())
        return -EFBIG;
    uint32_t n_tries = 0;
    long error;
    do /* a page without blocks on a full disk is SIGBUS */
        error = vz_sys_allocate(file.fd, start, bytes);
    while (is_open_again(error, &n_tries));
    if (error == -EOPNOTSUPP || error == -ENOSYS)
        error = write_zeros(start, bytes);
    if (!error)
        error = write_at(head, n, file.end);
    if (!error) {
        long mapped;
        do
            mapped = vz_sys_map_over(address, (size_t)bytes, file.fd, start);
        while (is_open_again(mapped, &n_tries));
        error = mapped < 0 && mapped > -4096 ? mapped : 0;
    }
    if (error) {
        vz_sys_truncate(file.fd, file.end); /* an unused piece is no block */
        return (int)error;
    }
    if (file.n_pieces < MAX_PIECES) {
        file.pieces[file.n_pieces].offset = start;
        file.pieces[file.n_pieces++].bytes = bytes;
    }
    file.end = start + bytes;
    return 0;
}

void vz_solo_file_empty(void)
{
    for (uint32_t i = 0; i < file.n_pieces; i++)
        vz_sys_punch(file.fd, file.pieces[i].offset, file.pieces[i].bytes);
}

const struct vz_solo_place vz_solo_file = {.holds_region = true,
                                           .create = create,
                                           .forget = close_file,
                                           .open = open_file,
                                           .close = close_file,
                                           .end = end_of_file,
                                           .rewind = rewind_file};
