/* fork_storm CHILDREN: forks, from one thread, while three others allocate without pause; children allocate, and end at once.
 *
 * What a child inherits depends on the instant; its own events don't.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "tally.h"

#define N_THREADS 3

static atomic_bool done;

static void *work(void *unused)
{
    void *blocks[16] = {NULL};
    for (uint64_t i = 0; !done; i++) {
        void **block = &blocks[i * 7 % 16];
        *block = realloc(*block, 311 + i % 100);
        EXPECT(*block != NULL);
    }
    for (uint64_t i = 0; i < 16; i++)
        free(blocks[i]);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (int i = argc > 1 ? atoi(argv[1]) : 10; i > 0; i--) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            struct tally own = {0};
            for (size_t j = 0; j < 100; j++)
                tally_release(&own, tally_malloc(&own, 331 + j), 331 + j);
            tally_malloc(&own, 337);
            tally_print("child", &own);
            _exit(0);
        }
        EXPECT(waitpid(child, NULL, 0) == child);
    }
    done = true;
    for (int i = 0; i < N_THREADS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    return 0;
}
