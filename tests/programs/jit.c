/* Does what a just-in-time compiler does: makes code at run time, and writes its name to /tmp/perf-PID.map.
 *
 * The code is a function with a frame pointer that calls malloc. Lines of the map that name other code stand around its own.
 * Usage: jit [fork]; with fork, a child without a map of its own runs the code too. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void *allocate(size_t size, void *(*function)(size_t));

static const unsigned char code[] = {
    0x55,             /* push rbp */
    0x48, 0x89, 0xe5, /* mov rbp, rsp */
    0xff, 0xd6,       /* call rsi */
    0x5d,             /* pop rbp */
    0xc3,             /* ret */
};

int main(int argc, char **argv)
{
    (void)argv;
    unsigned char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return 1;
    memcpy(at, code, sizeof(code));
    char name[64];
    snprintf(name, sizeof(name), "/tmp/perf-%d.map", (int)getpid());
    FILE *map = fopen(name, "w");
    if (!map)
        return 1;
    fprintf(map, "%lx %x old name of the same code\n", (unsigned long)(uintptr_t)at, (unsigned)sizeof(code));
    fprintf(map, "%lx 10 another function\n", (unsigned long)(uintptr_t)at + 2048);
    fprintf(map, "no line of a map\n");
    fprintf(map, "%lx %x made at run time\n", (unsigned long)(uintptr_t)at, (unsigned)sizeof(code));
    fclose(map);
    void *volatile kept = ((allocate *)(uintptr_t)at)(4321, malloc);
    if (argc > 1 && fork() == 0) {
        kept = ((allocate *)(uintptr_t)at)(5432, malloc);
        _exit(0);
    }
    while (wait(NULL) > 0)
        ;
    (void)kept;
    return 0;
}
