/* unwindless: allocates 151 bytes, which stay, below a function that keeps a frame pointer but has no unwind data. */
#include "tally.h"

void call(void (*callee)(void));
void allocate(void);
int go_on(void);

__asm__(".text\n"
        ".type call, @function\n"
        "call: push %rbp\n"
        "      mov %rsp, %rbp\n"
        "      call *%rdi\n"
        "      pop %rbp\n"
        "      ret\n"
        ".size call, . - call\n");

static struct tally tally;

__attribute__((noinline)) void allocate(void) { tally_malloc(&tally, 151); }

__attribute__((noinline)) int go_on(void)
{
    call(allocate);
    return (int)tally.allocs;
}

int main(void)
{
    EXPECT(go_on() == 1);
    tally_print("unwindless", &tally);
    return 0;
}
