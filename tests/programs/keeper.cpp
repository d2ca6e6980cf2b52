// Keeps what C++ containers allocate, through every way in which they do, until the end and beyond.
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct Kept {
    std::vector<int> vector;
    std::deque<int> deque;
    std::list<int> list;
    std::map<int, std::string> map;
    std::unordered_map<int, std::string> hashed;
    std::shared_ptr<int> shared;
    std::unique_ptr<int[]> array;
    std::string string;
};

__attribute__((noinline)) static void fill(Kept &kept)
{
    for (int i = 0; i < 100; i++) {
        kept.vector.push_back(i);
        kept.deque.push_back(i);
        kept.list.push_back(i);
        kept.map[i] = std::string(100, 'x');
        kept.hashed.emplace(i, "a text that is too long for the small string optimisation");
    }
    kept.shared = std::make_shared<int>(1);
    kept.array = std::make_unique<int[]>(33);
    kept.string.append(77, 'y');
}

static Kept *kept;

int main()
{
    kept = new Kept;
    fill(*kept);
    return 0;
}
