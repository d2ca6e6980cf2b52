/* Forwarding signals and following stops: see signals.h. */
#define _GNU_SOURCE
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int vz_signals_open(struct vz_signals *signals)
{
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    *signals = (struct vz_signals){.fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK)};
    return signals->fd < 0 ? -errno : 0;
}

static bool is_stop(int number) { return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU; }

static bool is_end(int number)
{
    return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}

static void take_one(struct vz_signals *signals, const struct signalfd_siginfo *info, pid_t command)
{
    int number = (int)info->ssi_signo;
    if (number == SIGCHLD && info->ssi_code > 0) {
        signals->child_changed = true;
        return;
    }
    if (is_stop(number))
        signals->stop = number;
    if (command == 0) {
        signals->end_requested |= is_end(number);
        return;
    }
    if (info->ssi_code == SI_QUEUE)
        sigqueue(command, number, (union sigval){.sival_ptr = (void *)(uintptr_t)info->ssi_ptr});
    else if (info->ssi_code == SI_USER || info->ssi_code == SI_TKILL)
        kill(command, number);
}

void vz_signals_take(struct vz_signals *signals, pid_t command)
{
    struct signalfd_siginfo info[8];
    ssize_t n;
    while ((n = read(signals->fd, info, sizeof(info))) > 0) {
        for (size_t i = 0; i < (size_t)n / sizeof(*info); i++)
            take_one(signals, &info[i], command);
    }
}

void vz_signals_follow_stop(struct vz_signals *signals, int number)
{
    if (signals->stop == number)
        raise(SIGSTOP);
    signals->stop = 0;
}
