#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    char *key;
};

static struct entry *buckets[64];

void cache_put(const char *key)
{
    struct entry *entry = malloc(sizeof *entry);
    entry->key = strdup(key);
    entry->next = buckets[(unsigned char)key[0] % 64];
    buckets[(unsigned char)key[0] % 64] = entry;
}

void cache_clear(void)
{
    for (int i = 0; i < 64; i++) {
        for (struct entry *next, *entry = buckets[i]; entry; entry = next) {
            next = entry->next;
            free(entry); /* and the key? */
        }
        buckets[i] = NULL;
    }
}

int main(void)
{
    char key[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key-%06d", i);
        cache_put(key);
    }
    cache_clear();
    puts("done");
    return 0;
}
