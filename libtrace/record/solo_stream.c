/* Streaming the own trace: see solo_stream.h. */
#define _GNU_SOURCE
#include "solo_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "collect/opening.h"
#include "solo_place.h"
#include "sys.h"
#include "sys_files.h"
#include "sys_sockets.h"

#define FIRST_PAUSE_NS UINT64_C(100000000) /* before trying again; doubled each time, up to: */
#define LONGEST_PAUSE_NS UINT64_C(5000000000)
#define PATIENCE_NS UINT64_C(10000000000) /* for the receiver's part of the opening */
#define READS_AT_ONCE 64
#define FIRST_RING_BYTES ((size_t)256 << 10)
#define MAX_RING_BYTES ((size_t)64 << 20)

enum state { CLOSED, CONNECTING, GREETING, PROVING, BEGINNING, OPEN };

static struct {
    struct vz_outlet outlet;
    const struct vz_config_solo *config;
    uint8_t id[VZ_STREAM_ID_BYTES];

    int socket; /* -1: none */
    struct vz_sys_identity identity;
    enum state state;
    uint64_t next_try_ns, pause_ns, opened_ns;
    struct vz_opening opening;
    size_t n_sent, n_received; /* of the message of the opening that is on its way */
    uint8_t acknowledgement[8];
    size_t n_acknowledgement;

    uint8_t *ring; /* what is not acknowledged: offsets [begin, end) of the stream; that of `base` lies at its start */
    size_t capacity;
    uint64_t base, begin, sent, end;
    uint64_t highest; /* of `sent`, over all connections: nobody can have more */
} stream = {.socket = -1};

/* ---- what is kept ------------------------------------------------------------------------------------------------- */

static size_t place_of(uint64_t offset) { return (size_t)((offset - stream.base) % stream.capacity); }

/* Room for n more bytes. */
static int grow(size_t n)
{
    const size_t used = (size_t)(stream.end - stream.begin);
    size_t capacity = stream.capacity ? stream.capacity : FIRST_RING_BYTES;
    while (capacity - used < n && capacity < MAX_RING_BYTES)
        capacity *= 2;
    if (capacity - used < n)
        return -ENOMEM;
    if (capacity == stream.capacity)
        return 0;
    uint8_t *ring = vz_sys_map(capacity, PROT_READ | PROT_WRITE, -1, 0);
    if (!ring)
        return -ENOMEM;
    for (uint64_t at = stream.begin; at < stream.end;) {
        const size_t place = place_of(at), to_wrap = stream.capacity - place;
        const size_t piece = stream.end - at < to_wrap ? (size_t)(stream.end - at) : to_wrap;
        memcpy(ring + (at - stream.begin), stream.ring + place, piece);
        at += piece;
    }
    /* A fork by another thread in between must not leave the child with what is not mapped. */
    uint8_t *const old = stream.ring;
    const size_t old_capacity = stream.capacity;
    stream.ring = ring;
    stream.capacity = capacity;
    stream.base = stream.begin;
    if (old)
        vz_sys_unmap(old, old_capacity);
    return 0;
}

static int add(struct vz_outlet *outlet, const void *bytes, size_t n)
{
    (void)outlet;
    const int error = grow(n);
    if (error)
        return error;
    const size_t place = place_of(stream.end), to_wrap = stream.capacity - place;
    const size_t first = n < to_wrap ? n : to_wrap;
    memcpy(stream.ring + place, bytes, first);
    memcpy(stream.ring, (const uint8_t *)bytes + first, n - first);
    stream.end += n;
    return 0;
}

/* What comes before offset is the receiver's. An empty ring begins again at its start: so little of it becomes real. */
static void release(uint64_t offset)
{
    stream.begin = offset;
    if (stream.begin == stream.end)
        stream.base = stream.begin;
}

static bool has_room(const struct vz_outlet *outlet)
{
    (void)outlet;
    return stream.end - stream.begin < stream.config->buffer_bytes;
}

static int close_outlet(struct vz_outlet *outlet)
{
    (void)outlet;
    return 0;
}

static const struct vz_outlet_ops operations = {.write = add, .has_room = has_room, .close = close_outlet};

/* ---- the connection ----------------------------------------------------------------------------------------------- */

