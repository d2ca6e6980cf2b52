/* The command line of vizzytrace. */
#ifndef VZ_CLI_H
#define VZ_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses of vizzytrace itself; otherwise it ends as COMMAND did. */
#define VZ_EXIT_FAILED 125       /* failed before COMMAND was started, wrong usage included */
#define VZ_EXIT_NOT_RUNNABLE 126 /* COMMAND is there but can't be recorded or run */
#define VZ_EXIT_NOT_FOUND 127    /* COMMAND is not there */

struct vz_cli {
    const char *log;             /* where the trace goes */
    char **command;              /* COMMAND and its arguments, ended by NULL */
    const char *emit_path;       /* --emit-library; NULL: run COMMAND */
    bool is_stream;              /* LOG is tcp://HOST:PORT */
    const char *tee;             /* --tee: a file that has the trace too; NULL: none */
    const char *token;           /* --token-file: what is in the file; NULL: none */
    size_t token_bytes;          /* of it */
    const char *spool_directory; /* --spool SIZE:DIR; NULL: in memory */
    uint64_t spool_bytes;        /* --spool */
    bool quiet;                  /* --quiet */
    bool csv;                    /* --format csv, or a LOG name that ends in .csv */
    bool follow_children;        /* --children all */
    bool wait_all;               /* --wait all */
    bool free_stacks;            /* --free-stacks */
    bool drop_when_full;         /* --when-full drop, or tcp:// without it */
    bool wait_while_room;        /* tcp:// without --when-full: wait for the collector as long as the spool has room */
    uint32_t max_depth;          /* --max-depth, frames */
    uint64_t buffer_bytes;       /* --buffer */
    uint32_t rss_interval_ms;    /* --rss-interval */
};

enum vz_cli_result { VZ_CLI_RUN, VZ_CLI_DONE, VZ_CLI_WRONG };

/* Reads the arguments; prints help, version or what is wrong with them. The strings of *cli are argv's own.
 * RUN: go on; DONE: end with status 0; WRONG: end with VZ_EXIT_FAILED. */
enum vz_cli_result vz_cli_parse(int argc, char **argv, struct vz_cli *cli);

/* The arguments one after another, each ended by a zero byte, to be freed; NULL: no memory. */
char *vz_cli_join_arguments(char *const *argv, size_t *bytes);

#endif
