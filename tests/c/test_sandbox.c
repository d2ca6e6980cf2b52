/* record/sandbox: what a filter would do to the recorder's own calls, by filters as programs write them. */
#define _GNU_SOURCE
#include "record/sandbox.h"

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "sys_word.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ON(value, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), RETURN(action)
#define TOLERATES(...) tolerates((struct sock_filter[]){__VA_ARGS__}, sizeof((struct sock_filter[]){__VA_ARGS__}))

static bool tolerates(struct sock_filter *steps, size_t bytes)
{
    struct sock_fprog filter = {.len = (unsigned short)(bytes / sizeof *steps), .filter = steps};
    return vz_sandbox_tolerates(&filter);
}

static void test_actions(void)
{
    CHECK(TOLERATES(RETURN(SECCOMP_RET_ALLOW)));
    CHECK(TOLERATES(RETURN(SECCOMP_RET_LOG)));
    CHECK(TOLERATES(RETURN(SECCOMP_RET_ERRNO | 1)));
    CHECK(!TOLERATES(RETURN(SECCOMP_RET_KILL_PROCESS)));
    CHECK(!TOLERATES(RETURN(SECCOMP_RET_KILL_THREAD)));
    CHECK(!TOLERATES(RETURN(SECCOMP_RET_TRAP)));
    CHECK(!TOLERATES(RETURN(SECCOMP_RET_TRACE)));
    CHECK(!TOLERATES(RETURN(SECCOMP_RET_USER_NOTIF)));
}

static void test_each_call_matters(void)
{
    static const unsigned calls[] = {SYS_futex, SYS_mprotect, VZ_SYS_MMAP, SYS_gettid, SYS_getpid};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        CHECK(!TOLERATES(LOAD(nr), ON(calls[i], SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW)));
    CHECK(TOLERATES(LOAD(nr), ON(SYS_execve, SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW)));
}

static void test_architecture_is_ours(void)
{
    CHECK(TOLERATES(LOAD(arch), ON(VZ_AUDIT_ARCH, SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_KILL_PROCESS)));
    CHECK(!TOLERATES(LOAD(arch), ON(AUDIT_ARCH_S390X, SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_KILL_PROCESS)));
}

/* As sandboxes forbid executable memory, and lists of calls are searched by halves. */
static void test_arguments_and_arithmetic(void)
{
    CHECK(TOLERATES(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3), LOAD(args[2]),
                    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS),
                    RETURN(SECCOMP_RET_ALLOW)));
    CHECK(!TOLERATES(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3), LOAD(args[2]),
                     BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_WRITE, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS),
                     RETURN(SECCOMP_RET_ALLOW)));
    CHECK(TOLERATES(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1000, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS),
                    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS),
                    RETURN(SECCOMP_RET_ALLOW)));
    /* (nr | 0x40000000) - nr, by way of x and memory, is 0x40000000 for every call of ours. */
    CHECK(!TOLERATES(LOAD(nr), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_ST, 3),
                     BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 0x40000000), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
                     BPF_STMT(BPF_LDX | BPF_MEM, 3), BPF_STMT(BPF_JMP | BPF_JA, 1), RETURN(SECCOMP_RET_ALLOW),
                     ON(0x40000000, SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW)));
}

static void test_what_is_no_filter(void)
{
    struct sock_fprog empty = {0};
    CHECK(!vz_sandbox_tolerates(&empty));
    CHECK(!TOLERATES(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), RETURN(SECCOMP_RET_ALLOW)));
    CHECK(!TOLERATES(BPF_STMT(BPF_ST, 0xffffffff), BPF_STMT(BPF_LD | BPF_MEM, 16),
                     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffe), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0),
                     BPF_STMT(BPF_RET | BPF_A, 0)));
}

int main(void)
{
    test_actions();
    test_each_call_matters();
    test_architecture_is_ours();
    test_arguments_and_arithmetic();
    test_what_is_no_filter();
    return 0;
}
