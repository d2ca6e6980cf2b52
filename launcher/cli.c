/* Arguments, help and version. Options end at the first word that is none: what follows belongs to COMMAND. */
#define _GNU_SOURCE
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io.h"
#include "message.h"
#include "record/shm.h"
#include "tcp.h"

#define MAX_DEPTH_LIMIT 65536u
#define MIN_BUFFER_BYTES (64u * 1024u)
#define MAX_BUFFER_BYTES (VZ_REGION_STRIDE / 2)
#define MAX_SPOOL_BYTES ((uint64_t)1 << (sizeof(size_t) > 4 ? 40 : 30))
#define DEFAULT_SPOOL_BYTES (16u << 20)
#define DEFAULT_BUFFER_BYTES (16u << 20)
#define DEFAULT_EMITTED_BUFFER_BYTES (1u << 20) /* it lies in each trace */
#define MAX_TOKEN_BYTES 4096
#define MAX_RSS_INTERVAL_MS 3600000u

static const char help[] =
    "usage: vizzytrace [OPTIONS] LOG COMMAND [ARG...]\n"
    "       vizzytrace --emit-library PATH [OPTIONS] LOG\n"
    "\n"
    "Runs COMMAND and records every heap event of it and its children in LOG.\n"
    "\n"
    "  LOG       where the trace goes: a path (a name ending in .csv: CSV), or tcp://HOST:PORT to stream it\n"
    "  COMMAND   the program to run, looked up in PATH as a shell would\n"
    "\n"
    "  -q, --quiet              print nothing of its own but errors\n"
    "  --format vizzy|csv       instead of going by LOG's name\n"
    "  --max-depth N            frames kept of each call stack (default 256; 0 records no stacks)\n"
    "  --children all|none      follow fork and exec (default all)\n"
    "  --wait all|command       when recorded processes outlive COMMAND: wait for them (default; Ctrl-C ends the\n"
    "                           recording, without a terminal it ends after 10 s), or end with COMMAND\n"
    "  --free-stacks            stacks of frees too\n"
    "  --buffer SIZE            shared-memory pool of each process (default 16M)\n"
    "  --when-full block|drop   when the collector can't keep up: wait (default for files, nothing lost) or drop and\n"
    "                           count (default for tcp://, once the spool is full)\n"
    "  --spool SIZE[:DIR]       what a stream keeps until the receiver has it (default 16M), in memory or in DIR\n"
    "  --tee FILE               with tcp://: the trace goes to FILE too, from which it is sent: nothing is dropped "
    "while\n"
    "                           the receiver is slow or away\n"
    "  --token-file FILE        what FILE holds opens the stream: the receiver must know it too\n"
    "  --rss-interval MS        how often resident memory is sampled (default 10; 0: never)\n"
    "  --emit-library PATH      write a library to PATH that records into LOG wherever it is preloaded, without "
    "vizzytrace\n"
    "  --version, --help\n"
    "\n"
    "It ends as COMMAND ended. Its own statuses: 125 when it failed before COMMAND was started, 126 when COMMAND\n"
    "can't be recorded or run, 127 when it isn't found.\n";

enum option_id {
    OPT_QUIET = 'q',
    OPT_FORMAT = 256,
    OPT_MAX_DEPTH,
    OPT_CHILDREN,
    OPT_WAIT,
    OPT_FREE_STACKS,
    OPT_BUFFER,
    OPT_WHEN_FULL,
    OPT_RSS_INTERVAL,
    OPT_SPOOL,
    OPT_TOKEN_FILE,
    OPT_TEE,
    OPT_EMIT_LIBRARY,
    OPT_VERSION,
    OPT_HELP
};

