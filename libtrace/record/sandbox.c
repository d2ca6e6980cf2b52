/* Running a seccomp filter on our own system calls, before the kernel does. Sources: seccomp(2), the kernel's
 * Documentation/networking/filter.rst (classic BPF; seccomp has no packet, only struct seccomp_data).
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "solo.h"
#include "sys_word.h"

#define ALLOW_MASK 0xffff0000u

struct machine {
    uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t operate(uint16_t code, uint32_t a, uint32_t b)
{
    switch (BPF_OP(code)) {
    case BPF_ADD:
        return a + b;
    case BPF_SUB:
        return a - b;
    case BPF_MUL:
        return a * b;
    case BPF_DIV:
        return b ? a / b : 0;
    case BPF_MOD:
        return b ? a % b : 0;
    case BPF_OR:
        return a | b;
    case BPF_AND:
        return a & b;
    case BPF_XOR:
        return a ^ b;
    case BPF_LSH:
        return b < 32 ? a << b : 0;
    case BPF_RSH:
        return b < 32 ? a >> b : 0;
    default: /* BPF_NEG */
        return 0u - a;
    }
}

static bool holds(uint16_t code, uint32_t a, uint32_t b)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == b;
    case BPF_JGT:
        return a > b;
    case BPF_JGE:
        return a >= b;
    default: /* BPF_JSET */
        return a & b;
    }
}

static uint32_t load(const struct machine *machine, const struct sock_filter *at, const struct seccomp_data *data)
{
    uint32_t word = 0;
    switch (BPF_MODE(at->code)) {
    case BPF_ABS:
        if (at->k <= sizeof *data - sizeof word)
            memcpy(&word, (const char *)data + at->k, sizeof word);
        return word;
    case BPF_MEM:
        return at->k < BPF_MEMWORDS ? machine->memory[at->k] : 0;
    case BPF_LEN:
        return sizeof *data;
    default:
        return at->k;
    }
}

/* What the filter returns for one call. Jumps lead forward only, so it ends. What the kernel would not accept ends as a
 * kill. */
static uint32_t run(const struct sock_fprog *filter, const struct seccomp_data *data)
{
    struct machine machine = {0};
    for (uint32_t i = 0; i < filter->len; i++) {
        const struct sock_filter *at = &filter->filter[i];
        uint32_t jump;
        const uint32_t operand = BPF_SRC(at->code) == BPF_X ? machine.x : at->k;
        switch (BPF_CLASS(at->code)) {
        case BPF_LD:
            machine.a = load(&machine, at, data);
            break;
        case BPF_LDX:
            machine.x = load(&machine, at, data);
            break;
        case BPF_ST:
        case BPF_STX:
            if (at->k < BPF_MEMWORDS)
                machine.memory[at->k] = BPF_CLASS(at->code) == BPF_ST ? machine.a : machine.x;
            break;
        case BPF_ALU:
            machine.a = operate(at->code, machine.a, operand);
            break;
        case BPF_JMP:
            jump = BPF_OP(at->code) == BPF_JA ? at->k : holds(at->code, machine.a, operand) ? at->jt : at->jf;
            if (jump >= filter->len - i)
                return SECCOMP_RET_KILL_PROCESS;
            i += jump;
            break;
        case BPF_RET:
            return BPF_RVAL(at->code) == BPF_A ? machine.a : at->k;
        default: /* BPF_MISC */
            if (BPF_MISCOP(at->code) == BPF_TAX)
                machine.x = machine.a;
            else
                machine.a = machine.x;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

static bool tolerates(const struct sock_fprog *filter, struct seccomp_data data)
{
    data.arch = VZ_AUDIT_ARCH;
    const uint32_t action = run(filter, &data) & ALLOW_MASK;
    return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_ERRNO;
}

#ifdef SYS_ftruncate64
#define VZ_SYS_TRUNCATE SYS_ftruncate64
#else
#define VZ_SYS_TRUNCATE SYS_ftruncate
#endif

/* What a process that writes its own trace calls besides, and a forked child of it when it begins. */
static bool tolerates_solo(const struct sock_fprog *filter)
{
    static const int numbers[] = {
        SYS_openat,        SYS_close,           SYS_read,       SYS_write,    SYS_pwrite64, VZ_SYS_TRUNCATE,
        SYS_fallocate,     SYS_statx,           SYS_prlimit64,  SYS_munmap,   SYS_tgkill,   SYS_rt_sigprocmask,
        SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_madvise,    SYS_mremap,   SYS_uname,    SYS_getcwd,
        SYS_readlinkat,    SYS_getppid,         SYS_socket,     SYS_connect,  SYS_sendto,   SYS_recvfrom,
        SYS_fcntl,         SYS_ppoll,           SYS_setsockopt, SYS_getrandom};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!tolerates(filter, (struct seccomp_data){.nr = numbers[i]}))
            return false;
    return true;
}

bool vz_sandbox_tolerates(const struct sock_fprog *filter)
{
    const struct seccomp_data calls[] = {
        {.nr = SYS_futex, .args = {0, FUTEX_WAIT}},
        {.nr = SYS_futex, .args = {0, FUTEX_WAIT | FUTEX_PRIVATE_FLAG}},
        {.nr = SYS_mprotect, .args = {0, 1 << 20, PROT_READ | PROT_WRITE}},
        {.nr = VZ_SYS_MMAP,
         .args = {0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1}},
        {.nr = SYS_gettid},
        {.nr = SYS_getpid},
    };
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!tolerates(filter, calls[i]))
            return false;
    return !vz_solo_is_on() || tolerates_solo(filter);
}
