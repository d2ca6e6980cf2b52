/* Allocates before main (constructors of every priority) and after it (atexit handlers, destructors): all of it counts. */
#include "tally.h"

static struct tally tally;
static void *from_first, *from_constructor, *from_main;

__attribute__((constructor(101))) static void construct_first(void) { from_first = tally_malloc(&tally, 269); }

__attribute__((constructor)) static void construct(void) { from_constructor = tally_malloc(&tally, 271); }

__attribute__((destructor(101))) static void destroy_last(void)
{
    tally_release(&tally, from_first, 269);
    tally_malloc(&tally, 277); /* stays in use */
    tally_print("early_late", &tally);
}

__attribute__((destructor)) static void destroy(void) { tally_release(&tally, from_constructor, 271); }

static void at_exit(void) { tally_release(&tally, from_main, 281); }

int main(void)
{
    EXPECT(atexit(at_exit) == 0); /* one of the first 32, for which libc has room without allocating */
    from_main = tally_malloc(&tally, 281);
    return 0;
}
