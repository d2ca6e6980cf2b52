/* The program's own mappings. */
#include "mappings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

#define PAGE_BYTES 4096u

void vz_mappings_free(struct vz_mappings *mappings) { free(mappings->ranges); }

int vz_mappings_copy(struct vz_mappings *copy, const struct vz_mappings *mappings)
{
    size_t bytes = mappings->n * sizeof *mappings->ranges;

    *copy = *mappings;
    copy->capacity = mappings->n;
    copy->ranges = vz_lines_copy(mappings->ranges, bytes, bytes);
    return copy->ranges ? 0 : -ENOMEM;
}

/* The pages that a range touches; false where it has no bytes or leaves the address space. */
static bool round_out(uint64_t address, uint64_t size, struct vz_range *range)
{
    if (size == 0 || address > UINT64_MAX - PAGE_BYTES || size > UINT64_MAX - PAGE_BYTES - address + 1)
        return false;
    range->start = address / PAGE_BYTES * PAGE_BYTES;
    range->end = (address + size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    return true;
}

/* The first range that ends after an address. */
static uint32_t find(const struct vz_mappings *mappings, uint64_t address)
{
    uint32_t low = 0, high = mappings->n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mappings->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Ranges [first, last) become the n of `with`, at most two. */
static int replace(struct vz_mappings *mappings, uint32_t first, uint32_t last, const struct vz_range *with, uint32_t n)
{
    if (mappings->n + 2 > mappings->capacity) {
        uint32_t capacity = mappings->capacity * 2 + 64;
        struct vz_range *ranges = realloc(mappings->ranges, capacity * sizeof *ranges);
        if (!ranges)
            return -ENOMEM;
        mappings->ranges = ranges;
        mappings->capacity = capacity;
    }
    struct vz_range *at = mappings->ranges + first;
    memmove(at + n, mappings->ranges + last, (mappings->n - last) * sizeof *at);
    memcpy(at, with, n * sizeof *at);
    mappings->n += n - (last - first);
    return 0;
}

static int cut(struct vz_mappings *mappings, struct vz_range gone)
{
    uint32_t first = find(mappings, gone.start), last = first, n = 0;
    struct vz_range kept[2];

    for (; last < mappings->n && mappings->ranges[last].start < gone.end; last++) {
        struct vz_range range = mappings->ranges[last];
        uint64_t start = range.start > gone.start ? range.start : gone.start;
        uint64_t end = range.end < gone.end ? range.end : gone.end;
        if (range.start < start)
            kept[n++] = (struct vz_range){range.start, start};
        if (end < range.end)
            kept[n++] = (struct vz_range){end, range.end};
        mappings->mapped_bytes -= end - start;
    }
    return first == last ? 0 : replace(mappings, first, last, kept, n);
}

int vz_mappings_map(struct vz_mappings *mappings, uint64_t address, uint64_t size)
{
    struct vz_range range;

    if (!round_out(address, size, &range))
        return 0;
    int error = cut(mappings, range);
    uint32_t at = find(mappings, range.start);
    if (!error)
        error = replace(mappings, at, at, &range, 1);
    mappings->mapped_bytes += range.end - range.start;
    if (mappings->mapped_bytes > mappings->peak_bytes)
        mappings->peak_bytes = mappings->mapped_bytes;
    return error;
}

int vz_mappings_unmap(struct vz_mappings *mappings, uint64_t address, uint64_t size)
{
    struct vz_range range;

    return round_out(address, size, &range) ? cut(mappings, range) : 0;
}
