/* Runs a fuzz target once on each file of the directories given, so that its corpus is a test with any compiler. */
#include <dirent.h>

#include "fuzz.h"

enum { MAX_BYTES = 1 << 20 };

static void run_file(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL);
    static uint8_t buffer[MAX_BYTES];
    const size_t bytes = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    uint8_t *exact = malloc(bytes ? bytes : 1); /* a sanitizer sees the first byte beyond */
    FUZZ_CHECK(exact != NULL);
    memcpy(exact, buffer, bytes);
    LLVMFuzzerTestOneInput(exact, bytes);
    free(exact);
}

static unsigned run_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) {
        fprintf(stderr, "replay: no directory %s\n", path);
        exit(1);
    }
    unsigned n_files = 0;
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.') {
            run_file(path, entry->d_name);
            n_files++;
        }
    closedir(directory);
    return n_files;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (run_directory(argv[i]) == 0) {
            fprintf(stderr, "replay: %s is empty\n", argv[i]);
            return 1;
        }
    return argc < 2;
}
