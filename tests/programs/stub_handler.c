/* stub_handler ROUNDS: allocates and frees, and so does a handler of SIGUSR2 that is reached through code without unwind data or frame
 * pointer, as a hand-written trampoline may be. Says when it is ready for the
 * signal, and prints its tally.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "tally.h"

static struct tally tally;
static volatile sig_atomic_t n_handled;

static void handle(int number)
{
    (void)number;
    n_handled = n_handled + 1;
    void *volatile block = malloc(777);
    free(block);
}

/* sub $72, %rsp; movabs $handle, %rax; call *%rax; add $72, %rsp; ret. */
static void *make_stub(void)
{
    static const unsigned char before[] = {0x48, 0x83, 0xec, 0x48, 0x48, 0xb8},
                               after[] = {0xff, 0xd0, 0x48, 0x83, 0xc4, 0x48, 0xc3};
    unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void (*target)(int) = handle;
    EXPECT(code != MAP_FAILED);
    memcpy(code, before, sizeof before);
    memcpy(code + sizeof before, &target, sizeof target);
    memcpy(code + sizeof before + sizeof target, after, sizeof after);
    return code;
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    struct sigaction action = {.sa_flags = SA_RESTART};
    *(void **)&action.sa_handler = make_stub();
    sigaction(SIGUSR2, &action, NULL);
    EXPECT(write(STDOUT_FILENO, "ready\n", 6) == 6);
    for (int i = atoi(argv[1]); i > 0; i--)
        tally_release(&tally, tally_malloc(&tally, 100), 100);
    sigset_t none;
    sigemptyset(&none);
    sigaddset(&none, SIGUSR2);
    sigprocmask(SIG_BLOCK, &none, NULL);
    for (int i = 0; i < n_handled; i++) {
        tally_alloc(&tally, 777);
        tally_free(&tally, 777);
    }
    tally_print("main", &tally);
    return 0;
}
