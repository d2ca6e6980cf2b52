/* Interning: one id per key, also with many threads and over growing tables; distinct keys keep distinct ids. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "record/region.h"
#include "record/stacks.h"

enum { N_THREADS = 4, N_KEYS = 200000 };

static uint32_t ids[N_THREADS][N_KEYS];

/* A tree: the parent of key i is key i / 4. */
static void intern_all(uint32_t *own)
{
    own[0] = VZ_NODE_ROOT;
    for (uint32_t i = 1; i < N_KEYS; i++)
        own[i] = vz_stacks_intern(own[i / 4], 0x400000 + i % 977, i % 3 == 0 ? 2 : 0);
}

static void *run(void *argument)
{
    intern_all(argument);
    return NULL;
}

static int check_nodes(const uint32_t *own)
{
    for (uint32_t i = 1; i < N_KEYS; i++) {
        const struct vz_node *node =
            (const struct vz_node *)vz_region_page(vz_region->node_segments[own[i] / VZ_NODES_PER_SEGMENT]) +
            own[i] % VZ_NODES_PER_SEGMENT;
        if (node->pc != 0x400000 + i % 977 || node->generation != (i % 3 == 0 ? 2u : 0u)) {
            fprintf(stderr, "key %u: id %u names another node\n", i, own[i]);
            return 1;
        }
    }
    return 0;
}

int main(void)
{
    image_start();
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        if (pthread_create(&threads[i], NULL, run, ids[i]) != 0)
            return 1;
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    int failed = 0;
    for (int i = 0; i < N_THREADS; i++)
        failed |= check_nodes(ids[i]);
    /* Once nothing is new, ids are stable. */
    static uint32_t first[N_KEYS], second[N_KEYS];
    intern_all(first);
    const uint32_t n_nodes = atomic_load(&vz_region->n_nodes);
    intern_all(second);
    if (memcmp(first, second, sizeof first) != 0 || atomic_load(&vz_region->n_nodes) != n_nodes) {
        fputs("ids changed without a new key\n", stderr);
        failed = 1;
    }
    /* Racing threads may waste nodes, a few. */
    if (n_nodes > VZ_NODE_FIRST + 2 * N_KEYS) {
        fprintf(stderr, "%u nodes for %d keys\n", n_nodes, N_KEYS);
        failed = 1;
    }
    return failed;
}
