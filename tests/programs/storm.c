/* storm THREADS: that many threads, up to 16 at a time, which allocate, are interrupted by handlers that allocate, and
 * end in destructors that allocate.
 *
 * A handler may allocate only where the thread says so. Sizes are odd and unlike libc's, and tell the blocks of this
 * program.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "tally.h"

enum { AT_ONCE = 16, BLOCKS = 40, FIRST_BYTES = 5003 };

static struct tally sum;
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static sem_t places;
static _Atomic uint64_t n_handled;
static _Thread_local struct tally own;
static _Thread_local volatile sig_atomic_t may_allocate;

static void handle(int number)
{
    (void)number;
    if (!may_allocate)
        return;
    may_allocate = 0;
    n_handled++;
    tally_release(&own, tally_malloc(&own, FIRST_BYTES), FIRST_BYTES);
}

/* Runs after the thread's function, and again as long as it sets the key. */
static void destroy(void *block)
{
    static _Thread_local int n_rounds;
    tally_release(&own, block, FIRST_BYTES + 2);
    if (++n_rounds < 3) {
        EXPECT(pthread_setspecific(key, tally_malloc(&own, FIRST_BYTES + 2)) == 0);
        return;
    }
    pthread_mutex_lock(&adding);
    tally_add(&sum, &own);
    pthread_mutex_unlock(&adding);
    sem_post(&places);
}

static void *work(void *unused)
{
    EXPECT(pthread_setspecific(key, tally_malloc(&own, FIRST_BYTES + 2)) == 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        void *block = tally_malloc(&own, FIRST_BYTES + 4);
        may_allocate = 1;
        for (volatile int n = 0; n < 3000; n++)
            ;
        may_allocate = 0;
        block = tally_realloc(&own, block, FIRST_BYTES + 4, FIRST_BYTES + 6);
        tally_release(&own, block, FIRST_BYTES + 6);
    }
    return unused;
}

int main(int argc, char **argv)
{
    const int n_threads = argc > 1 ? atoi(argv[1]) : 500;
    const struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    pthread_attr_t attributes;
    EXPECT(sem_init(&places, 0, AT_ONCE) == 0 && pthread_key_create(&key, destroy) == 0);
    EXPECT(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 32768) == 0);
    EXPECT(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    EXPECT(sigaction(SIGPROF, &action, NULL) == 0);
    EXPECT(setitimer(ITIMER_PROF, &(struct itimerval){{0, 1000}, {0, 1000}}, NULL) == 0);
    for (int i = 0; i < n_threads; i++) {
        pthread_t thread;
        while (sem_wait(&places) != 0)
            EXPECT(errno == EINTR);
        int error = pthread_create(&thread, &attributes, work, NULL);
        EXPECT(error == 0);
    }
    for (int i = 0; i < AT_ONCE; i++)
        while (sem_wait(&places) != 0)
            EXPECT(errno == EINTR);
    EXPECT(setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    EXPECT(n_handled > 0);
    tally_print("storm", &sum);
    return 0;
}
