/* vizzytrace: runs a program and records its heap events. The steps in order; each is a file of its own. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "cli.h"
#include "collect.h"
#include "drop.h"
#include "emit.h"
#include "inherited.h"
#include "message.h"
#include "outlet.h"
#include "preflight.h"
#include "sink_open.h"
#include "sys.h"

#define VZ_SPOOL_MARGIN_BYTES ((size_t)64 << 20)

static struct vz_text text_of(const char *text)
{
    return (struct vz_text){.data = text, .bytes = (uint32_t)strlen(text)};
}

static int open_trace(const struct vz_cli *cli, const struct vz_sink_session *session, struct vz_sink **sink)
{
    struct vz_stream_target target = {.name = cli->log,
                                      .token = cli->token,
                                      .token_bytes = cli->token_bytes,
                                      .spool_directory = cli->spool_directory,
                                      .spool_bytes = (size_t)cli->spool_bytes,
                                      .spool_margin_bytes = VZ_SPOOL_MARGIN_BYTES,
                                      .file = -1};
    struct vz_outlet *outlet;
    int error = cli->tee         ? vz_outlet_open_tee(&target, cli->tee, &outlet)
                : cli->is_stream ? vz_outlet_open_stream(&target, &outlet)
                                 : vz_outlet_open_file(cli->log, &outlet);
    return error ? error : vz_sink_trace_open(outlet, session, sink);
}

/* Opens the recording. Prints what fails. */
static int open_sink(const struct vz_cli *cli, const struct vz_timebase *time, struct vz_sink **sink)
{
    struct utsname system;
    char text[sizeof(system)];
    size_t args_bytes;
    char *args = vz_cli_join_arguments(cli->command, &args_bytes);
    uname(&system);
    snprintf(text, sizeof(text), "%s %s %s", system.sysname, system.release, system.machine);
    struct vz_sink_session session = {.record = {.start_monotonic_ns = time->start_ns, .max_depth = cli->max_depth},
                                      .start_wall_ns = time->start_wall_ns,
                                      .capabilities = cli->free_stacks ? VZ_CAPABILITY_FREE_STACKS : 0,
                                      .host = text_of(system.nodename),
                                      .version = text_of(VZ_VERSION),
                                      .system = text_of(text),
                                      .args = {.data = args ? args : "", .bytes = (uint32_t)args_bytes}};
    int error = cli->csv ? vz_sink_csv_open(cli->log, &session, sink) : open_trace(cli, &session, sink);
    free(args);
    return error;
}

static void report_end(const struct vz_collector *collector)
{
    int status = collector->command_status;
    if (WIFSIGNALED(status))
        vz_message_progress("Child process was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        vz_message_progress("Child process exited with a return code of %d", WEXITSTATUS(status));
    if (!collector->saw_command)
        vz_message_warning("%s loaded the library not or too late: nothing of it was recorded",
                           collector->cli->command[0]);
}

/* From the shared memory to COMMAND's end. Returns an exit status of vizzytrace itself, or 0 once COMMAND was started. */
static int record(struct vz_collector *collector, const struct vz_program *program, struct vz_inherited *inherited,
                  struct vz_drop *drop)
{
    uint32_t clock = collector->time.is_counter ? VZ_CLOCK_TSC : VZ_CLOCK_MONOTONIC;
    if (vz_collect_open(collector) != 0 ||
        vz_session_create(collector->cli, clock, collector->time.start_ticks, &collector->memory) != 0)
        return VZ_EXIT_FAILED;
    if (vz_drop_write(collector->memory.path, drop) != 0)
        return VZ_EXIT_FAILED;
    collector->library = drop->library;
    collector->program = program->path;
    vz_message_progress("Dropping libvizzy to disk at %s", drop->library);
    int result = vz_child_start(program, drop->library, inherited, &collector->command);
    if (result)
        return result;
    vz_message_progress("Child process started (pid=%d)", (int)collector->command);
    vz_inherited_close(inherited);
    collector->command_pidfd = vz_sys_pidfd_open(collector->command);
    vz_collect_run(collector);
    return 0;
}

int main(int argc, char **argv)
{
    static struct vz_collector collector;
    struct vz_inherited inherited;
    struct vz_cli cli;
    struct vz_program program;
    struct vz_drop drop = {0};
    enum vz_cli_result parsed = vz_cli_parse(argc, argv, &cli);
    if (parsed != VZ_CLI_RUN)
        return parsed == VZ_CLI_DONE ? 0 : VZ_EXIT_FAILED;
    vz_message_set_quiet(cli.quiet);
    if (cli.emit_path)
        return vz_emit(&cli);
    int result = vz_preflight(cli.command, &program);
    if (result)
        return result;
    vz_inherited_take(&inherited);
    vz_message_banner();
    collector.cli = &cli;
    vz_timebase_start(&collector.time);
    if (open_sink(&cli, &collector.time, &collector.sink) != 0)
        return VZ_EXIT_FAILED;
    result = record(&collector, &program, &inherited, &drop);
    vz_drop_remove_when_unused(&drop);
    collector.sink->ops->close(collector.sink);
    if (result)
        return result;
    report_end(&collector);
    vz_collect_close(&collector);
    vz_child_end_as(collector.command_status);
}
