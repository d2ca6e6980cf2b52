// strings ROUNDS: an index of words: std::map, std::unordered_map, std::vector and many short-lived strings.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace
{
std::uint32_t random_state = 1;

std::uint32_t next_random()
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

std::string make_word(std::uint32_t seed)
{
    std::string word = "a-prefix-too-long-for-the-small-string-" + std::to_string(seed);
    return word + (seed % 3 == 0 ? "/with-a-suffix" : "");
}
} // namespace

int main(int argc, char **argv)
{
    const long rounds = argc > 1 ? std::atol(argv[1]) : 100000;
    std::map<std::string, std::vector<std::string>> index;
    std::unordered_map<std::string, std::size_t> counts;
    for (long i = 0; i < rounds; i++) {
        const std::string word = make_word(next_random() % 20000);
        auto &places = index[word.substr(0, 42)];
        places.push_back(word);
        counts[word] += places.size();
        if (places.size() > 200)
            index.erase(word.substr(0, 42));
    }
    return index.empty() && counts.empty();
}
