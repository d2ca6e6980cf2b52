/* The opening of a stream over a socket. */
#ifndef VZ_HANDSHAKE_H
#define VZ_HANDSHAKE_H

#include "collect/opening.h"

/* Goes through the opening up to WELCOME, whose offset is the receiver's then, on a connected socket with timeouts. Returns 0 or
 * -errno; -EPERM: there is no use in trying again. */
int vz_handshake(int socket, struct vz_opening *opening);

#endif
