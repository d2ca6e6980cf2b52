/* Calls every allocation function, with results, failures and edge cases, and prints what must have been counted.
 *
 * Checks besides that each call keeps its contract: alignment, zeroed memory, errno unchanged by success and set by
 * failure. valgrind 3.19 can't be its oracle: it counts failed reallocs and aborts on pvalloc.
 */
#include <malloc.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "tally.h"

#define ERRNO_MARK 4711 /* no call sets this one */

static struct tally tally;
static volatile size_t too_many_bytes = PTRDIFF_MAX; /* volatile: the compiler warns of what it knows can't succeed */
static volatile size_t half_of_all = SIZE_MAX / 2;

/* C23's frees: in no glibc before 2.43, so called only where something provides them. */
extern void free_sized(void *block, size_t bytes) __attribute__((weak));
extern void free_aligned_sized(void *block, size_t alignment, size_t bytes) __attribute__((weak));

static bool aligned(const void *block, size_t alignment) { return (uintptr_t)block % alignment == 0; }

static void plain(void)
{
    errno = ERRNO_MARK;
    char *block = tally_malloc(&tally, 101);
    memset(block, 1, 101);
    tally_release(&tally, block, 101);

    char *zeroed = tally_new(&tally, calloc(7, 103), 7 * 103);
    for (int i = 0; i < 7 * 103; i++)
        EXPECT(zeroed[i] == 0);
    tally_release(&tally, zeroed, 7 * 103);

    void *nothing = tally_malloc(&tally, 0);
    tally_release(&tally, nothing, 0);
    nothing = tally_new(&tally, calloc(0, 5), 0);
    tally_release(&tally, nothing, 0);
    free(NULL);
    EXPECT(errno == ERRNO_MARK);
    tally_malloc(&tally, 107); /* stays in use */
}

static void reallocations(void)
{
    errno = ERRNO_MARK;
    char *block = tally_realloc(&tally, NULL, 0, 109);
    strcpy(block, "kept");
    block = tally_realloc(&tally, block, 109, 70001);
    EXPECT(strcmp(block, "kept") == 0);
    block = tally_realloc(&tally, block, 70001, 70001);
    block = tally_realloc(&tally, block, 70001, 13);
    EXPECT(strcmp(block, "kept") == 0);
    EXPECT(errno == ERRNO_MARK);

    EXPECT(realloc(block, too_many_bytes) == NULL && errno == ENOMEM);
    EXPECT(strcmp(block, "kept") == 0);
    errno = ERRNO_MARK;
    EXPECT(realloc(block, 0) == NULL); /* glibc frees */
    tally_free(&tally, 13);

    void *of_nothing = tally_realloc(&tally, NULL, 0, 0);
    tally_release(&tally, of_nothing, 0);

    block = tally_new(&tally, reallocarray(NULL, 11, 17), 11 * 17);
    block = reallocarray(block, 13, 17);
    tally_free(&tally, 11 * 17);
    tally_new(&tally, block, 13 * 17);
    EXPECT(errno == ERRNO_MARK);
    EXPECT(reallocarray(block, half_of_all, 3) == NULL && errno == ENOMEM);
    tally_release(&tally, block, 13 * 17);
}

static void aligned_blocks(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *block = NULL;
    errno = ERRNO_MARK;
    EXPECT(posix_memalign(&block, 64, 113) == 0 && aligned(block, 64));
    tally_alloc(&tally, 113);
    tally_release(&tally, block, 113);

    block = tally_new(&tally, aligned_alloc(256, 512), 512);
    EXPECT(aligned(block, 256));
    tally_release(&tally, block, 512);

    block = tally_new(&tally, memalign(4096, 127), 127);
    EXPECT(aligned(block, 4096));
    block = tally_realloc(&tally, block, 127, 131);
    tally_release(&tally, block, 131);

    block = tally_new(&tally, valloc(137), 137);
    EXPECT(aligned(block, page));
    tally_release(&tally, block, 137);

    block = tally_new(&tally, pvalloc(139), 139);
    EXPECT(aligned(block, page));
    tally_release(&tally, block, 139);
    EXPECT(errno == ERRNO_MARK);
}

static void failures(void)
{
    void *block = &tally;
    EXPECT((errno = 0, malloc(too_many_bytes)) == NULL && errno == ENOMEM);
    EXPECT((errno = 0, calloc(half_of_all, 3)) == NULL && errno == ENOMEM);
    EXPECT((errno = 0, realloc(NULL, too_many_bytes)) == NULL && errno == ENOMEM);
    EXPECT((errno = 0, memalign(64, too_many_bytes)) == NULL && errno == ENOMEM);
    EXPECT((errno = 0, aligned_alloc(64, too_many_bytes)) == NULL && errno == ENOMEM);
    EXPECT((errno = 0, valloc(too_many_bytes)) == NULL && errno == ENOMEM);
    EXPECT((errno = 0, pvalloc(too_many_bytes)) == NULL && errno == ENOMEM);
    errno = ERRNO_MARK;
    EXPECT(posix_memalign(&block, 3, 10) == EINVAL && block == &tally);
    EXPECT(posix_memalign(&block, 64, too_many_bytes) == ENOMEM && block == &tally);
}

static void sized_frees(void)
{
    if (!free_sized || !free_aligned_sized)
        return;
    void *block = tally_malloc(&tally, 149);
    tally_free(&tally, 149);
    free_sized(block, 149);
    block = tally_new(&tally, aligned_alloc(128, 256), 256);
    tally_free(&tally, 256);
    free_aligned_sized(block, 128, 256);
}

/* Mappings are recorded apart from the heap: none of this counts. */
static void mappings(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    errno = ERRNO_MARK;
    char *map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(map != MAP_FAILED);
    map[0] = 1;
    map = mremap(map, 3 * page, 5 * page, MREMAP_MAYMOVE);
    EXPECT(map != MAP_FAILED && map[0] == 1);
    EXPECT(munmap(map, 5 * page) == 0);
    EXPECT(errno == ERRNO_MARK);
    EXPECT(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    EXPECT(munmap((void *)1, page) == -1 && errno == EINVAL);
}

int main(void)
{
    plain();
    reallocations();
    aligned_blocks();
    failures();
    sized_frees();
    mappings();
    tally_print("every_function", &tally);
    return 0;
}
