/* The session's clock: a tick has one time, in whichever round it is asked for. */
#include "launcher/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { N_ROUNDS = VZ_TIMEBASE_PAST, N_PLACES = 3 };

static struct vz_timebase base;
static uint64_t ticks[N_ROUNDS * N_PLACES], times[N_ROUNDS * N_PLACES];

/* What an event at the beginning, in the middle and at the end of each round's span is given. */
static void make_rounds(void)
{
    vz_timebase_start(&base);
    for (uint32_t round = 0; round < N_ROUNDS; round++) {
        const uint64_t begin = base.next_ticks, end = vz_timebase_advance(&base);
        const uint64_t places[N_PLACES] = {begin, begin + (end - begin) / 2, end - (end > begin)};
        for (uint32_t i = 0; i < N_PLACES; i++) {
            ticks[round * N_PLACES + i] = places[i];
            times[round * N_PLACES + i] = vz_timebase_ns(&base, places[i]);
        }
    }
}

int main(void)
{
    make_rounds();
    for (uint32_t i = 0; i < N_ROUNDS * N_PLACES; i++) {
        CHECK(vz_timebase_ns(&base, ticks[i]) == times[i]);
        CHECK(i == 0 || times[i - 1] <= times[i]);
    }
    return 0;
}
