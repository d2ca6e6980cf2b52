/* Small texts without stdio, which allocates and knows locales. Any time. */
#ifndef VZ_TEXT_H
#define VZ_TEXT_H

#include <stdint.h>

/* Writes a decimal number and a zero byte. Returns where that stands. */
static inline char *vz_text_number(char *to, uint32_t number)
{
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    while (n > 0)
        *to++ = digits[--n];
    *to = 0;
    return to;
}

#endif
