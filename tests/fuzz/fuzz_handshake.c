/* The sender's reading of what a receiver answers in the opening: any bytes, of any length, with and without a token.
 *
 * Input: one byte of flags (1: we have a token), then what the receiver sends. It hangs up when that is all sent. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "launcher/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    if (size < 1 || size > 4096 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 0;
    const bool has_token = data[0] & 1;
    struct vz_opening opening = {
        .stream_id = "a stream", .token = has_token ? "token" : NULL, .token_bytes = has_token ? 5 : 0};
    FUZZ_CHECK(write(ends[1], data + 1, size - 1) == (ssize_t)(size - 1) && shutdown(ends[1], SHUT_WR) == 0);
    const int error = vz_handshake(ends[0], &opening);
    /* Nobody knows the token but us: with one, nobody is ever believed. */
    FUZZ_CHECK(!has_token || error != 0);
    FUZZ_CHECK((error == -EPERM) == (opening.refusal != NULL));
    close(ends[0]);
    close(ends[1]);
    return 0;
}
