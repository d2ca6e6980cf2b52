/* Frames of the unwinder's test that only an assembler can make: odd_frames/MACHINE.c. */
#ifndef TEST_ODD_FRAMES_H
#define TEST_ODD_FRAMES_H

#include <stdint.h>

/* Calls it from a frame whose CFA is on a register that is neither sp nor fp: no tiny rule. */
uint32_t call_on_another(uint32_t (*function)(void));

/* Calls it on another stack, from a frame whose CFA is on fp. */
uint32_t call_on_stack(uint32_t (*function)(void), void *stack);

enum { ODD_CODE_BYTES = 32 };

/* Code to be copied to where no module is: calls its argument, with a frame pointer, or using that register otherwise. */
extern const unsigned char framed[ODD_CODE_BYTES], frameless[ODD_CODE_BYTES];

/* For a clobber list: what a callee preserves, but for the frame pointer. And whether code without unwind data is walked by
 * that. */
#if defined(__x86_64__)
#define PRESERVED_REGISTERS "rbx", "r12", "r13", "r14", "r15"
#define HAS_FRAME_POINTERS 1
#elif defined(__i386__)
#define PRESERVED_REGISTERS "esi", "edi"
#define HAS_FRAME_POINTERS 1
#elif defined(__aarch64__)
#define PRESERVED_REGISTERS "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28"
#define HAS_FRAME_POINTERS 1
#elif defined(__riscv)
#define PRESERVED_REGISTERS "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11"
#define HAS_FRAME_POINTERS 1
#elif defined(__arm__)
#define PRESERVED_REGISTERS "r4", "r5", "r6", "r8", "r9", "r10"
#define HAS_FRAME_POINTERS 0
#endif

/* Whether libgcc's unwinder is the one of 32-bit ARM, which tells less. */
#ifdef __arm__
#define IS_EHABI 1
#else
#define IS_EHABI 0
#endif

/* Whether it may end before the outermost frame. */
#if defined(__arm__) || defined(__riscv)
#define LIBGCC_STOPS_SHORT 1
#else
#define LIBGCC_STOPS_SHORT 0
#endif

#endif
