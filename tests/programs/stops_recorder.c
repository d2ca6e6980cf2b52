/* stops_recorder PAIRS: stops its parent, says "stopped", and allocates more than a small pool holds. */
#include <signal.h>
#include <string.h>

#include "tally.h"

static char state_of(pid_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *stat = fopen(path, "re");
    EXPECT(stat != NULL && fscanf(stat, "%*d (vizzytrace) %c", &state) == 1);
    fclose(stat);
    return state;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    EXPECT(argc > 1);
    const pid_t recorder = getppid();
    EXPECT(kill(recorder, SIGSTOP) == 0);
    while (state_of(recorder) != 'T') { /* its two allocations are freed again, but not counted */
        tally.allocs += 2;
        tally.frees += 2;
    }
    tally.allocs += 2;
    tally.frees += 2;
    EXPECT(write(STDOUT_FILENO, "stopped\n", 8) == 8);
    for (long i = 0; i < atol(argv[1]); i++)
        tally_release(&tally, tally_malloc(&tally, 353), 353);
    tally_print("main", &tally);
    return 0;
}
