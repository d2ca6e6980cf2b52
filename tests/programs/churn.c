/* churn PAIRS [LIVE]: PAIRS times malloc and free, LIVE (default 1) blocks live at a time, of sizes from 1 to 1009
 * bytes. */
#include "tally.h"

#define MAX_LIVE 4096

int main(int argc, char **argv)
{
    static struct tally tally;
    static struct {
        void *block;
        size_t bytes;
    } live[MAX_LIVE];
    uint64_t n_pairs = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t n_live = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    EXPECT(n_live > 0 && n_live <= MAX_LIVE);
    for (uint64_t i = 0; i < n_pairs + n_live; i++) {
        uint64_t at = i % n_live;
        if (live[at].block)
            tally_release(&tally, live[at].block, live[at].bytes);
        live[at].bytes = i * 31 % 1009 + 1;
        live[at].block = i < n_pairs ? tally_malloc(&tally, live[at].bytes) : NULL;
    }
    tally_print("churn", &tally);
    return 0;
}
