/* The sending thread and what it shares with the collector: see stream.h.
 *
 * The lock guards the spool and the flags; it is never held over a system call but the waits on its conditions. The thread
 * blocks all signals: they are the collector's.
 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "handshake.h"
#include "message.h"
#include "spool.h"
#include "tcp.h"

#define READS_AT_ONCE 64   /* of acknowledgements */
#define FIRST_PAUSE_MS 100 /* before trying again; doubled each time, up to: */
#define LONGEST_PAUSE_MS 5000
#define PATIENCE_MS 10000    /* when waiting for room or for the end: how long nothing may be acknowledged */
#define PATIENCE_STEP_MS 250 /* how often to look whether we are told to end meanwhile */

struct vz_stream {
    struct vz_stream_target target;
    uint8_t id[VZ_STREAM_ID_BYTES];
    char host[256], port[256];
    pthread_t thread;
    int socket;       /* of the connection; -1: there is none */
    uint64_t sent;    /* offset of the next byte to send over it */
    uint64_t highest; /* of `sent`, over all connections: nobody can have more */
    int wake;         /* eventfd: something was added, or the stream is closing */

    pthread_mutex_t lock;
    pthread_cond_t acknowledged; /* the spool begins later, or the stream has failed */
    struct vz_spool spool;
    bool is_closing;     /* nothing more will be added */
    bool is_abandoned;   /* what is left will not be sent */
    const char *failure; /* why nothing more will be sent; NULL: it goes on */
};

/* Connects and goes through the opening. Returns 0 or -errno; sets failure if that will not change. */
static int open_connection(struct vz_stream *stream)
{
    int fd = vz_tcp_connect(stream->host, stream->port);
    if (fd < 0)
        return fd;
    struct vz_opening opening = {.token = stream->target.token, .token_bytes = stream->target.token_bytes};
    memcpy(opening.stream_id, stream->id, sizeof(opening.stream_id));
    int error = vz_handshake(fd, &opening);
    pthread_mutex_lock(&stream->lock);
    if (error == -EPERM) {
        stream->failure = opening.refusal;
    } else if (!error) {
        if (opening.welcome.offset <= stream->highest)
            vz_spool_release(&stream->spool, opening.welcome.offset);
        stream->sent = stream->spool.begin;
    }
    pthread_cond_broadcast(&stream->acknowledged);
    pthread_mutex_unlock(&stream->lock);
    if (!error && send(fd, &stream->sent, sizeof(stream->sent), MSG_NOSIGNAL) != (ssize_t)sizeof(stream->sent))
        error = -EPIPE;
    if (!error && fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        error = -errno;
    if (error)
        close(fd);
    stream->socket = error ? -1 : fd;
    return error;
}

static void close_connection(struct vz_stream *stream)
{
    close(stream->socket);
    stream->socket = -1;
}

static void acknowledge(struct vz_stream *stream, uint64_t offset)
{
    pthread_mutex_lock(&stream->lock);
    vz_spool_release(&stream->spool, offset);
    pthread_cond_broadcast(&stream->acknowledged);
    pthread_mutex_unlock(&stream->lock);
}

/* Reads acknowledgements. `partial` keeps the bytes of one that has not come whole. False: the connection has ended, or the
 * receiver claims to have what was never sent. */
static bool take_acknowledgements(struct vz_stream *stream, uint8_t partial[8], size_t *n_partial)
{
    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t got = recv(stream->socket, partial + *n_partial, 8 - *n_partial, 0);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        if (got == 0)
            return false;
        *n_partial += (size_t)got;
        if (*n_partial < 8)
            continue;
        uint64_t offset;
        memcpy(&offset, partial, sizeof(offset));
        *n_partial = 0;
        if (offset > stream->sent || offset <= stream->spool.begin) /* nothing new: it may go on with that for ever */
            return false;
        acknowledge(stream, offset);
    }
    return true; /* there are more: a receiver that floods us must not keep us from sending */
}

/* Whether there is nothing more to send, ever. With the lock. */
static bool is_over(const struct vz_stream *stream)
{
    return stream->failure || stream->is_abandoned || (stream->is_closing && stream->spool.begin == stream->spool.end);
}

/* Nothing more will be sent, and why. */
static void fail(struct vz_stream *stream, const char *why)
{
    pthread_mutex_lock(&stream->lock);
    stream->failure = why;
    pthread_cond_broadcast(&stream->acknowledged);
    pthread_mutex_unlock(&stream->lock);
}

/* What is to be sent next; false: nothing more is, ever. The collector adds behind it only, so these bytes stay as they are
 * without the lock. */
