/* interrupts SIGNAL: says "ready", counts how often SIGNAL arrives until half a second after the first, and says how
 * often.
 *
 * interrupts SIGNAL die: does not handle it.
 */
#include <signal.h>
#include <string.h>

#include "tally.h"

static volatile sig_atomic_t n_arrived;

/* By write: dprintf may allocate. */
static void say(const char *what, int number)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s %d\n", what, number);
    EXPECT(write(STDOUT_FILENO, line, (size_t)length) == length);
}

static void count(int number)
{
    (void)number;
    n_arrived++;
}

int main(int argc, char **argv)
{
    EXPECT(argc > 1);
    int number = atoi(argv[1]);
    if (argc == 2)
        EXPECT(sigaction(number, &(struct sigaction){.sa_handler = count, .sa_flags = SA_RESTART}, NULL) == 0);
    free(malloc(211));
    say("ready", getpid());
    for (int i = 0; i < 300 && !n_arrived; i++)
        usleep(100000);
    for (int i = 0; i < 5; i++)
        usleep(100000);
    say("arrived", n_arrived);
    return 0;
}
