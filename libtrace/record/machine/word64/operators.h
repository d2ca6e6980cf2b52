/* The names of C++'s operators as hooks.def has them: size_t is unsigned long, m in mangled names. */
#ifndef VZ_OPERATORS_H
#define VZ_OPERATORS_H
#endif
