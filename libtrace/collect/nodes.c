/* Writing call-stack nodes: see nodes.h. */
#include "nodes.h"

#include <string.h>

#define MAX_RECENT 4096u /* powers of two */
#define MIN_RECENT 256u

/* Nodes that are written together. */
struct vz_node_block {
    uint32_t n, capacity;
    uint64_t time;
    uint64_t *pc;
    uint32_t *node, *parent, *code;
};

#define NODE_BYTES (sizeof(uint64_t) + 3 * sizeof(uint32_t))

/* Kept from its first use on. NULL: no memory. */
static struct vz_node_block *node_block(struct vz_source *source)
{
    const uint32_t capacity = source->node_capacity;
    if (source->node_block)
        return source->node_block;
    struct vz_node_block *block = source->ops->allocate(sizeof(*block) + capacity * NODE_BYTES);
    if (!block)
        return NULL;
    block->capacity = capacity;
    block->pc = (uint64_t *)(block + 1);
    block->node = (uint32_t *)(block->pc + capacity);
    block->parent = block->node + capacity;
    block->code = block->parent + capacity;
    source->node_block = block;
    return block;
}

/* The node of that id, or NULL if the image has none. */
static const struct vz_node *find_node(const struct vz_source *source, uint32_t id)
{
    uint32_t page =
        atomic_load_explicit(&source->region->node_segments[id / VZ_NODES_PER_SEGMENT], memory_order_acquire);
    const struct vz_node *segment =
        page ? vz_source_at(source, (uint64_t)page * VZ_PAGE, VZ_NODES_PER_SEGMENT * sizeof(struct vz_node)) : NULL;
    return segment ? segment + id % VZ_NODES_PER_SEGMENT : NULL;
}

/* The word of the bitmap that holds this id's bit; NULL: no memory. */
static uint64_t *bitmap_word(struct vz_source *source, uint32_t id)
{
    uint32_t segment = id / VZ_NODES_PER_SEGMENT;
    if (!source->written_nodes)
        source->written_nodes = source->ops->allocate(VZ_MAX_NODE_SEGMENTS * sizeof(*source->written_nodes));
    if (!source->written_nodes)
        return NULL;
    if (!source->written_nodes[segment])
        source->written_nodes[segment] = source->ops->allocate(VZ_NODES_PER_SEGMENT / 64 * sizeof(uint64_t));
    return source->written_nodes[segment] ? &source->written_nodes[segment][id % VZ_NODES_PER_SEGMENT / 64] : NULL;
}

static bool is_written(const struct vz_source *source, uint32_t id)
{
    const uint64_t *words = source->written_nodes ? source->written_nodes[id / VZ_NODES_PER_SEGMENT] : NULL;
    return words && (words[id % VZ_NODES_PER_SEGMENT / 64] >> (id % 64) & 1);
}

static void flush(struct vz_source *source, struct vz_node_block *block)
{
    struct vz_node_columns columns = {.n = block->n,
                                      .time = block->time,
                                      .node = block->node,
                                      .parent = block->parent,
                                      .pc = block->pc,
                                      .code = block->code};
    if (block->n)
        VZ_SINK_DO(source->sink, nodes, source->index, &columns);
    block->n = 0;
}

static void append(struct vz_source *source, struct vz_node_block *block, uint32_t id, const struct vz_node *node)
{
    if (block->n == block->capacity)
        flush(source, block);
    uint32_t at = block->n++;
    block->node[at] = id;
    block->parent[at] = node->parent;
    block->pc[at] = node->pc;
    block->code[at] = node->generation << 1 | node->generation >> 31; /* VZ_NODE_INTERRUPTED is the top bit */
}

/* Adds a node and its ancestors. They are listed leaf first by marking them, then reversed: a path has no bound, but its
 * unwritten part is what a deep walk made anew. Returns false if there is no such node. */
static bool add_path(struct vz_source *source, struct vz_node_block *block, uint32_t id)
{
    uint32_t small[512];
    uint32_t *path = small;
    size_t n = 0;
    size_t capacity = sizeof(small) / sizeof(*small);
    bool is_whole = true;
    while (id >= VZ_NODE_FIRST && !is_written(source, id)) {
        const struct vz_node *node = find_node(source, id);
        uint64_t *word = node ? bitmap_word(source, id) : NULL;
        if (n == capacity) {
            uint32_t *grown = source->ops->allocate(2 * capacity * sizeof(*grown));
            for (size_t i = 0; grown && i < n; i++)
                grown[i] = path[i];
            if (path != small)
                source->ops->release(path);
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
        append(source, block, path[i - 1], find_node(source, path[i - 1]));
    if (path != small)
        source->ops->release(path);
    return is_whole;
}

void vz_nodes_write(struct vz_source *source, uint32_t *ids, uint32_t n, uint64_t time)
{
    struct vz_node_block *block = NULL;
    uint32_t recent[MAX_RECENT]; /* needn't be looked up: few stacks make most events */
    const uint32_t n_recent = n < MAX_RECENT ? MIN_RECENT : MAX_RECENT;
    memset(recent, 0, n_recent * sizeof(*recent));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *known = &recent[ids[i] % n_recent];
        if (*known == ids[i])
            continue;
        if (ids[i] < VZ_NODE_FIRST || is_written(source, ids[i])) {
            *known = ids[i];
            continue;
        }
        if (!block) {
            block = node_block(source);
            if (!block)
                return;
            block->time = time;
        }
        if (!add_path(source, block, ids[i]))
            ids[i] = VZ_NODE_GAP;
    }
    if (block)
        flush(source, block);
}

bool vz_nodes_next(const struct vz_source *source, uint32_t *id, uint64_t *address)
{
    const uint32_t end = VZ_MAX_NODE_SEGMENTS * VZ_NODES_PER_SEGMENT;
    while (source->written_nodes && ++*id < end) {
        if (!source->written_nodes[*id / VZ_NODES_PER_SEGMENT]) {
            *id |= VZ_NODES_PER_SEGMENT - 1; /* on to the next segment */
            continue;
        }
        const struct vz_node *node = is_written(source, *id) ? find_node(source, *id) : NULL;
        if (!node)
            continue;
        *address = node->pc - (node->generation & VZ_NODE_INTERRUPTED ? 0 : 1);
        return true;
    }
    return false;
}

void vz_nodes_free(struct vz_source *source)
{
    for (uint32_t i = 0; source->written_nodes && i < VZ_MAX_NODE_SEGMENTS; i++)
        source->ops->release(source->written_nodes[i]);
    source->ops->release(source->written_nodes);
    source->ops->release(source->node_block);
    source->written_nodes = NULL;
    source->node_block = NULL;
}
