/* Hooks of the calls by which a program puts a seccomp filter on itself, or forbids itself the time stamp counter.
 * Under one that would end the process for a system call of ours, recording stops before; what the filter refuses by an
 * error is noticed when it happens.
 */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "hook.h"
#include "sandbox.h"
#include "sys.h"

/* Programs ask by a bad address whether the kernel knows of filters. */
static bool is_readable(const void *start, size_t bytes)
{
    const uintptr_t first = (uintptr_t)start, last = first + bytes - 1;
    return vz_sys_readable(first & ~(uintptr_t)3) && vz_sys_readable(last & ~(uintptr_t)3);
}

static void prepare(bool is_strict, const struct sock_fprog *filter)
{
    if (!vz_session_recording())
        return;
    const bool is_there = filter && is_readable(filter, sizeof *filter) &&
                          is_readable(filter->filter, filter->len * sizeof *filter->filter);
    if (is_strict || (is_there && !vz_sandbox_tolerates(filter)))
        vz_session_confine();
}

VZ_EXPORT int prctl(int option, ...)
{
    unsigned long arguments[4];
    va_list rest;
    va_start(rest, option);
    for (unsigned i = 0; i < 4; i++)
        arguments[i] = va_arg(rest, unsigned long);
    va_end(rest);
    if (option == PR_SET_SECCOMP)
        prepare(arguments[0] == SECCOMP_MODE_STRICT, (const struct sock_fprog *)arguments[1]);
    if (option == PR_SET_TSC && arguments[0] == PR_TSC_SIGSEGV)
        prepare(true, NULL); /* the clock would end the process */
    return VZ_REAL(prctl)(option, arguments[0], arguments[1], arguments[2], arguments[3]);
}

long (*vz_sandbox_syscall)(long number, ...);

void vz_sandbox_find_syscall(void) { vz_sandbox_syscall = VZ_REAL(syscall); }

long vz_sandbox_seccomp(long number, unsigned operation, unsigned flags, const struct sock_fprog *filter)
{
    prepare(operation == SECCOMP_SET_MODE_STRICT, operation == SECCOMP_SET_MODE_FILTER ? filter : NULL);
    return VZ_REAL(syscall)(number, operation, flags, filter);
}