static const struct option long_options[] = {{"quiet", no_argument, NULL, OPT_QUIET},
                                             {"format", required_argument, NULL, OPT_FORMAT},
                                             {"max-depth", required_argument, NULL, OPT_MAX_DEPTH},
                                             {"children", required_argument, NULL, OPT_CHILDREN},
                                             {"wait", required_argument, NULL, OPT_WAIT},
                                             {"free-stacks", no_argument, NULL, OPT_FREE_STACKS},
                                             {"buffer", required_argument, NULL, OPT_BUFFER},
                                             {"when-full", required_argument, NULL, OPT_WHEN_FULL},
                                             {"rss-interval", required_argument, NULL, OPT_RSS_INTERVAL},
                                             {"spool", required_argument, NULL, OPT_SPOOL},
                                             {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
                                             {"tee", required_argument, NULL, OPT_TEE},
                                             {"emit-library", required_argument, NULL, OPT_EMIT_LIBRARY},
                                             {"version", no_argument, NULL, OPT_VERSION},
                                             {"help", no_argument, NULL, OPT_HELP},
                                             {NULL, 0, NULL, 0}};

/* A number of at most `limit`, with an optional K, M or G (of 1024) if `is_size`. False: none, or too large. */
static bool parse_number(const char *text, bool is_size, uint64_t limit, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno)
        return false;
    unsigned shift = 0;
    if (is_size && *end) {
        const char *unit = strchr("kKmMgG", *end);
        if (!unit)
            return false;
        shift = 10u * (1u + (unsigned)(unit - "kKmMgG") / 2u);
        end++;
        if (strcmp(end, "") != 0 && strcmp(end, "B") != 0 && strcmp(end, "iB") != 0)
            return false;
        end += strlen(end);
    }
    if (*end || number > (limit >> shift))
        return false;
    *value = (uint64_t)number << shift;
    return true;
}

/* Whether text is `yes` (*value = true) or `no`; else says what `option` takes. */
static bool parse_choice(const char *option, const char *text, const char *yes, const char *no, bool *value)
{
    *value = strcmp(text, yes) == 0;
    if (*value || strcmp(text, no) == 0)
        return true;
    vz_message_error("--%s takes %s or %s, not '%s'", option, yes, no, text);
    return false;
}

static bool parse_count(const char *option, const char *text, bool is_size, uint64_t limit, uint64_t *value)
{
    if (parse_number(text, is_size, limit, value))
        return true;
    vz_message_error("--%s takes a number%s up to %llu, not '%s'", option, is_size ? " (with K, M or G)" : "",
                     (unsigned long long)limit, text);
    return false;
}

/* SIZE or SIZE:DIR. */
static bool parse_spool(char *text, struct vz_cli *cli)
{
    char *colon = strchr(text, ':');
    if (colon) {
        *colon = 0;
        cli->spool_directory = colon + 1;
    }
    if (!parse_count("spool", text, true, MAX_SPOOL_BYTES, &cli->spool_bytes))
        return false;
    if (cli->spool_bytes < MIN_BUFFER_BYTES)
        vz_message_error("--spool takes at least %u bytes, not '%s'", MIN_BUFFER_BYTES, text);
    return cli->spool_bytes >= MIN_BUFFER_BYTES;
}

static bool read_token(const char *path, struct vz_cli *cli)
{
    static char token[MAX_TOKEN_BYTES + 1];
    ssize_t n = vz_io_read_file(AT_FDCWD, path, token, sizeof(token));
    size_t first = n > 0 ? strspn(token, " \t\r\n") : 0;
    while (n > (ssize_t)first && strchr(" \t\r\n", token[n - 1]))
        n--;
    if (n <= (ssize_t)first)
        vz_message_error("--token-file: %s: %s", path, n < 0 ? strerror((int)-n) : "holds no token");
    cli->token = token + first;
    cli->token_bytes = n > 0 ? (size_t)n - first : 0;
    return cli->token_bytes > 0;
}