static bool view_unsent(struct vz_stream *stream, const void **bytes, size_t *n)
{
    pthread_mutex_lock(&stream->lock);
    uint64_t end = stream->spool.end;
    bool is_done = is_over(stream);
    pthread_mutex_unlock(&stream->lock);
    if (is_done)
        return false;
    *n = stream->sent < end ? vz_spool_view(&stream->spool, stream->sent, end, bytes) : 0;
    if (*n == 0 && stream->sent < end)
        fail(stream, "the file that it is sent from can't be read");
    return *n > 0 || stream->sent == end;
}

/* Waits until the connection can take or has brought something, or the collector woke us. False: the connection is broken. */
static bool wait_for_connection(struct vz_stream *stream, bool has_unsent, bool *can_send, bool *has_come)
{
    struct pollfd ready[2] = {{.fd = stream->socket, .events = (short)(has_unsent ? POLLIN | POLLOUT : POLLIN)},
                              {.fd = stream->wake, .events = POLLIN}};
    uint64_t count;
    if (poll(ready, 2, -1) < 0)
        return errno == EINTR;
    if (ready[1].revents && read(stream->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return false;
    *can_send = ready[0].revents & POLLOUT;
    *has_come = ready[0].revents & (POLLIN | POLLERR | POLLHUP);
    return true;
}

/* Sends over one connection until it ends, or all is acknowledged. */
static void run_connection(struct vz_stream *stream)
{
    uint8_t partial[8];
    size_t n_partial = 0;
    for (;;) {
        const void *bytes;
        bool can_send = false, has_come = false;
        size_t n;
        if (!view_unsent(stream, &bytes, &n) || !wait_for_connection(stream, n > 0, &can_send, &has_come))
            return;
        if (has_come && !take_acknowledgements(stream, partial, &n_partial))
            return;
        if (!can_send)
            continue;
        ssize_t sent = send(stream->socket, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return;
        stream->sent += sent > 0 ? (uint64_t)sent : 0;
        stream->highest = stream->sent > stream->highest ? stream->sent : stream->highest;
    }
}

/* Sleeps before the next attempt, longer each time. */
static void pause_attempts(long *pause_ms)
{
    struct timespec pause = {.tv_sec = *pause_ms / 1000, .tv_nsec = *pause_ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
    *pause_ms = *pause_ms * 2 < LONGEST_PAUSE_MS ? *pause_ms * 2 : LONGEST_PAUSE_MS;
}

static bool is_over_now(struct vz_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool over = is_over(stream);
    pthread_mutex_unlock(&stream->lock);
    return over;
}

static void *run(void *argument)
{
    struct vz_stream *stream = argument;
    long pause_ms = FIRST_PAUSE_MS;
    while (!is_over_now(stream)) {
        if (stream->socket < 0 && open_connection(stream) != 0) {
            pause_attempts(&pause_ms);
            continue;
        }
        uint64_t begin = stream->spool.begin; /* changed by this thread alone */
        run_connection(stream);
        close_connection(stream);
        if (stream->spool.begin > begin)
            pause_ms = FIRST_PAUSE_MS;
        else if (!is_over_now(stream)) /* a receiver that takes nothing is asked ever less often */
            pause_attempts(&pause_ms);
    }
    return NULL;
}

/* What to say of a receiver that could not be reached when the recording was about to begin. */
static void say_unreachable(const struct vz_stream *stream, int error)
{
    const char *name = stream->target.name;
    if (stream->failure)
        vz_message_error("%s: the receiver refuses the stream: %s", name, stream->failure);
    else if (error == -ENOENT)
        vz_message_error("%s: there is no such host or port", name);
    else if (error == -EBUSY)
        vz_message_error("%s: the receiver takes no more streams now, or can't write its file: it says which", name);
    else if (error == -ECONNREFUSED)
        vz_message_error("%s: nobody listens there; start `vizreport receive` or `vizreport live` first", name);
    else if (error == -EAGAIN || error == -EPROTO || error == -ECONNRESET)
        vz_message_error("%s: what listens there does not answer as a receiver does; is it the port of --listen?",
                         name);
    else
        vz_message_error("%s: can't open the stream: %s", name, strerror(-error));
}

/* The thread inherits the blocked signals. */
static int start_thread(struct vz_stream *stream)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&stream->thread, NULL, run, stream);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

static void free_stream(struct vz_stream *stream)
{
    vz_spool_close(&stream->spool);
    if (stream->socket >= 0)
        close(stream->socket);
    if (stream->wake >= 0)
        close(stream->wake);
    pthread_cond_destroy(&stream->acknowledged);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

static int open_spool(const struct vz_stream_target *target, struct vz_spool *spool)
{
    if (target->file >= 0)
        return vz_spool_open_file(target->file, spool);
    return vz_spool_open(target->spool_directory, target->spool_bytes + target->spool_margin_bytes, spool);
}

int vz_stream_open(const struct vz_stream_target *target, struct vz_stream **result)
{
    struct vz_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    stream->target = *target;
    stream->socket = -1;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&stream->acknowledged, &attributes);
    pthread_condattr_destroy(&attributes);
    stream->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = stream->wake < 0 ? -errno : 0;
    if (!error && getrandom(stream->id, sizeof(stream->id), 0) != (ssize_t)sizeof(stream->id))
        error = -errno;
    if (!error && !vz_tcp_parse_target(target->name, stream->host, stream->port, sizeof(stream->host)))
        error = -ENOENT;
    if (!error)
        error = open_spool(target, &stream->spool);
    if (!error)
        error = open_connection(stream);
    if (!error)
        error = start_thread(stream);
    if (error) {
        say_unreachable(stream, error);
        free_stream(stream);
        return error;
    }
    *result = stream;
    return 0;
}

static void wake_sender(struct vz_stream *stream)
{
    uint64_t one = 1;
    if (write(stream->wake, &one, sizeof(one)) < 0)
        return; /* it is awake: the counter is full */
}

bool vz_stream_has_room(struct vz_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool has_room = stream->target.file >= 0 || stream->spool.end - stream->spool.begin < stream->target.spool_bytes;
    pthread_mutex_unlock(&stream->lock);
    return has_room;
}

const char *vz_stream_failure(struct vz_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    const char *failure = stream->failure;
    pthread_mutex_unlock(&stream->lock);
    return failure;
}

static struct timespec later(long ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += ms % 1000 * 1000000;
    time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

/* Waits until something is acknowledged, for so long. With the lock. */
static bool wait_for_acknowledgement(struct vz_stream *stream, long ms)
{
    uint64_t before = stream->spool.begin;
    struct timespec deadline = later(ms);
    while (stream->spool.begin == before && !stream->failure &&
           pthread_cond_timedwait(&stream->acknowledged, &stream->lock, &deadline) != ETIMEDOUT)
        ;
    return stream->spool.begin != before;
}

int vz_stream_write(struct vz_stream *stream, const void *bytes, size_t n)
{
    int error = -ENOSPC;
    pthread_mutex_lock(&stream->lock);
    while (!stream->failure && (error = vz_spool_add(&stream->spool, bytes, n)) == -ENOSPC &&
           wait_for_acknowledgement(stream, PATIENCE_MS))
        ;
    if (stream->failure)
        error = -ECONNREFUSED;
    pthread_mutex_unlock(&stream->lock);
    wake_sender(stream);
    return error == -ENOSPC ? -ETIMEDOUT : error;
}

/* Whether someone wants us to end: such signals are blocked. */
static bool is_told_to_end(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    static const struct timespec now = {0};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        sigaddset(&set, numbers[i]);
    return sigtimedwait(&set, NULL, &now) > 0;
}

/* Waits until all is acknowledged. With the lock. */
static void wait_for_all(struct vz_stream *stream)
{
    long waited_ms = 0, silent_ms = 0;
    while (stream->spool.begin != stream->spool.end && !stream->failure && silent_ms < PATIENCE_MS) {
        silent_ms = wait_for_acknowledgement(stream, PATIENCE_STEP_MS) ? 0 : silent_ms + PATIENCE_STEP_MS;
        waited_ms += silent_ms ? PATIENCE_STEP_MS : 0;
        if (waited_ms == 4 * PATIENCE_STEP_MS)
            vz_message_progress("Waiting for the receiver, which lacks %llu bytes; Ctrl-C gives up",
                                (unsigned long long)(stream->spool.end - stream->spool.begin));
        if (is_told_to_end())
            return;
    }
}

uint64_t vz_stream_close(struct vz_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->is_closing = true;
    wake_sender(stream);
    wait_for_all(stream);
    stream->is_abandoned = true;
    uint64_t missing = stream->spool.end - stream->spool.begin;
    pthread_mutex_unlock(&stream->lock);
    wake_sender(stream);
    if (missing)
        return missing; /* the thread may be in a long attempt to connect: it goes with the process */
    pthread_join(stream->thread, NULL);
    free_stream(stream);
    return 0;
}
