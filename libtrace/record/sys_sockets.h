/* Raw kernel calls of a process that streams its own trace: as sys.h, whose rules they follow. */
#ifndef VZ_SYS_SOCKETS_H
#define VZ_SYS_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

/* A socket that never blocks, closed on exec, at a high number: programs take the lowest free ones, or count on them. -errno. */
int vz_sys_socket(uint16_t family);

/* Begins connecting, or asks how that goes: -EINPROGRESS, -EALREADY; 0 or -EISCONN once it is. */
long vz_sys_connect(int socket, const struct vz_config_solo *config);

/* No SIGPIPE. -EAGAIN: not now; of receiving, 0: the other side has ended the connection. */
long vz_sys_send(int socket, const void *bytes, size_t n);
long vz_sys_receive(int socket, void *bytes, size_t n);

/* Waits until the socket has something to receive, or can send if that is asked for; at most timeout_ns. */
void vz_sys_wait_for_socket(int socket, bool to_send, uint64_t timeout_ns);

long vz_sys_random(void *bytes, size_t n);

#endif
