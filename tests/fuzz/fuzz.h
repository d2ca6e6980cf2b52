/* What a fuzz target is made of: one function, called with many inputs, by libFuzzer (`scons fuzz`) or by replay.c with the
 * files of tests/fuzz/corpus. A target aborts when something is wrong; sanitizers see the rest. It must not depend on what
 * earlier inputs did.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);                                   \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The rest of an input, taken from the front; beyond its end all is zero. */
struct fuzz_input {
    const uint8_t *at;
    size_t bytes;
};

static inline uint64_t fuzz_take(struct fuzz_input *input, size_t bytes)
{
    uint64_t value = 0;
    const size_t n = bytes < input->bytes ? bytes : input->bytes;
    if (n)
        memcpy(&value, input->at, n);
    input->at += n;
    input->bytes -= n;
    return value;
}

#endif
