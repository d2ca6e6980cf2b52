/* What code looks like on this machine, for frames without unwind data: machine/NAME/unwind_code.c. All in a hook. */
#ifndef VZ_UNWIND_CODE_H
#define VZ_UNWIND_CODE_H

#include <stdbool.h>
#include <stdint.h>

struct vz_module;
struct vz_stack;

/* Whether the instruction before pc, which lies in the module, looks like a call. */
bool vz_machine_follows_call(const struct vz_module *module, uintptr_t pc);

/* Whether a nop stands before pc, as before the address to which a stack's first function returns, in Go. */
bool vz_machine_follows_nop(uintptr_t pc);

/* Whether what the function called before pc returned ends the process or the thread, as what main returns does: the first frame
 * of a C library without unwind data (on x86-64 musl, on 32-bit ARM glibc; elsewhere not known). */
bool vz_machine_exits(const struct vz_module *module, uintptr_t pc);

/* Whether pc is where handlers return to: code that leaves a signal frame. module: that of pc, or NULL. */
bool vz_machine_is_sigreturn(const struct vz_module *module, uintptr_t pc);

/* From the registers of a handler's caller to those that were interrupted. False: they can't be read. */
bool vz_machine_leave_signal(uintptr_t *value, struct vz_stack *stack);

#endif