/* Whether the descriptor is still our socket: the program may have closed it, and opened another file under its number. */
static bool has_socket(void)
{
    struct vz_sys_identity found;
    return stream.socket >= 0 && vz_sys_identify(stream.socket, &found) == 0 &&
           found.device == stream.identity.device && found.inode == stream.identity.inode;
}

static void disconnect(void)
{
    if (has_socket())
        vz_sys_close(stream.socket);
    stream.socket = -1;
    stream.state = CLOSED;
    stream.next_try_ns = vz_sys_monotonic_ns() + stream.pause_ns;
    stream.pause_ns = stream.pause_ns * 2 < LONGEST_PAUSE_NS ? stream.pause_ns * 2 : LONGEST_PAUSE_NS;
}

static void connect_socket(void)
{
    stream.opened_ns = vz_sys_monotonic_ns();
    stream.socket = vz_sys_socket(stream.config->family);
    if (stream.socket < 0 || vz_sys_identify(stream.socket, &stream.identity) != 0) {
        disconnect();
        return;
    }
    stream.state = CONNECTING;
    stream.n_sent = stream.n_received = stream.n_acknowledgement = 0;
}

/* What a call on the socket said: true: it is done; false with *broken: the connection is. */
static bool is_done(long result, size_t n, size_t *done, bool *broken)
{
    if (result > 0)
        *done += (size_t)result;
    *broken = result == 0 || (result < 0 && result != -EAGAIN && result != -EINTR);
    return *done == n;
}

/* Sends or receives the rest of a message of n bytes. */
static bool send_message(const void *bytes, size_t n, bool *broken)
{
    const long sent = vz_sys_send(stream.socket, (const char *)bytes + stream.n_sent, n - stream.n_sent);
    return is_done(sent, n, &stream.n_sent, broken);
}

static bool receive_message(void *bytes, size_t n, bool *broken)
{
    const long got = vz_sys_receive(stream.socket, (char *)bytes + stream.n_received, n - stream.n_received);
    return is_done(got, n, &stream.n_received, broken);
}

static void turn_to(enum state state)
{
    stream.state = state;
    stream.n_sent = stream.n_received = 0;
}

static int start_opening(void)
{
    uint8_t nonce[VZ_STREAM_NONCE_BYTES];
    if (vz_sys_random(nonce, sizeof nonce) != (long)sizeof nonce)
        return -EIO;
    stream.opening = (struct vz_opening){.token = stream.config->token_bytes ? stream.config->token : NULL,
                                         .token_bytes = stream.config->token_bytes};
    memcpy(stream.opening.stream_id, stream.id, sizeof stream.id);
    vz_opening_greet(&stream.opening, nonce);
    turn_to(GREETING);
    return 0;
}

/* From where on the receiver lacks the stream. */
static int take_welcome(void)
{
    const int error = vz_opening_check(&stream.opening);
    const uint64_t offset = stream.opening.welcome.offset;
    if (error)
        return error == -EPERM ? -EKEYREJECTED : -EAGAIN;
    if (offset >= stream.begin && offset <= stream.highest)
        release(offset);
    stream.sent = stream.begin;
    turn_to(BEGINNING);
    return 0;
}

/* One step of the opening. Returns 0, -EAGAIN: no further for now, -ECONNRESET: broken, or what will not change. */
static int step(void)
{
    bool broken = false, done = false;
    long result;
    int error = 0;
    switch (stream.state) {
    case CONNECTING:
        result = vz_sys_connect(stream.socket, stream.config);
        if (result == -EINPROGRESS || result == -EALREADY)
            return -EAGAIN;
        return result == 0 || result == -EISCONN ? start_opening() : -ECONNRESET;
    case GREETING:
        done = stream.n_sent == sizeof stream.opening.hello ||
               send_message(&stream.opening.hello, sizeof stream.opening.hello, &broken);
        done = done && receive_message(&stream.opening.challenge, sizeof stream.opening.challenge, &broken);
        error = done ? vz_opening_prove(&stream.opening) : 0;
        if (done)
            turn_to(PROVING);
        break;
    case PROVING:
        done = stream.n_sent == sizeof stream.opening.proof ||
               send_message(stream.opening.proof, sizeof stream.opening.proof, &broken);
        done = done && receive_message(&stream.opening.welcome, sizeof stream.opening.welcome, &broken);
        error = done ? take_welcome() : 0;
        break;
    case BEGINNING:
        done = send_message(&stream.sent, sizeof stream.sent, &broken);
        if (done)
            turn_to(OPEN);
        break;
    default:
        break;
    }
    if (error)
        return error == -EPERM ? -EKEYREJECTED : error == -EAGAIN ? -ECONNRESET : error;
    return broken ? -ECONNRESET : done ? 0 : -EAGAIN;
}

