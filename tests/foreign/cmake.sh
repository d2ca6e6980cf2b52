# needs cmake:cmake gcc:gcc
printf 'cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_executable(e e.c)\n' >CMakeLists.txt
echo 'int main(void) { return 6; }' >e.c
cmake -B b >/dev/null && cmake --build b >/dev/null && b/e
