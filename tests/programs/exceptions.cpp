// exceptions ROUNDS: throws through frames with destructors, rethrows, nests, fails in new, and allocates at every
// step.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

volatile std::size_t too_many_bytes = std::numeric_limits<std::ptrdiff_t>::max();
int handler_calls = 0;

struct Guard {
    std::unique_ptr<char[]> block{new char[239]};
    ~Guard() { delete[] new char[241]; } // allocates while the stack is unwound
};

[[noreturn]] __attribute__((noinline)) void fail(int i)
{
    throw std::runtime_error("a message that does not fit inline " + std::to_string(i));
}

__attribute__((noinline)) int descend(int depth, int i)
{
    Guard guard;
    if (i < 0)
        return 0;
    if (depth > 0)
        return descend(depth - 1, i) + guard.block[0];
    fail(i);
}

__attribute__((noinline)) int rethrow(int i)
{
    try {
        return descend(i % 20, i);
    } catch (const std::runtime_error &error) {
        std::vector<std::string> words(3, error.what());
        std::throw_with_nested(std::logic_error(words[1]));
    }
}

// A new_handler that allocates, and gives up the second time.
void handle_new()
{
    delete[] new char[251];
    if (++handler_calls % 2 == 0)
        std::set_new_handler(nullptr);
}

int fail_in_new()
{
    std::set_new_handler(handle_new);
    try {
        return *std::make_unique<char[]>(too_many_bytes).get();
    } catch (const std::bad_alloc &) {
        return 0;
    }
}

} // namespace

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 1000;
    int caught = 0;
    for (int i = 0; i < rounds; i++) {
        try {
            caught -= rethrow(i);
        } catch (const std::logic_error &error) {
            caught += static_cast<int>(std::string(error.what()).size() > 10);
        }
        caught += fail_in_new();
    }
    std::cout << caught << ' ' << handler_calls << std::endl;
    return caught != rounds;
}
