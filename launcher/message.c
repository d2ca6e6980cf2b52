/* Messages to the user: see message.h. Each is one write, so that lines of a pipeline's commands don't mix. */
#define _GNU_SOURCE
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool is_quiet;

static void print_line(const char *prefix, const char *format, va_list arguments)
{
    char text[2048];
    char line[2200];
    vsnprintf(text, sizeof(text), format, arguments);
    int length = snprintf(line, sizeof(line), "%s%s\n", prefix, text);
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written; /* stderr may be closed: there is nobody to tell */
}

void vz_message_set_quiet(bool quiet) { is_quiet = quiet; }

void vz_message_banner(void)
{
    if (is_quiet || !isatty(STDERR_FILENO))
        return;
    fputs("       _                 \n"
          "__   _(_)_________ _   _ \n"
          "\\ \\ / / |_  /_  / | | |\n"
          " \\ V /| |/ / / /| |_| |\n"
          "  \\_/ |_/___/___|\\__, |\n"
          "   heap profiler  |___/  " VZ_VERSION "\n",
          stderr);
}

void vz_message_progress(const char *format, ...)
{
    if (is_quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_line("[*] ", format, arguments);
    va_end(arguments);
}

void vz_message_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("vizzytrace: warning: ", format, arguments);
    va_end(arguments);
}

void vz_message_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("vizzytrace: ", format, arguments);
    va_end(arguments);
}
