/* The distinct paths of call stacks, and the distinct frames in them. */
#include "paths.h"

#include <errno.h>
#include <stdlib.h>

#include "export.h"
#include "format/format.h"
#include "ids.h"

#define MOST_NODES (UINT64_C(1) << 31)
#define NO_NUMBER UINT32_MAX

/* In `merged`, before a row has its node. */
#define NOT_ASKED UINT32_MAX
#define ASKED (UINT32_MAX - 1)

/* A pc and a code take more bits than an id has: each has a number of its own first. */
struct frames {
    struct vz_ids pcs, codes, pairs;
};

static void free_frames(struct frames *frames)
{
    vz_ids_free(&frames->pcs);
    vz_ids_free(&frames->codes);
    vz_ids_free(&frames->pairs);
}

static int init_frames(struct frames *frames)
{
    *frames = (struct frames){{0}, {0}, {0}};
    if (vz_ids_init(&frames->pcs) == 0 && vz_ids_init(&frames->codes) == 0 && vz_ids_init(&frames->pairs) == 0)
        return 0;
    free_frames(frames);
    return -ENOMEM;
}

/* NO_NUMBER: no memory. */
static uint32_t find_frame(struct frames *frames, uint64_t pc, uint64_t code)
{
    uint32_t pc_number = vz_ids_find(&frames->pcs, pc);
    uint32_t code_number = vz_ids_find(&frames->codes, code);

    if (pc_number == NO_NUMBER || code_number == NO_NUMBER)
        return NO_NUMBER;
    return vz_ids_find(&frames->pairs, (uint64_t)pc_number << 32 | code_number);
}

VZ_EXPORT int64_t vz_frames_number(uint64_t n, const uint64_t *pcs, const uint64_t *codes, int64_t *numbers,
                                   int64_t *firsts)
{
    struct frames frames;
    int64_t error = init_frames(&frames);

    if (error)
        return error;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t n_before = frames.pairs.n, number = find_frame(&frames, pcs[i], codes[i]);
        if (number == NO_NUMBER) {
            error = -ENOMEM;
            break;
        }
        if (number == n_before)
            firsts[number] = (int64_t)i;
        numbers[i] = number;
    }
    int64_t n_frames = frames.pairs.n;
    free_frames(&frames);
    return error ? error : n_frames;
}

/* Marks the rows of leaves and of all above them. */
static int ask(const struct vz_path_nodes *nodes, uint64_t n_leaves, const int64_t *leaves, uint32_t *merged)
{
    for (uint64_t row = 0; row < nodes->n; row++)
        merged[row] = NOT_ASKED;
    for (uint64_t i = 0; i < n_leaves; i++) {
        if (leaves[i] < -1 || leaves[i] >= (int64_t)nodes->n)
            return -EINVAL;
        if (leaves[i] >= 0)
            merged[leaves[i]] = ASKED;
    }
    for (uint64_t row = nodes->n; row-- > 0;) {
        if (merged[row] == NOT_ASKED)
            continue;
        if (nodes->above[row] < -1 || nodes->above[row] >= (int64_t)row)
            return -EINVAL;
        if (nodes->above[row] >= 0)
            merged[nodes->above[row]] = ASKED;
    }
    return 0;
}

/* Gives each row that was asked for its node, and writes those that are new. */
static int merge(const struct vz_path_nodes *nodes, uint32_t *merged, struct frames *frames, struct vz_ids *paths,
                 const struct vz_paths *out)
{
    for (uint64_t row = 0; row < nodes->n; row++) {
        if (merged[row] == NOT_ASKED)
            continue;
        int64_t above = nodes->above[row];
        uint32_t frame = find_frame(frames, nodes->pcs[row], nodes->codes[row]), n_before = paths->n;
        /* Stacks that end differently are different, however equal their frames. */
        uint64_t under = above < 0 ? nodes->roots[row] : (uint64_t)merged[above] + VZ_NODE_FIRST_ID;
        uint32_t node = vz_ids_find(paths, under << 32 | frame);
        if (frame == NO_NUMBER || node == NO_NUMBER)
            return -ENOMEM;
        merged[row] = node;
        if (node != n_before)
            continue;
        out->parents[node] = above < 0 ? -1 : (int64_t)merged[above];
        out->rows[node] = (int64_t)row;
        out->frames[node] = frame;
    }
    return 0;
}

VZ_EXPORT int64_t vz_paths_find(const struct vz_path_nodes *nodes, uint64_t n_leaves, const int64_t *leaves,
                                int64_t *ends, const struct vz_paths *paths)
{
    struct frames frames = {{0}, {0}, {0}};
    struct vz_ids ids = {0};
    int64_t result = -ENOMEM;

    if (nodes->n >= MOST_NODES)
        return -EINVAL;
    uint32_t *merged = malloc(nodes->n * sizeof *merged + 1);
    if (!merged || init_frames(&frames) != 0 || vz_ids_init(&ids) != 0)
        goto out;
    result = ask(nodes, n_leaves, leaves, merged);
    if (result == 0)
        result = merge(nodes, merged, &frames, &ids, paths);
    if (result != 0)
        goto out;
    for (uint64_t i = 0; i < n_leaves; i++)
        ends[i] = leaves[i] < 0 ? -1 : (int64_t)merged[leaves[i]];
    result = ids.n;
out:
    vz_ids_free(&ids);
    free_frames(&frames);
    free(merged);
    return result;
}
