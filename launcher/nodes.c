/* Writing call-stack nodes: see nodes.h. */
#include "nodes.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_NODES 4096u  /* nodes written together */
#define RECENT_NODES 4096u /* a power of two */

struct node_block {
    uint32_t n;
    uint64_t time;
    uint32_t node[BLOCK_NODES];
    uint32_t parent[BLOCK_NODES];
    uint32_t code[BLOCK_NODES];
    uint64_t pc[BLOCK_NODES];
};

/* The node of that id, or NULL if the image has none. */
static const struct vz_node *find_node(const struct vz_image *image, uint32_t id)
{
    uint32_t page =
        atomic_load_explicit(&image->region->node_segments[id / VZ_NODES_PER_SEGMENT], memory_order_acquire);
    const struct vz_node *segment =
        page ? vz_image_at(image, (uint64_t)page * VZ_PAGE, VZ_NODES_PER_SEGMENT * sizeof(struct vz_node)) : NULL;
    return segment ? segment + id % VZ_NODES_PER_SEGMENT : NULL;
}

/* The word of the bitmap that holds this id's bit; NULL: no memory. */
static uint64_t *bitmap_word(struct vz_image *image, uint32_t id)
{
    uint32_t segment = id / VZ_NODES_PER_SEGMENT;
    if (!image->written_nodes)
        image->written_nodes = calloc(VZ_MAX_NODE_SEGMENTS, sizeof(*image->written_nodes));
    if (!image->written_nodes)
        return NULL;
    if (!image->written_nodes[segment])
        image->written_nodes[segment] = calloc(VZ_NODES_PER_SEGMENT / 64, sizeof(uint64_t));
    return image->written_nodes[segment] ? &image->written_nodes[segment][id % VZ_NODES_PER_SEGMENT / 64] : NULL;
}

static bool is_written(const struct vz_image *image, uint32_t id)
{
    const uint64_t *words = image->written_nodes ? image->written_nodes[id / VZ_NODES_PER_SEGMENT] : NULL;
    return words && (words[id % VZ_NODES_PER_SEGMENT / 64] >> (id % 64) & 1);
}

static void flush(struct vz_collector *collector, struct vz_image *image, struct node_block *block)
{
    struct vz_node_columns columns = {.n = block->n,
                                      .time = block->time,
                                      .node = block->node,
                                      .parent = block->parent,
                                      .pc = block->pc,
                                      .code = block->code};
    if (block->n)
        VZ_SINK_DO(collector->sink, nodes, image->index, &columns);
    block->n = 0;
}

static void append(struct vz_collector *collector, struct vz_image *image, struct node_block *block, uint32_t id,
                   const struct vz_node *node)
{
    if (block->n == BLOCK_NODES)
        flush(collector, image, block);
    uint32_t at = block->n++;
    block->node[at] = id;
    block->parent[at] = node->parent;
    block->pc[at] = node->pc;
    block->code[at] = node->generation << 1 | node->generation >> 31; /* VZ_NODE_INTERRUPTED is the top bit */
}

/* Adds a node and its ancestors. They are listed leaf first by marking them, then reversed: a path has no bound, but its
 * unwritten part is what a deep walk made anew. Returns false if there is no such node. */
static bool add_path(struct vz_collector *collector, struct vz_image *image, struct node_block *block, uint32_t id)
{
    uint32_t small[512];
    uint32_t *path = small;
    size_t n = 0;
    size_t capacity = sizeof(small) / sizeof(*small);
    bool is_whole = true;
    while (id >= VZ_NODE_FIRST && !is_written(image, id)) {
        const struct vz_node *node = find_node(image, id);
        uint64_t *word = node ? bitmap_word(image, id) : NULL;
        if (n == capacity) {
            uint32_t *grown = malloc(2 * capacity * sizeof(*grown));
            for (size_t i = 0; grown && i < n; i++)
                grown[i] = path[i];
            if (path != small)
                free(path);
            path = grown;
            capacity *= 2;
        }
        is_whole = word && path && (node->parent < id); /* parents are made before their children */
        if (!is_whole)
            break;
        *word |= 1ULL << (id % 64);
        path[n++] = id;
        id = node->parent;
    }
    for (size_t i = n; path && i > 0; i--)
        append(collector, image, block, path[i - 1], find_node(image, path[i - 1]));
    if (path != small)
        free(path);
    return is_whole;
}

void vz_nodes_write(struct vz_collector *collector, struct vz_image *image, uint32_t *ids, uint32_t n, uint64_t time)
{
    struct node_block *block = NULL;
    uint32_t recent[RECENT_NODES] = {0}; /* needn't be looked up: few stacks make most events */
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *known = &recent[ids[i] % RECENT_NODES];
        if (*known == ids[i])
            continue;
        if (ids[i] < VZ_NODE_FIRST || is_written(image, ids[i])) {
            *known = ids[i];
            continue;
        }
        if (!block) {
            block = malloc(sizeof(*block));
            if (!block)
                return;
            block->n = 0;
            block->time = time;
        }
        if (!add_path(collector, image, block, ids[i]))
            ids[i] = VZ_NODE_GAP;
    }
    if (block)
        flush(collector, image, block);
    free(block);
}

int vz_nodes_addresses(const struct vz_image *image, uint64_t **addresses, size_t *n)
{
    size_t capacity = 0;
    *addresses = NULL;
    *n = 0;
    for (uint32_t id = VZ_NODE_FIRST; image->written_nodes && id < VZ_MAX_NODE_SEGMENTS * VZ_NODES_PER_SEGMENT; id++) {
        if (!image->written_nodes[id / VZ_NODES_PER_SEGMENT]) {
            id |= VZ_NODES_PER_SEGMENT - 1; /* on to the next segment */
            continue;
        }
        const struct vz_node *node = is_written(image, id) ? find_node(image, id) : NULL;
        if (!node)
            continue;
        if (*n == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            uint64_t *grown = realloc(*addresses, capacity * sizeof(*grown));
            if (!grown) {
                free(*addresses);
                *addresses = NULL;
                return -ENOMEM;
            }
            *addresses = grown;
        }
        (*addresses)[(*n)++] = node->pc - (node->generation & VZ_NODE_INTERRUPTED ? 0 : 1);
    }
    return 0;
}

void vz_nodes_free(struct vz_image *image)
{
    for (uint32_t i = 0; image->written_nodes && i < VZ_MAX_NODE_SEGMENTS; i++)
        free(image->written_nodes[i]);
    free(image->written_nodes);
}
