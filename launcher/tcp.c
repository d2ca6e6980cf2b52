/* Connecting to a receiver: see tcp.h. */
#define _GNU_SOURCE
#include "tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPENING_TIMEOUT_S 10
#define SILENCE_TIMEOUT_MS 30000 /* a receiver that acknowledges nothing for so long is gone: TCP_USER_TIMEOUT */

bool vz_tcp_parse_target(const char *text, char *host, char *port, size_t capacity)
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

int vz_tcp_connect(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    if (getaddrinfo(host, port, &hints, &list) != 0)
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
