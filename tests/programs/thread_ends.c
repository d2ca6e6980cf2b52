/* thread_ends THREADS: that many threads, one after the other, each with thread-specific data whose destructor allocates and frees.
 *
 * The last one outlives main, which ends by pthread_exit.
 */
#include <pthread.h>

#include "tally.h"

static struct tally tally; /* one thread at a time touches it */
static pthread_key_t key;

static void destroy(void *block)
{
    void *other = tally_malloc(&tally, 283);
    tally_release(&tally, block, 293);
    tally_release(&tally, other, 283);
}

static void *work(void *unused)
{
    EXPECT(pthread_setspecific(key, tally_malloc(&tally, 293)) == 0);
    return unused;
}

static void *work_last(void *main_thread)
{
    EXPECT(pthread_join(*(pthread_t *)main_thread, NULL) == 0);
    tally_malloc(&tally, 307);
    tally_print("thread_ends", &tally);
    return NULL;
}

int main(int argc, char **argv)
{
    static pthread_t main_thread;
    pthread_t thread;
    main_thread = pthread_self();
    EXPECT(pthread_key_create(&key, destroy) == 0);
    for (int i = argc > 1 ? atoi(argv[1]) : 10; i > 0; i--) {
        EXPECT(pthread_create(&thread, NULL, work, NULL) == 0);
        EXPECT(pthread_join(thread, NULL) == 0);
    }
    EXPECT(pthread_create(&thread, NULL, work_last, &main_thread) == 0);
    pthread_exit(NULL);
}
