/* Signals to vizzytrace while COMMAND runs.
 *
 * Those that the terminal sends reach COMMAND by themselves, since both are in one process group: they must not arrive
 * twice. Those that someone sent to vizzytrace alone are passed on.
 */
#ifndef VZ_SIGNALS_H
#define VZ_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

struct vz_signals {
    int fd;             /* signalfd of all blocked signals, close-on-exec */
    int stop;           /* the stop signal that came last, until COMMAND was seen to obey it; 0: none */
    bool child_changed; /* SIGCHLD came */
    bool end_requested; /* SIGINT, SIGTERM, SIGHUP or SIGQUIT came when there was no COMMAND to pass it to */
};

/* Opens the descriptor. Returns 0 or -errno. */
int vz_signals_open(struct vz_signals *signals);

/* Takes in all that has come. command: whom to pass signals to; 0: it has ended. */
void vz_signals_take(struct vz_signals *signals, pid_t command);

/* COMMAND was stopped by this signal: stop too if it was meant for both, so that the shell sees its job stopped.
 * Returns when continued. */
void vz_signals_follow_stop(struct vz_signals *signals, int number);

#endif
