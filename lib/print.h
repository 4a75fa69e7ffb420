/* SPDX-License-Identifier: MIT
 * Formatted output to any sink: serial, screen, a buffer, a file descriptor. Knows C's printf
 * conversions d i u x X o c s p % with flags - 0 + space #, width, precision (also *), and the length
 * modifiers hh h l ll z t j. No floating point. Never allocates, never fails. */
#ifndef LIB_PRINT_H
#define LIB_PRINT_H

#include "lib/types.h"

/* A place that text goes to. Embed it first in a larger struct when the sink has state. */
struct printer {
    void (*write)(struct printer *to, const char *text, size_t len);
};

/* Both return the number of characters written. */
int print(struct printer *to, const char *fmt, ...) PRINTF_LIKE(2);
int vprint(struct printer *to, const char *fmt, va_list ap);

/* Collects text in a buffer, cut to fit, always NUL-terminated. */
struct buffer_printer {
    struct printer to;
    char *buffer;
    size_t size, length;
};
void buffer_printer_init(struct buffer_printer *b, char *buffer, size_t size);

/* Formats into buf, cut to fit, always NUL-terminated. => the length it would have had, as snprintf. */
int format(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3);
int vformat(char *buf, size_t size, const char *fmt, va_list ap);

/* Reads an unsigned number: decimal, or hex after 0x, with an optional K, M or G (binary) if `units`.
 * => false on anything else, on trailing text, and when it does not fit 32 bits. */
bool parse_u32(const char *s, bool units, uint32_t *out);

/* Reads an address as people see them: hexadecimal, with or without 0x. => as parse_u32 */
bool parse_address(const char *s, uint32_t *out);

#endif
