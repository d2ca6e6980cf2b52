/* Counts a test program's own heap calls as the recorder must count them, so that a test can demand equality.
 *
 * The rules are those of valgrind's HEAP SUMMARY: a reallocation is an allocation and a free, a failed call is nothing.
 * Who frees passes the block's size, which it knows. Nothing here allocates but what is asked for. Threads keep a
 * struct tally each, and add them up when they are joined.
 */
#ifndef TALLY_H
#define TALLY_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct tally {
    uint64_t allocs, frees, bytes_allocated;
    int64_t in_use_bytes, in_use_blocks; /* of one thread: negative when it frees what others allocated */
};

static inline void tally_alloc(struct tally *tally, size_t bytes)
{
    tally->allocs++;
    tally->bytes_allocated += bytes;
    tally->in_use_bytes += (int64_t)bytes;
    tally->in_use_blocks++;
}

static inline void tally_free(struct tally *tally, size_t bytes)
{
    tally->frees++;
    tally->in_use_bytes -= (int64_t)bytes;
    tally->in_use_blocks--;
}

static inline void tally_add(struct tally *sum, const struct tally *part)
{
    sum->allocs += part->allocs;
    sum->frees += part->frees;
    sum->bytes_allocated += part->bytes_allocated;
    sum->in_use_bytes += part->in_use_bytes;
    sum->in_use_blocks += part->in_use_blocks;
}

/* One line on stdout, by write: printf would allocate stdout's buffer. */
static inline void tally_print(const char *name, const struct tally *tally)
{
    char line[256];
    int length = snprintf(
        line, sizeof line,
        "%s pid=%d allocs=%llu frees=%llu bytes_allocated=%llu in_use_bytes=%lld in_use_blocks=%lld\n", name, getpid(),
        (unsigned long long)tally->allocs, (unsigned long long)tally->frees, (unsigned long long)tally->bytes_allocated,
        (long long)tally->in_use_bytes, (long long)tally->in_use_blocks);
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(99);
}

/* An expectation of the program itself: what fails is named on stderr, and the program ends with status 98. */
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            dprintf(STDERR_FILENO, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);                            \
            _exit(98);                                                                                                 \
        }                                                                                                              \
    } while (0)

static inline void *tally_new(struct tally *tally, void *block, size_t bytes)
{
    EXPECT(block != NULL);
    tally_alloc(tally, bytes);
    return block;
}

static inline void *tally_malloc(struct tally *tally, size_t bytes) { return tally_new(tally, malloc(bytes), bytes); }

static inline void *tally_realloc(struct tally *tally, void *block, size_t old_bytes, size_t bytes)
{
    void *moved = realloc(block, bytes);
    if (block)
        tally_free(tally, old_bytes);
    return tally_new(tally, moved, bytes);
}

static inline void tally_release(struct tally *tally, void *block, size_t bytes)
{
    tally_free(tally, bytes);
    free(block);
}

#endif
