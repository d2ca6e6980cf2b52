/* Hooks of calls that change what the program is made of: unloading code, naming threads, stacks for signals. */
#define _GNU_SOURCE
#include <signal.h>

#include "hook.h"
#include "modules.h"
#include "unwind_stack.h"

VZ_EXPORT int dlclose(void *handle)
{
    const bool recording = vz_session_recording();
    if (recording)
        vz_modules_closing();
    const int status = VZ_REAL(dlclose)(handle);
    if (recording)
        vz_modules_closed();
    return status;
}

VZ_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    const int status = VZ_REAL(pthread_setname_np)(thread, name);
    if (status == 0 && pthread_equal(thread, pthread_self()) && vz_session_recording())
        vz_thread_name(name);
    return status;
}

VZ_EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
    const int status = VZ_REAL(sigaltstack)(stack, old);
    if (status == 0 && stack) {
        const uintptr_t low = (uintptr_t)stack->ss_sp;
        const bool is_off = stack->ss_flags & SS_DISABLE;
        vz_stack_signal = (struct vz_stack_range){.low = low, .high = is_off ? 0 : low + stack->ss_size};
    }
    return status;
}
