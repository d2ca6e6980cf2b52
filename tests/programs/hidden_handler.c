/* hidden_handler ROUNDS CODE: says its pid, waits for a byte on standard input, then allocates and frees so often. A handler of
 * SIGUSR2 allocates too. It is called by code that has neither unwind data nor a frame pointer: no walk from the handler gets
 * to what it interrupted. CODE says where that is: `module`, in this program, as written in assembler; `made`, in memory
 * of its own, as just-in-time compilers make it.
 *
 * The test sends the signal while the program waits inside a hook.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "tally.h"

enum { HANDLER_BYTES = 777 };

static volatile sig_atomic_t n_handled;

static void handle(void)
{
    n_handled++;
    free(malloc(HANDLER_BYTES));
}

/* Calls `called`. Written as text, so that the compiler has nothing to say about its frame. */
void hidden(int number);
extern const char hidden_end[];
__attribute__((used)) static void (*called)(void) = handle;
__asm__(".text\n"
        "hidden:\n\t"
        "subq $72, %rsp\n\t"
        "xorl %ebp, %ebp\n\t"
        "movq 0f(%rip), %rax\n\t"
        "call *(%rax)\n\t"
        "addq $72, %rsp\n\t"
        "ret\n"
        "0: .quad called\n"
        "hidden_end:\n");

static void (*copy(void))(int)
{
    const size_t bytes = (size_t)(hidden_end - (const char *)(uintptr_t)hidden);
    void *code = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(code != MAP_FAILED);
    memcpy(code, (const void *)(uintptr_t)hidden, bytes);
    return (void (*)(int))(uintptr_t)code;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    char byte, line[32];
    EXPECT(argc == 3);
    const struct sigaction action = {.sa_handler = strcmp(argv[2], "made") == 0 ? copy() : hidden,
                                     .sa_flags = SA_RESTART};
    EXPECT(sigaction(SIGUSR2, &action, NULL) == 0);
    const int n = snprintf(line, sizeof line, "%d\n", (int)getpid());
    EXPECT(write(STDOUT_FILENO, line, (size_t)n) == n); /* printf would allocate a buffer */
    EXPECT(read(STDIN_FILENO, &byte, 1) == 1);
    for (long left = atol(argv[1]); left > 0; left--)
        tally_release(&tally, tally_malloc(&tally, 101), 101);
    for (int i = 0; i < n_handled; i++) {
        tally_alloc(&tally, HANDLER_BYTES);
        tally_free(&tally, HANDLER_BYTES);
    }
    EXPECT(n_handled > 0);
    tally_print("main", &tally);
    return 0;
}
