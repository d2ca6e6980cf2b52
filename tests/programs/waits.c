/* waits WAY CHILDREN: that many children, each gone at once with a status of its own and waited for in one WAY; then
 * one that kills itself.
 *
 * Prints for each child "PID STATUS", as the wait told it.
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tally.h"

static const char *way;

static pid_t wait_by_id(pid_t child, int *status)
{
    siginfo_t info;
    if (waitid(P_PID, (id_t)child, &info, WEXITED) != 0)
        return -1;
    *status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
    return info.si_pid;
}

static pid_t wait_for(pid_t child, int *status)
{
    struct rusage usage;
    if (strcmp(way, "wait") == 0)
        return wait(status);
    if (strcmp(way, "waitpid") == 0)
        return waitpid(child, status, 0);
    if (strcmp(way, "wait3") == 0)
        return wait3(status, 0, &usage);
    if (strcmp(way, "wait4") == 0)
        return wait4(child, status, 0, &usage);
    if (strcmp(way, "waitid") == 0)
        return wait_by_id(child, status);
    EXPECT(strcmp(way, "careless") == 0); /* does not want to know */
    *status = -1;
    return waitpid(child, NULL, 0);
}

static void start_and_wait(int number)
{
    int status = -1;
    const pid_t child = fork();
    if (child == 0) {
        if (number == 0)
            kill(getpid(), SIGKILL);
        _exit(number);
    }
    EXPECT(wait_for(child, &status) == child);
    if (strcmp(way, "careless") == 0)
        status = number ? number << 8 : SIGKILL;
    EXPECT(WIFSIGNALED(status) ? number == 0 : WEXITSTATUS(status) == number);
    printf("%d %d\n", child, status);
}

int main(int argc, char **argv)
{
    EXPECT(argc > 2);
    way = argv[1];
    EXPECT(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    for (int number = atoi(argv[2]); number >= 0; number--)
        start_and_wait(number);
    return 0;
}