/* False: the connection is broken. */
static bool take_acknowledgements(void)
{
    for (int i = 0; i < READS_AT_ONCE; i++) {
        const size_t n = stream.n_acknowledgement;
        const long got = vz_sys_receive(stream.socket, stream.acknowledgement + n, sizeof stream.acknowledgement - n);
        uint64_t offset;
        if (got <= 0)
            return got == -EAGAIN || got == -EINTR;
        stream.n_acknowledgement += (size_t)got;
        if (stream.n_acknowledgement < sizeof stream.acknowledgement)
            continue;
        stream.n_acknowledgement = 0;
        memcpy(&offset, stream.acknowledgement, sizeof offset);
        if (offset > stream.sent || offset <= stream.begin) /* nothing new: it may go on with that for ever */
            return false;
        release(offset);
        stream.pause_ns = FIRST_PAUSE_NS; /* not before: a receiver may open streams only to close them */
    }
    return true; /* the rest next time: who called may hold back the program's signals */
}

/* False: the connection is broken. */
static bool send_more(void)
{
    while (stream.sent < stream.end) {
        const size_t place = place_of(stream.sent), to_wrap = stream.capacity - place;
        const uint64_t rest = stream.end - stream.sent;
        const long sent = vz_sys_send(stream.socket, stream.ring + place, rest < to_wrap ? (size_t)rest : to_wrap);
        if (sent <= 0)
            return sent == -EAGAIN || sent == -EINTR;
        stream.sent += (uint64_t)sent;
        stream.highest = stream.sent > stream.highest ? stream.sent : stream.highest;
    }
    return true;
}

int vz_solo_stream_go_on(void)
{
    const uint64_t now = vz_sys_monotonic_ns();
    if (stream.state != CLOSED && !has_socket())
        disconnect();
    if (stream.state == CLOSED && now >= stream.next_try_ns)
        connect_socket();
    while (stream.state != CLOSED && stream.state != OPEN) {
        const int error = step();
        if (error == -EAGAIN && now < stream.opened_ns + PATIENCE_NS)
            return 0;
        if (error == -EKEYREJECTED)
            return error;
        if (error)
            disconnect();
    }
    if (stream.state == OPEN && !(take_acknowledgements() && send_more() && take_acknowledgements()))
        disconnect();
    return 0;
}

bool vz_solo_stream_is_open(void) { return stream.state == OPEN; }

uint64_t vz_solo_stream_backlog(void) { return stream.end - stream.begin; }

void vz_solo_stream_wait(uint64_t timeout_ns)
{
    const bool is_sending = stream.state == CONNECTING || stream.state == BEGINNING ||
                            (stream.state == GREETING && stream.n_sent < sizeof stream.opening.hello) ||
                            (stream.state == PROVING && stream.n_sent < sizeof stream.opening.proof) ||
                            (stream.state == OPEN && stream.sent < stream.end);
    vz_sys_wait_for_socket(stream.state == CLOSED ? -1 : stream.socket, is_sending, timeout_ns);
}

static int create(const struct vz_config_solo *config, struct vz_outlet **outlet)
{
    stream.outlet = (struct vz_outlet){.ops = &operations, .name = config->log};
    stream.config = config;
    stream.state = CLOSED;
    stream.next_try_ns = 0;
    stream.pause_ns = FIRST_PAUSE_NS;
    stream.base = stream.begin = stream.sent = stream.end = stream.highest = 0;
    *outlet = &stream.outlet;
    return vz_sys_random(stream.id, sizeof stream.id) == (long)sizeof stream.id ? 0 : -EIO;
}

static void forget(void)
{
    stream.ring = NULL; /* another thread may have been about to exchange it */
    stream.capacity = 0;
    if (has_socket())
        vz_sys_close(stream.socket);
    stream.socket = -1;
    stream.state = CLOSED;
}

/* There is nothing to open around writes: they go to memory. */
static int open_nothing(void) { return 0; }
static void close_nothing(void) {}

const struct vz_solo_place vz_solo_stream = {
    .create = create, .forget = forget, .open = open_nothing, .close = close_nothing};
