/* tcp://HOST:PORT, and a connection to it. */
#ifndef VZ_TCP_H
#define VZ_TCP_H

#include <stdbool.h>
#include <stddef.h>

/* Splits tcp://HOST:PORT, where an IPv6 address stands in brackets. False: it is none. Each buffer has `capacity` bytes. */
bool vz_tcp_parse_target(const char *text, char *host, char *port, size_t capacity);

/* A connected socket whose calls time out, or -errno; -ENOENT: there is no such host. */
int vz_tcp_connect(const char *host, const char *port);

#endif