static bool apply_option(int id, char *text, struct vz_cli *cli)
{
    uint64_t number = 0;
    switch (id) {
    case OPT_QUIET:
        cli->quiet = true;
        return true;
    case OPT_FORMAT:
        return parse_choice("format", text, "csv", "vizzy", &cli->csv);
    case OPT_MAX_DEPTH:
        if (!parse_count("max-depth", text, false, MAX_DEPTH_LIMIT, &number))
            return false;
        cli->max_depth = (uint32_t)number;
        return true;
    case OPT_CHILDREN:
        return parse_choice("children", text, "all", "none", &cli->follow_children);
    case OPT_WAIT:
        return parse_choice("wait", text, "all", "command", &cli->wait_all);
    case OPT_FREE_STACKS:
        cli->free_stacks = true;
        return true;
    case OPT_BUFFER:
        if (!parse_count("buffer", text, true, MAX_BUFFER_BYTES, &number))
            return false;
        if (number < MIN_BUFFER_BYTES)
            vz_message_error("--buffer takes at least %u bytes, not '%s'", MIN_BUFFER_BYTES, text);
        cli->buffer_bytes = number;
        return number >= MIN_BUFFER_BYTES;
    case OPT_WHEN_FULL:
        return parse_choice("when-full", text, "drop", "block", &cli->drop_when_full);
    case OPT_RSS_INTERVAL:
        if (!parse_count("rss-interval", text, false, MAX_RSS_INTERVAL_MS, &number))
            return false;
        cli->rss_interval_ms = (uint32_t)number;
        return true;
    case OPT_EMIT_LIBRARY:
        if (!*text)
            vz_message_error("--emit-library takes the path of the library, which is empty");
        cli->emit_path = text;
        return *text;
    case OPT_SPOOL:
        return parse_spool(text, cli);
    case OPT_TOKEN_FILE:
        return read_token(text, cli);
    case OPT_TEE:
        cli->tee = text;
        return true;
    default:
        return false; /* there is no other */
    }
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

/* Whether LOG is a program. Writing the trace there would destroy it, and most often it means that LOG was forgotten. */
static bool is_program(const char *log)
{
    struct stat status;
    char start[5];
    return stat(log, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) &&
           vz_io_read_file(AT_FDCWD, log, start, sizeof(start)) > 0 &&
           (strcmp(start, "\177ELF") == 0 || strncmp(start, "#!", 2) == 0);
}

/* What is wrong with LOG and COMMAND, which are there; an emitted library has no COMMAND. */
static bool check_operands(const struct vz_cli *cli)
{
    char host[256], port[256];
    if (cli->is_stream && !vz_tcp_parse_target(cli->log, host, port, sizeof(host)))
        vz_message_error("%s: is no tcp://HOST:PORT, such as tcp://192.168.0.2:7788 or tcp://[::1]:7788", cli->log);
    else if (cli->is_stream && cli->csv)
        vz_message_error("%s: CSV is for files; what is streamed is a trace", cli->log);
    else if (cli->tee && !cli->is_stream)
        vz_message_error("--tee %s: is for streams; %s is a file itself", cli->tee, cli->log);
    else if (strcmp(cli->log, "-") == 0)
        vz_message_error("-: LOG can't be standard output, which belongs to COMMAND; give a path");
    else if (!*cli->log || (!cli->emit_path && !*cli->command[0]))
        vz_message_error("%s is empty", *cli->log ? "COMMAND" : "LOG");
    else if (!cli->emit_path && cli->command[0][0] == '-')
        vz_message_error("%s: options stand before LOG; see vizzytrace --help", cli->command[0]);
    else if (is_program(cli->log))
        vz_message_error("%s: is a program, which the trace would overwrite; LOG stands before COMMAND", cli->log);
    else if (cli->tee && is_program(cli->tee))
        vz_message_error("--tee %s: is a program, which the trace would overwrite", cli->tee);
    else
        return true;
    return false;
}

/* Options whose default depends on others, and the last one that an emitted library has no use for. */
struct given {
    bool format, when_full, buffer;
    const char *not_emitted;
};

/* Whether what is given with --emit-library makes sense. */
static bool check_emission(int n_operands, const struct given *given)
{
    if (given->not_emitted)
        vz_message_error("--%s is no option of an emitted library; see vizzytrace --help", given->not_emitted);
    else if (n_operands != 1)
        vz_message_error(n_operands ? "--emit-library takes LOG and no COMMAND: the library is preloaded later"
                                    : "LOG is missing; see vizzytrace --help");
    return !given->not_emitted && n_operands == 1;
}

/* What an emitted library does not do: it writes traces only, samples nothing, and waits for nobody. */
static bool is_emittable(int id)
{
    return id != OPT_FORMAT && id != OPT_WAIT && id != OPT_RSS_INTERVAL && id != OPT_SPOOL && id != OPT_TEE;
}

static const char *name_of(int id)
{
    const struct option *option = long_options;
    while (option->val != id)
        option++;
    return option->name;
}

/* LOG and COMMAND: the words after the options. A "--" between them is no part of COMMAND. */
static enum vz_cli_result take_operands(int argc, char **argv, const struct given *given, struct vz_cli *cli)
{
    bool is_separated = argc - optind >= 2 && strcmp(argv[optind + 1], "--") == 0;
    if (cli->emit_path && !check_emission(argc - optind, given))
        return VZ_CLI_WRONG;
    if (!cli->emit_path && argc - optind - is_separated < 2) {
        vz_message_error(argc == optind ? "LOG and COMMAND are missing; see vizzytrace --help"
                                        : "COMMAND is missing: vizzytrace LOG COMMAND [ARG...]; see vizzytrace --help");
        return VZ_CLI_WRONG;
    }
    cli->log = argv[optind];
    cli->command = argv + optind + 1 + is_separated;
    cli->is_stream = strncmp(cli->log, "tcp://", 6) == 0;
    if (!check_operands(cli))
        return VZ_CLI_WRONG;
    if (!given->format && !cli->is_stream)
        cli->csv = has_suffix(cli->log, ".csv");
    if (!given->when_full)
        cli->drop_when_full = cli->wait_while_room = cli->is_stream && !cli->tee;
    if (!given->buffer)
        cli->buffer_bytes = cli->emit_path ? DEFAULT_EMITTED_BUFFER_BYTES : DEFAULT_BUFFER_BYTES;
    return VZ_CLI_RUN;
}

/* What getopt_long(3) refused, by the id that it returned, and the word that it stands at. */
static void refuse_option(int id, const char *word)
{
    const char letter[] = {'-', (char)optopt, 0};
    if (id == ':')
        vz_message_error("option %s lacks its value; see vizzytrace --help", word);
    else if (optopt == OPT_QUIET || optopt >= OPT_FORMAT)
        vz_message_error("option %s takes no value; see vizzytrace --help", word);
    else
        vz_message_error("option %s is unknown; see vizzytrace --help", optopt ? letter : word);
}

enum vz_cli_result vz_cli_parse(int argc, char **argv, struct vz_cli *cli)
{
    *cli = (struct vz_cli){.follow_children = true,
                           .wait_all = true,
                           .max_depth = 256,
                           .rss_interval_ms = 10,
                           .spool_bytes = DEFAULT_SPOOL_BYTES};
    struct given given = {0};
    int id;
    opterr = 0; /* one place prints */
    while ((id = getopt_long(argc, argv, "+:q", long_options, NULL)) != -1) {
        if (id == OPT_HELP || id == OPT_VERSION) {
            fputs(id == OPT_HELP ? help : "vizzytrace " VZ_VERSION "\n", stdout);
            return fflush(stdout) == 0 ? VZ_CLI_DONE : VZ_CLI_WRONG;
        }
        if (id == '?' || id == ':') {
            refuse_option(id, argv[optind - 1]);
            return VZ_CLI_WRONG;
        }
        if (!apply_option(id, optarg, cli))
            return VZ_CLI_WRONG;
        given.format |= id == OPT_FORMAT;
        given.when_full |= id == OPT_WHEN_FULL;
        given.buffer |= id == OPT_BUFFER;
        if (!is_emittable(id))
            given.not_emitted = name_of(id);
    }
    return take_operands(argc, argv, &given, cli);
}

char *vz_cli_join_arguments(char *const *argv, size_t *bytes)
{
    *bytes = 0;
    for (char *const *argument = argv; *argument; argument++)
        *bytes += strlen(*argument) + 1;
    char *joined = malloc(*bytes);
    char *at = joined;
    for (char *const *argument = argv; joined && *argument; argument++)
        at = stpcpy(at, *argument) + 1;
    if (!joined)
        *bytes = 0;
    return joined;
}
