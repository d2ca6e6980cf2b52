/* closes_descriptors ROUNDS PAUSE_US: allocates and frees; after the first half of its rounds it closes every descriptor from 3
 * on, as daemons do, and opens files under the lowest numbers: they must be 3, 4 and 5, and stay its own.
 */
#include <fcntl.h>
#include <string.h>

#include "tally.h"

static void round_of(struct tally *tally, long round)
{
    void *block = tally_malloc(tally, 1 + (size_t)(round % 997));
    tally_release(tally, block, 1 + (size_t)(round % 997));
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    char text[6] = "";
    EXPECT(argc > 2);
    const long n_rounds = atol(argv[1]);
    const useconds_t pause = (useconds_t)atol(argv[2]);
    for (long i = 0; i < n_rounds / 2; i++) {
        round_of(&tally, i);
        if (pause)
            usleep(pause);
    }
    for (int fd = 3; fd < 4096; fd++)
        close(fd);
    for (int fd = 3; fd < 6; fd++)
        EXPECT(open("/dev/null", O_RDWR) == fd);
    for (long i = n_rounds / 2; i < n_rounds; i++) {
        round_of(&tally, i);
        if (pause)
            usleep(pause);
    }
    for (int fd = 3; fd < 6; fd++)
        EXPECT(fcntl(fd, F_GETFD) == 0 && write(fd, text, 1) == 1);
    tally_print("closes_descriptors", &tally);
    return 0;
}
