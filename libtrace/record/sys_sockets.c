/* Raw kernel calls on sockets: see sys_sockets.h. */
#define _GNU_SOURCE
#include "sys_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sys.h"
#include "sys_call.h"

enum { HIGHEST = 1000, SPARE = 24, LOWEST = 10 };

static long call3(long number, long a, long b, long c) { return vz_sys_call6(number, a, b, c, 0, 0, 0); }

/* From which number on to look for a free one: a table of descriptors is as long as its highest. */
static int choose_lowest(void)
{
    struct {
        uint64_t soft, hard;
    } limit = {.soft = 0};
    vz_sys_call6(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0);
    if (limit.soft > HIGHEST)
        return HIGHEST - SPARE;
    return limit.soft > LOWEST + SPARE ? (int)limit.soft - SPARE : LOWEST;
}

int vz_sys_socket(uint16_t family)
{
    const int yes = 1;
    const long low = call3(SYS_socket, family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (low < 0)
        return (int)low;
    const long high = call3(SYS_fcntl, low, F_DUPFD_CLOEXEC, choose_lowest());
    vz_sys_close((int)low);
    if (high < 0)
        return (int)high;
    vz_sys_call6(SYS_setsockopt, high, IPPROTO_TCP, TCP_NODELAY, (long)&yes, sizeof yes, 0);
    vz_sys_call6(SYS_setsockopt, high, SOL_SOCKET, SO_KEEPALIVE, (long)&yes, sizeof yes, 0);
    return (int)high;
}

long vz_sys_connect(int socket, const struct vz_config_solo *config)
{
    if (config->family == AF_INET6) {
        struct sockaddr_in6 address = {
            .sin6_family = AF_INET6, .sin6_port = htons(config->port), .sin6_scope_id = config->scope};
        memcpy(&address.sin6_addr, config->address, sizeof address.sin6_addr);
        return call3(SYS_connect, socket, (long)&address, sizeof address);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(config->port)};
    memcpy(&address.sin_addr, config->address, sizeof address.sin_addr);
    return call3(SYS_connect, socket, (long)&address, sizeof address);
}

long vz_sys_send(int socket, const void *bytes, size_t n)
{
    return vz_sys_call6(SYS_sendto, socket, (long)bytes, (long)n, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
}

long vz_sys_receive(int socket, void *bytes, size_t n)
{
    return vz_sys_call6(SYS_recvfrom, socket, (long)bytes, (long)n, MSG_DONTWAIT, 0, 0);
}

void vz_sys_wait_for_socket(int socket, bool to_send, uint64_t timeout_ns)
{
    struct pollfd ready = {.fd = socket, .events = (short)(to_send ? POLLIN | POLLOUT : POLLIN)};
    const long timeout[] = {(long)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)}; /* the old timespec */
    vz_sys_call6(SYS_ppoll, (long)&ready, 1, (long)timeout, 0, 8, 0);
}

long vz_sys_random(void *bytes, size_t n) { return call3(SYS_getrandom, (long)bytes, (long)n, 0); }
