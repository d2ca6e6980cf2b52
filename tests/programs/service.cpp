// A small service with the habits that pictures show: a configuration that stays, a cache that only grows, requests that
// make temporary strings, workers that free what the main thread allocated, and a few survivors that pin pages.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Config {
    std::map<std::string, std::string> values;
};

__attribute__((noinline)) Config parse_config(int n_lines) {
    Config config;
    for (int line = 0; line < n_lines; line++) {
        config.values["section.option_" + std::to_string(line)] = std::string(200, 'v');
    }
    return config;
}

// Never emptied: the leak that a report should find.
__attribute__((noinline)) void remember_reply(int request) {
    static std::vector<char *> *cache = new std::vector<char *>;
    char *reply = static_cast<char *>(malloc(777));
    snprintf(reply, 777, "reply %d", request);
    cache->push_back(reply);
}

__attribute__((noinline)) size_t format_reply(const Config &config, int request) {
    size_t length = 0;
    for (int field = 0; field < 20; field++) {
        std::string text = "field number " + std::to_string(request * 20 + field) + " of a reply that is long enough";
        length += text.size();
    }
    return length + config.values.size();
}

// Allocates much, frees all but every hundredth: those keep whole pages held.
__attribute__((noinline)) std::vector<char *> load_table(int n_rows) {
    std::vector<char *> rows, kept;
    for (int row = 0; row < n_rows; row++) {
        rows.push_back(static_cast<char *>(malloc(333)));
        memset(rows.back(), row, 333);
    }
    for (int row = 0; row < n_rows; row++) {
        if (row % 100 == 0) {
            kept.push_back(rows[row]);
        } else {
            free(rows[row]);
        }
    }
    return kept;
}

__attribute__((noinline)) void work(std::vector<std::unique_ptr<char[]>> *jobs, size_t first, size_t step) {
    for (size_t job = first; job < jobs->size(); job += step) {
        (*jobs)[job].reset();
    }
}

__attribute__((noinline)) void run_workers(int n_jobs) {
    std::vector<std::unique_ptr<char[]>> jobs;
    for (int job = 0; job < n_jobs; job++) {
        jobs.push_back(std::make_unique<char[]>(501));
    }
    std::thread first(work, &jobs, 0, 2), second(work, &jobs, 1, 2);
    first.join();
    second.join();
}

} // namespace

int main(int argc, char **argv) {
    int scale = argc > 1 ? atoi(argv[1]) : 1;
    Config config = parse_config(1000 * scale);
    size_t length = 0;
    std::vector<char *> kept;
    for (int round = 0; round < 10; round++) {
        for (int request = 0; request < 100 * scale; request++) {
            length += format_reply(config, request);
            remember_reply(request);
        }
        if (round == 4) {
            kept = load_table(20000 * scale);
        }
        if (round == 7) {
            run_workers(2000 * scale);
        }
    }
    printf("%zu bytes of replies, %zu rows kept\n", length, kept.size());
    return 0;
}
