/* Emitting the library: see emit.h. */
#define _GNU_SOURCE
#include "emit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "library.h"
#include "message.h"
#include "record/shm.h"
#include "tcp.h"

/* The receiver's address: looked up here, since a hook can't. */
static bool resolve(const char *target, struct vz_config_solo *solo)
{
    char host[256], port[256];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    vz_tcp_parse_target(target, host, port, sizeof(host));
    if (getaddrinfo(host, port, &hints, &list) != 0) {
        vz_message_error("%s: there is no such host or port", target);
        return false;
    }
    solo->family = (uint16_t)list->ai_family;
    if (list->ai_family == AF_INET6) {
        const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)(const void *)list->ai_addr;
        solo->port = ntohs(address->sin6_port);
        solo->scope = address->sin6_scope_id;
        memcpy(solo->address, &address->sin6_addr, sizeof(address->sin6_addr));
    } else {
        const struct sockaddr_in *address = (const struct sockaddr_in *)(const void *)list->ai_addr;
        solo->port = ntohs(address->sin_port);
        memcpy(solo->address, &address->sin_addr, sizeof(address->sin_addr));
    }
    freeaddrinfo(list);
    return true;
}

static bool configure(const struct vz_cli *cli, struct vz_config_solo *solo)
{
    if (strlen(cli->log) >= sizeof(solo->log)) {
        vz_message_error("%s: is too long a name for LOG: at most %zu bytes", cli->log, sizeof(solo->log) - 1);
        return false;
    }
    if (cli->token_bytes > sizeof(solo->token)) {
        vz_message_error("--token-file: a library holds a token of at most %zu bytes", sizeof(solo->token));
        return false;
    }
    strcpy(solo->log, cli->log);
    solo->is_stream = cli->is_stream;
    solo->options = (cli->free_stacks ? VZ_OPTION_FREE_STACKS : 0) | (cli->drop_when_full ? VZ_OPTION_DROP : 0) |
                    (cli->follow_children ? 0 : VZ_OPTION_NO_CHILDREN);
    solo->max_depth = cli->max_depth;
    solo->buffer_bytes = cli->buffer_bytes;
    solo->token_bytes = (uint32_t)cli->token_bytes;
    if (cli->token)
        memcpy(solo->token, cli->token, cli->token_bytes);
    return !cli->is_stream || resolve(cli->log, solo);
}

/* In place of what is there: a program that has that loaded keeps it. */
static int replace(const char *path, const char *image, size_t bytes, bool is_secret)
{
    char *temporary;
    if (asprintf(&temporary, "%s.%d", path, (int)getpid()) < 0)
        return -ENOMEM;
    int error = vz_library_write(temporary, image, bytes, is_secret);
    if (!error && rename(temporary, path) != 0)
        error = -errno;
    if (error)
        unlink(temporary);
    free(temporary);
    return error;
}

int vz_emit(const struct vz_cli *cli)
{
    char *image;
    size_t bytes;
    struct vz_config *config;
    int error = vz_library_copy(&image, &bytes, &config);
    if (error) {
        vz_message_error("the library can't be written: %s", strerror(-error));
        return VZ_EXIT_FAILED;
    }
    if (!configure(cli, &config->solo)) {
        free(image);
        return VZ_EXIT_FAILED;
    }
    error = replace(cli->emit_path, image, bytes, cli->token != NULL);
    free(image);
    if (error) {
        vz_message_error("%s: can't write the library: %s", cli->emit_path, strerror(-error));
        return VZ_EXIT_FAILED;
    }
    char *path = realpath(cli->emit_path, NULL);
    vz_message_progress("%s records into %s wherever it is preloaded: LD_PRELOAD=%s COMMAND", cli->emit_path, cli->log,
                        path ? path : cli->emit_path);
    free(path);
    return 0;
}
