/* Hooks of calls that change what the program is made of: unloading code, naming threads. */
#define _GNU_SOURCE
#include "hook.h"
#include "modules.h"

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
