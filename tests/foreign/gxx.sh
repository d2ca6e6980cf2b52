# needs g++:g++
cat >a.cpp <<'END'
#include <iostream>
#include <map>
#include <regex>
int main() { std::map<std::string, int> m; std::string s = "a b a c b a";
  for (std::sregex_iterator i(s.begin(), s.end(), std::regex("[a-z]")), e; i != e; ++i) m[i->str()]++;
  for (auto &p : m) std::cout << p.first << p.second << '\n'; }
END
g++ -O1 -o a a.cpp && ./a
