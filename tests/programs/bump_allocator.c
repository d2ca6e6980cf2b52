/* An allocator of its own, as jemalloc and its like are: malloc and its kin, and C++'s operators which don't call them.
 * As a shared library or linked into a program. Never gives anything back.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ALIGNMENT = 16, HEAP_BYTES = 64 << 20 };

static _Alignas(4096) char heap[HEAP_BYTES];
static _Atomic size_t used;

static void *take(size_t alignment, size_t bytes)
{
    if (bytes > HEAP_BYTES / 2 || alignment > HEAP_BYTES / 4) {
        errno = ENOMEM;
        return NULL;
    }
    const size_t room = alignment + ALIGNMENT + (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    const size_t at = atomic_fetch_add(&used, room);
    if (at + room > HEAP_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    const uintptr_t start = ((uintptr_t)heap + at + ALIGNMENT + alignment - 1) / alignment * alignment;
    memcpy((void *)(start - sizeof bytes), &bytes, sizeof bytes);
    return (void *)start;
}

static size_t size_of(const void *block)
{
    size_t bytes;
    memcpy(&bytes, (const char *)block - sizeof bytes, sizeof bytes);
    return bytes;
}

void *malloc(size_t bytes) { return take(ALIGNMENT, bytes); }

void free(void *block) { (void)block; }

void *calloc(size_t count, size_t bytes)
{
    size_t product;
    if (__builtin_mul_overflow(count, bytes, &product))
        product = SIZE_MAX;
    return take(ALIGNMENT, product); /* the heap is zero, and used once */
}

static void *move(void *old, size_t bytes)
{
    void *block = take(ALIGNMENT, bytes);
    if (block && old)
        memcpy(block, old, size_of(old) < bytes ? size_of(old) : bytes);
    return block;
}

void *realloc(void *old, size_t bytes) { return move(old, bytes); }

void *reallocarray(void *old, size_t count, size_t bytes)
{
    size_t product;
    return move(old, __builtin_mul_overflow(count, bytes, &product) ? SIZE_MAX : product);
}

void *memalign(size_t alignment, size_t bytes) { return take(alignment < ALIGNMENT ? ALIGNMENT : alignment, bytes); }

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **result, size_t alignment, size_t bytes)
{
    void *block = memalign(alignment, bytes);
    if (block)
        *result = block;
    return block ? 0 : ENOMEM;
}

/* The operators, by the names that the Itanium C++ ABI gives them. */
#define NEW(name, parameters, alignment)                                                                               \
    void *name parameters;                                                                                             \
    void *name parameters { return take(alignment, bytes); }
#define DELETE(name, parameters)                                                                                       \
    void name parameters;                                                                                              \
    void name parameters {}

#define UNUSED __attribute__((unused))

NEW(_Znwm, (size_t bytes), ALIGNMENT)
NEW(_Znam, (size_t bytes), ALIGNMENT)
NEW(_ZnwmRKSt9nothrow_t, (size_t bytes, UNUSED const void *tag), ALIGNMENT)
NEW(_ZnamRKSt9nothrow_t, (size_t bytes, UNUSED const void *tag), ALIGNMENT)
NEW(_ZnwmSt11align_val_t, (size_t bytes, size_t alignment), alignment)
NEW(_ZnamSt11align_val_t, (size_t bytes, size_t alignment), alignment)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, UNUSED const void *tag), alignment)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t bytes, size_t alignment, UNUSED const void *tag), alignment)

DELETE(_ZdlPv, (UNUSED void *block))
DELETE(_ZdaPv, (UNUSED void *block))
DELETE(_ZdlPvRKSt9nothrow_t, (UNUSED void *block, UNUSED const void *tag))
DELETE(_ZdaPvRKSt9nothrow_t, (UNUSED void *block, UNUSED const void *tag))
DELETE(_ZdlPvm, (UNUSED void *block, UNUSED size_t bytes))
DELETE(_ZdaPvm, (UNUSED void *block, UNUSED size_t bytes))
DELETE(_ZdlPvSt11align_val_t, (UNUSED void *block, UNUSED size_t alignment))
DELETE(_ZdaPvSt11align_val_t, (UNUSED void *block, UNUSED size_t alignment))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, (UNUSED void *block, UNUSED size_t alignment, UNUSED const void *tag))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, (UNUSED void *block, UNUSED size_t alignment, UNUSED const void *tag))
DELETE(_ZdlPvmSt11align_val_t, (UNUSED void *block, UNUSED size_t bytes, UNUSED size_t alignment))
DELETE(_ZdaPvmSt11align_val_t, (UNUSED void *block, UNUSED size_t bytes, UNUSED size_t alignment))
