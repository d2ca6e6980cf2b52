/* The sending thread and what it shares with the collector: see stream.h.
 *
 * The lock guards the spool and the flags; it is never held over a system call but the waits on its conditions. The thread
 * blocks all signals: they are the collector's.
 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

#define OPENING_TIMEOUT_S 10
#define SILENCE_TIMEOUT_MS 30000 /* a receiver that acknowledges nothing for so long is gone: TCP_USER_TIMEOUT */
#define FIRST_PAUSE_MS 100       /* before trying again; doubled each time, up to: */
#define LONGEST_PAUSE_MS 5000
#define PATIENCE_S 10 /* when waiting for room or for the end: how long nothing may be acknowledged */

struct vz_stream {
    struct vz_stream_target target;
    uint8_t id[VZ_STREAM_ID_BYTES];
    char host[256], port[256];
    pthread_t thread;
    int socket;    /* of the connection; -1: there is none */
    uint64_t sent; /* offset of the next byte to send over it */
    int wake;      /* eventfd: something was added, or the stream is closing */

    pthread_mutex_t lock;
    pthread_cond_t acknowledged; /* the spool begins later, or the stream has failed */
    struct vz_spool spool;
    bool is_closing;   /* nothing more will be added */
    bool is_abandoned; /* what is left will not be sent */
    bool has_failed;   /* the receiver refuses us */
    const char *refusal;
};

bool vz_stream_parse_target(const char *text, char *host, char *port, size_t capacity)
{
    if (strncmp(text, "tcp://", 6) != 0)
        return false;
    text += 6;
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || !colon[1] || strlen(text) >= capacity)
        return false;
    size_t n = (size_t)(colon - text);
    if (text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    } else if (memchr(text, ':', n)) {
        return false; /* an IPv6 address without its brackets */
    }
    memcpy(host, text, n);
    host[n] = 0;
    strcpy(port, colon + 1);
    return n > 0;
}

/* Timeouts, so that no call blocks for ever; and no delay for the small blocks of a calm program. */
static void configure(int fd)
{
    struct timeval timeout = {.tv_sec = OPENING_TIMEOUT_S};
    int yes = 1, silence = SILENCE_TIMEOUT_MS;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof(silence));
}

/* A connected socket, or -errno; -ENOENT: there is no such host. */
static int connect_to(const struct vz_stream *stream)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    if (getaddrinfo(stream->host, stream->port, &hints, &list) != 0)
        return -ENOENT;
    int result = -ENOENT;
    for (struct addrinfo *address = list; address && result < 0; address = address->ai_next) {
        int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, address->ai_protocol);
        if (fd < 0) {
            result = -errno;
            continue;
        }
        configure(fd);
        result = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? fd : -errno;
        if (result < 0)
            close(fd);
    }
    freeaddrinfo(list);
    return result;
}

/* Connects and goes through the opening. Returns 0 or -errno; sets has_failed if that will not change. */
static int open_connection(struct vz_stream *stream)
{
    int fd = connect_to(stream);
    if (fd < 0)
        return fd;
    struct vz_handshake handshake = {
        .stream_id = stream->id, .token = stream->target.token, .token_bytes = stream->target.token_bytes};
    uint64_t offset;
    int error = vz_handshake(fd, &handshake, &offset);
    pthread_mutex_lock(&stream->lock);
    if (error == -EPERM) {
        stream->has_failed = true;
        stream->refusal = handshake.refusal;
    } else if (!error) {
        vz_spool_release(&stream->spool, offset);
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
    for (;;) {
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
        if (offset > stream->sent)
            return false;
        acknowledge(stream, offset);
    }
}

/* Whether there is nothing more to send, ever. With the lock. */
static bool is_over(const struct vz_stream *stream)
{
    return stream->has_failed || stream->is_abandoned ||
           (stream->is_closing && stream->spool.begin == stream->spool.end);
}

/* What is to be sent next. The collector adds behind it only, so these bytes stay as they are without the lock. */
static size_t view_unsent(struct vz_stream *stream, const void **bytes, bool *is_done)
{
    pthread_mutex_lock(&stream->lock);
    size_t n = vz_spool_view(&stream->spool, stream->sent, bytes);
    *is_done = is_over(stream);
    pthread_mutex_unlock(&stream->lock);
    return n;
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
        bool is_done, can_send = false, has_come = false;
        size_t n = view_unsent(stream, &bytes, &is_done);
        if (is_done || !wait_for_connection(stream, n > 0, &can_send, &has_come))
            return;
        if (has_come && !take_acknowledgements(stream, partial, &n_partial))
            return;
        if (!can_send)
            continue;
        ssize_t sent = send(stream->socket, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return;
        stream->sent += sent > 0 ? (uint64_t)sent : 0;
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
        pause_ms = FIRST_PAUSE_MS;
        run_connection(stream);
        close_connection(stream);
    }
    return NULL;
}

/* What to say of a receiver that could not be reached when the recording was about to begin. */
static void say_unreachable(const struct vz_stream *stream, int error)
{
    const char *name = stream->target.name;
    if (stream->refusal)
        vz_message_error("%s: the receiver refuses the stream: %s", name, stream->refusal);
    else if (error == -ENOENT)
        vz_message_error("%s: there is no such host or port", name);
    else if (error == -ECONNREFUSED)
        vz_message_error("%s: nobody listens there; start `vizreport receive` or `vizreport live` first", name);
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

int vz_stream_open(const struct vz_stream_target *target, struct vz_stream **result)
{
    struct vz_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    stream->target = *target;
    stream->socket = -1;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->acknowledged, NULL);
    stream->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = stream->wake < 0 ? -errno : 0;
    if (!error && getrandom(stream->id, sizeof(stream->id), 0) != (ssize_t)sizeof(stream->id))
        error = -errno;
    if (!error && !vz_stream_parse_target(target->name, stream->host, stream->port, sizeof(stream->host)))
        error = -ENOENT;
    if (!error)
        error =
            vz_spool_open(target->spool_directory, target->spool_bytes + target->spool_margin_bytes, &stream->spool);
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
    bool has_room = stream->spool.end - stream->spool.begin < stream->target.spool_bytes;
    pthread_mutex_unlock(&stream->lock);
    return has_room;
}

/* Waits until something is acknowledged. With the lock. False: nothing was for PATIENCE_S. */
static bool wait_for_acknowledgement(struct vz_stream *stream)
{
    uint64_t before = stream->spool.begin;
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    while (stream->spool.begin == before && !stream->has_failed) {
        if (pthread_cond_timedwait(&stream->acknowledged, &stream->lock, &deadline) == ETIMEDOUT)
            return stream->spool.begin != before;
    }
    return !stream->has_failed;
}

int vz_stream_write(struct vz_stream *stream, const void *bytes, size_t n)
{
    int error = -ENOSPC;
    pthread_mutex_lock(&stream->lock);
    while (!stream->has_failed && (error = vz_spool_add(&stream->spool, bytes, n)) == -ENOSPC &&
           wait_for_acknowledgement(stream))
        ;
    if (stream->has_failed)
        error = -ECONNREFUSED;
    pthread_mutex_unlock(&stream->lock);
    wake_sender(stream);
    return error == -ENOSPC ? -ETIMEDOUT : error;
}

uint64_t vz_stream_close(struct vz_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->is_closing = true;
    wake_sender(stream);
    while (stream->spool.begin != stream->spool.end && wait_for_acknowledgement(stream))
        ;
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
