// containers N: the standard containers, filled with N elements, copied, moved and emptied; strings, streams, shared
// pointers.
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace
{

struct alignas(64) Line {
    char bytes[64];
};

std::string name(int i)
{
    return "a name longer than the short string optimisation " + std::to_string(i);
}

std::size_t fill(int n)
{
    std::vector<std::string> vector;
    std::map<std::string, std::vector<int>> map;
    std::unordered_map<int, std::shared_ptr<std::string>> table;
    std::list<std::deque<int>> list;
    std::set<std::string> set;
    std::ostringstream stream;
    for (int i = 0; i < n; i++) {
        vector.push_back(name(i));
        map[name(i % 97)].push_back(i);
        table[i] = std::make_shared<std::string>(name(i));
        list.emplace_back(static_cast<std::size_t>(i % 50), i);
        set.insert(vector[static_cast<std::size_t>(i) / 2]);
        stream << i << ' ' << vector.back() << '\n';
        if (i % 7 == 0)
            table.erase(i / 2);
    }
    auto copied = map;
    auto moved = std::move(vector);
    std::function<std::size_t()> sum = [copied, set] { return copied.size() + set.size(); };
    return sum() + moved.size() + stream.str().size() + list.size() + table.size();
}

} // namespace

int main(int argc, char **argv)
{
    const int n = argc > 1 ? std::atoi(argv[1]) : 1000;
    auto lines = std::make_unique<std::vector<Line>>(17); // aligned operator new
    std::cout << fill(n) + lines->size() << std::endl;
    static volatile auto *leaked = new std::string(name(n));
    return leaked == nullptr;
}
