/* CSV for people and scripts (docs/trace-format.md): one line for each event, and a second file with what the events refer to.
 *
 *   NAME.csv         time_ns,pid,tid,function,address,size,stack_id
 *   NAME.stacks.csv  record,image,id,parent,address,end,bias,generation,build_id,name
 *
 * A stack_id is one in the whole file: the image's number times 2^24, plus the node's id in it; 0 is "no stack", 1 and 2 are
 * roots of stacks that were cut. Samples and notes are left out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/kinds.h"
#include "io.h"
#include "message.h"
#include "record/shm.h"
#include "sink.h"

#define BUFFER_BYTES (1u << 18)
#define LINE_BYTES 256u /* more than any line of events has */
#define NODE_ID_BITS 24

struct csv_file {
    int fd;
    size_t n;
    char buffer[BUFFER_BYTES];
};

struct csv_image {
    uint32_t pid;
    uint32_t n_threads;
    uint32_t *tids;
};

struct csv_sink {
    struct vz_sink sink;
    struct csv_file events, stacks;
    struct csv_image *images; /* by index */
    uint32_t n_images;
};

static struct csv_sink *self(struct vz_sink *sink) { return (struct csv_sink *)sink; }

/* ---- text ------------------------------------------------------------------------------------------------------- */

static int write_out(struct csv_file *file)
{
    int error = vz_io_write_all(file->fd, file->buffer, file->n);
    file->n = 0;
    return error;
}

/* Makes room for `bytes`, at most BUFFER_BYTES. */
static int reserve(struct csv_file *file, size_t bytes) { return BUFFER_BYTES - file->n < bytes ? write_out(file) : 0; }

static char *put_number(char *at, uint64_t value)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

static char *put_address(char *at, uint64_t value)
{
    int shift = 60;
    *at++ = '0';
    *at++ = 'x';
    while (shift > 0 && !(value >> shift & 15))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[value >> shift & 15];
    return at;
}

/* A text as a quoted field, cut at what a field may have. Zero bytes become spaces: they separate arguments. */
static char *put_quoted(char *at, struct vz_text text, size_t limit)
{
    size_t n = text.bytes < limit ? text.bytes : limit;
    *at++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (text.data[i] == '"')
            *at++ = '"';
        *at++ = text.data[i] ? text.data[i] : ' ';
    }
    *at++ = '"';
    return at;
}

static uint64_t global_id(uint32_t image, uint32_t node)
{
    return node < VZ_NODE_FIRST_ID ? node : ((uint64_t)image << NODE_ID_BITS | node);
}

/* ---- operations ------------------------------------------------------------------------------------------------- */

