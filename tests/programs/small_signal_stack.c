/* small_signal_stack BYTES: a handler allocates on an alternate stack of so many BYTES, below which lies a page that
 * must not be touched.
 */
#include <signal.h>
#include <sys/mman.h>

#include "tally.h"

static struct tally tally;

static void handle(int number)
{
    (void)number;
    tally_release(&tally, tally_malloc(&tally, 331), 331);
}

int main(int argc, char **argv)
{
    EXPECT(argc > 1);
    const struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    char *guard = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(guard != MAP_FAILED && mprotect(guard, 4096, PROT_NONE) == 0);
    tally_release(&tally, tally_malloc(&tally, 337), 337);
    EXPECT(sigaltstack(&(stack_t){.ss_sp = guard + 4096, .ss_size = (size_t)atol(argv[1])}, NULL) == 0);
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 3; i++)
        raise(SIGUSR1);
    tally_print("main", &tally);
    return 0;
}
