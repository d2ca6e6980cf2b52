/* Raw kernel calls on sockets: see sys_sockets.h. */
#define _GNU_SOURCE
#include "sys_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sys.h"
#include "sys_call.h"
#include "sys_files.h"

static long call3(long number, long a, long b, long c) { return vz_sys_call6(number, a, b, c, 0, 0, 0); }

int vz_sys_socket(uint16_t family)
{
    const int yes = 1;
    const long low = call3(SYS_socket, family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (low < 0)
        return (int)low;
    const long high = vz_sys_lift(low);
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