static int put_image(struct vz_sink *sink, uint32_t image, const struct vz_image_record *record, struct vz_text exe,
                     struct vz_text cwd, struct vz_text args)
{
    struct csv_sink *csv = self(sink);
    (void)exe;
    (void)cwd;
    struct csv_image *grown = realloc(csv->images, (image + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    memset(grown + csv->n_images, 0, (image + 1 - csv->n_images) * sizeof(*grown));
    csv->images = grown;
    csv->n_images = image + 1;
    csv->images[image].pid = record->pid;
    int error = reserve(&csv->stacks, LINE_BYTES + 2 * 4096);
    if (error)
        return error;
    char *line = csv->stacks.buffer + csv->stacks.n;
    char *at = line + sprintf(line, "image,%u,%u,", image, record->pid);
    if (record->parent_image != VZ_NO_IMAGE)
        at = put_number(at, record->parent_image);
    at = put_quoted(stpcpy(at, ",,,,,,"), args, 4096);
    *at++ = '\n';
    csv->stacks.n += (size_t)(at - line);
    return 0;
}

static int put_image_end(struct vz_sink *sink, uint32_t image, const struct vz_image_end_record *record)
{
    (void)record;
    free(self(sink)->images[image].tids);
    self(sink)->images[image].tids = NULL;
    self(sink)->images[image].n_threads = 0;
    return 0;
}

static int put_threads(struct vz_sink *sink, uint32_t image, const struct vz_thread_record *records, uint32_t n)
{
    struct csv_image *of = &self(sink)->images[image];
    for (uint32_t i = 0; i < n; i++) {
        if (records[i].thread >= of->n_threads) {
            uint32_t *grown = realloc(of->tids, (records[i].thread + 1) * sizeof(*grown));
            if (!grown)
                return -ENOMEM;
            of->tids = grown;
            of->n_threads = records[i].thread + 1;
        }
        of->tids[records[i].thread] = records[i].tid;
    }
    return 0;
}

static int put_module(struct csv_file *file, uint32_t image, const struct vz_module_record *record, struct vz_text path)
{
    int error = reserve(file, LINE_BYTES + 2 * 4096);
    if (error)
        return error;
    char *line = file->buffer + file->n;
    char *at = line + sprintf(line, "module,%u,%u,,0x%llx,0x%llx,0x%llx,%u,", image, record->module,
                              (unsigned long long)record->start, (unsigned long long)record->end,
                              (unsigned long long)record->bias, record->generation);
    for (uint32_t i = 0; i < record->build_id_bytes; i++)
        at += sprintf(at, "%02x", record->build_id[i]);
    *at++ = ',';
    at = put_quoted(at, path, 4096);
    *at++ = '\n';
    file->n += (size_t)(at - line);
    return 0;
}

static int put_modules(struct vz_sink *sink, uint32_t image, const struct vz_module_record *records,
                       const struct vz_text *paths, uint32_t n)
{
    int error = 0;
    for (uint32_t i = 0; !error && i < n; i++)
        error = put_module(&self(sink)->stacks, image, &records[i], paths[i]);
    return error;
}

static int put_unload(struct vz_sink *sink, uint32_t image, const struct vz_unload_record *record)
{
    struct csv_file *file = &self(sink)->stacks;
    int error = reserve(file, LINE_BYTES);
    if (!error)
        file->n += (size_t)sprintf(file->buffer + file->n, "unload,%u,%u,,,,,%u,,\n", image, record->module,
                                   record->generation);
    return error;
}

static int put_nodes(struct vz_sink *sink, uint32_t image, const struct vz_node_columns *nodes)
{
    struct csv_file *file = &self(sink)->stacks;
    for (uint32_t i = 0; i < nodes->n; i++) {
        int error = reserve(file, LINE_BYTES);
        if (error)
            return error;
        file->n += (size_t)sprintf(file->buffer + file->n, "%s,%u,%llu,%llu,0x%llx,,,%u,,\n",
                                   nodes->code[i] & 1 ? "interrupted" : "node", image,
                                   (unsigned long long)global_id(image, nodes->node[i]),
                                   (unsigned long long)global_id(image, nodes->parent[i]),
                                   (unsigned long long)nodes->pc[i], nodes->code[i] >> 1);
    }
    return 0;
}

static int put_events(struct vz_sink *sink, uint32_t image, const struct vz_event_columns *events)
{
    struct csv_sink *csv = self(sink);
    struct csv_file *file = &csv->events;
    const struct csv_image *of = &csv->images[image];
    for (uint32_t i = 0; i < events->n; i++) {
        int error = reserve(file, LINE_BYTES);
        if (error)
            return error;
        char *at = put_number(file->buffer + file->n, events->time[i]);
        *at++ = ',';
        at = put_number(at, of->pid);
        *at++ = ',';
        at = put_number(at, events->thread[i] < of->n_threads ? of->tids[events->thread[i]] : 0);
        *at++ = ',';
        at = stpcpy(at, vz_kind_name(events->kind[i]));
        *at++ = ',';
        at = put_address(at, events->address[i]);
        *at++ = ',';
        at = put_number(at, vz_kind_has_size(events->kind[i]) ? events->size[i] : 0);
        *at++ = ',';
        bool has_stack = vz_kind_has_stack(events->kind[i], events->flags & VZ_BLOCK_FREE_STACKS);
        at = put_number(at, has_stack ? global_id(image, events->stack[i]) : 0);
        *at++ = '\n';
        file->n = (size_t)(at - file->buffer);
    }
    return 0;
}

static int put_samples(struct vz_sink *sink, uint32_t image, const struct vz_sample_record *records, uint32_t n)
{
    (void)sink, (void)image, (void)records, (void)n;
    return 0;
}

static int put_note(struct vz_sink *sink, uint32_t image, const struct vz_note_record *record, struct vz_text text)
{
    (void)sink, (void)image, (void)record, (void)text;
    return 0;
}

static int flush(struct vz_sink *sink)
{
    int error = write_out(&self(sink)->stacks); /* first: events refer to it */
    return error ? error : write_out(&self(sink)->events);
}

static int put_end(struct vz_sink *sink, const struct vz_end_record *record)
{
    (void)record;
    return flush(sink);
}

static void close_files(struct vz_sink *sink)
{
    struct csv_sink *csv = self(sink);
    bool has_failed = csv->events.fd >= 0 && close(csv->events.fd) != 0;
    has_failed |= csv->stacks.fd >= 0 && close(csv->stacks.fd) != 0;
    if (has_failed && !sink->has_failed)
        vz_sink_fail(sink, -EIO);
    for (uint32_t i = 0; i < csv->n_images; i++)
        free(csv->images[i].tids);
    free(csv->images);
    free(csv);
}

static const struct vz_sink_ops operations = {.image = put_image,
                                              .image_end = put_image_end,
                                              .threads = put_threads,
                                              .modules = put_modules,
                                              .unload = put_unload,
                                              .nodes = put_nodes,
                                              .events = put_events,
                                              .samples = put_samples,
                                              .note = put_note,
                                              .flush = flush,
                                              .end = put_end,
                                              .close = close_files};

/* NAME.csv -> NAME.stacks.csv; another name gets the suffix as a whole. */
static char *side_path(const char *path)
{
    size_t length = strlen(path);
    bool has_suffix = length > 4 && strcmp(path + length - 4, ".csv") == 0;
    char *side;
    return asprintf(&side, "%.*s.stacks.csv", (int)(has_suffix ? length - 4 : length), path) < 0 ? NULL : side;
}

static int open_file(struct csv_file *file, const char *path, const char *header)
{
    file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (file->fd < 0)
        return -errno;
    file->n = (size_t)(stpcpy(file->buffer, header) - file->buffer);
    return write_out(file);
}

int vz_sink_csv_open(const char *path, const struct vz_sink_session *session, struct vz_sink **sink)
{
    (void)session;
    struct csv_sink *csv = calloc(1, sizeof(*csv));
    char *stacks_path = side_path(path);
    if (!csv || !stacks_path) {
        free(csv);
        free(stacks_path);
        return -ENOMEM;
    }
    csv->sink = (struct vz_sink){.ops = &operations, .name = path};
    csv->events.fd = csv->stacks.fd = -1;
    int error = open_file(&csv->events, path, "time_ns,pid,tid,function,address,size,stack_id\n");
    if (!error)
        error =
            open_file(&csv->stacks, stacks_path, "record,image,id,parent,address,end,bias,generation,build_id,name\n");
    if (error) {
        vz_message_error("%s: can't write the trace: %s; LOG must lie in a directory that is there and writable",
                         csv->events.fd < 0 ? path : stacks_path, strerror(-error));
        csv->sink.has_failed = true;
        close_files(&csv->sink);
    } else {
        *sink = &csv->sink;
    }
    free(stacks_path);
    return error;
}
