/* SPDX-License-Identifier: MIT
 * The formatter behind every line that Faultline prints. */
#include "lib/print.h"
#include "lib/string.h"

struct spec {
    bool left, zero, plus, space, alt;
    int width, precision; /* precision < 0: not given */
};

static void pad(struct printer *to, char c, int n)
{
    static const char spaces[] = "                ", zeros[] = "0000000000000000";
    const char *from = c == '0' ? zeros : spaces;
    for (; n > 0; n -= 16)
        to->write(to, from, (size_t)MIN(n, 16));
}

static int emit(struct printer *to, const struct spec *sp, const char *prefix, int zeros, const char *body,
                int len)
{
    int plen = (int)strlen(prefix);
    int fill = sp->width - plen - zeros - len;
    if (!sp->left)
        pad(to, ' ', fill);
    to->write(to, prefix, (size_t)plen);
    pad(to, '0', zeros);
    to->write(to, body, (size_t)len);
    if (sp->left)
        pad(to, ' ', fill);
    return plen + zeros + len + MAX(fill, 0);
}

static int emit_number(struct printer *to, struct spec *sp, uint64_t v, unsigned base, bool upper,
                       const char *sign)
{
    char digits[24];
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int at = (int)sizeof digits;
    bool nonzero = v != 0;
    /* 64-bit division is a library call on i386: leave it as soon as 32 bits hold the rest */
    for (; v > UINT32_MAX; v /= base)
        digits[--at] = set[v % base];
    for (uint32_t w = (uint32_t)v; w != 0; w /= base)
        digits[--at] = set[w % base];
    if (!nonzero && sp->precision != 0)
        digits[--at] = '0';
    int len = (int)sizeof digits - at;
    const char *prefix = sign;
    if (sp->alt && base == 16 && nonzero)
        prefix = upper ? "0X" : "0x";
    /* in octal the mark is a leading zero, which precision or the value 0 may give already */
    if (sp->alt && base == 8 && sp->precision <= len && (len == 0 || digits[at] != '0'))
        prefix = "0";
    int zeros = MAX(sp->precision - len, 0);
    if (sp->precision < 0 && sp->zero && !sp->left)
        zeros = MAX(sp->width - len - (int)strlen(prefix), 0);
    return emit(to, sp, prefix, zeros, digits + at, len);
}

static uint64_t fetch_unsigned(va_list *ap, int size)
{
    switch (size) {
    case -2:
        return (unsigned char)va_arg(*ap, unsigned);
    case -1:
        return (unsigned short)va_arg(*ap, unsigned);
    case 1:
        return va_arg(*ap, unsigned long);
    case 2:
        return va_arg(*ap, unsigned long long);
    default:
        return va_arg(*ap, unsigned);
    }
}

static int64_t fetch_signed(va_list *ap, int size)
{
    switch (size) {
    case -2:
        return (signed char)va_arg(*ap, int);
    case -1:
        return (short)va_arg(*ap, int);
    case 1:
        return va_arg(*ap, long);
    case 2:
        return va_arg(*ap, long long);
    default:
        return va_arg(*ap, int);
    }
}

static const char *parse_flags(const char *f, struct spec *sp)
{
    for (;; f++) {
        if (*f == '-')
            sp->left = true;
        else if (*f == '0')
            sp->zero = true;
        else if (*f == '+')
            sp->plus = true;
        else if (*f == ' ')
            sp->space = true;
        else if (*f == '#')
            sp->alt = true;
        else
            return f;
    }
}

static const char *parse_count(const char *f, va_list *ap, int *out)
{
    if (*f == '*') {
        *out = va_arg(*ap, int);
        return f + 1;
    }
    for (*out = 0; *f >= '0' && *f <= '9'; f++)
        *out = *out * 10 + (*f - '0');
    return f;
}

static const char *parse_size(const char *f, int *size)
{
    for (*size = 0;; f++) {
        if (*f == 'h')
            *size -= 1;
        else if (*f == 'l')
            *size += 1;
        else if (*f == 'j')
            *size = 2;
        else if (*f == 'z' || *f == 't')
            *size = 1;
        else
            return f;
    }
}

static int convert(struct printer *to, char c, struct spec *sp, int size, va_list *ap)
{
    switch (c) {
    case 'd':
    case 'i': {
        int64_t v = fetch_signed(ap, size);
        const char *sign = v < 0 ? "-" : sp->plus ? "+" : sp->space ? " " : "";
        return emit_number(to, sp, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, false, sign);
    }
    case 'u':
        return emit_number(to, sp, fetch_unsigned(ap, size), 10, false, "");
    case 'x':
    case 'X':
        return emit_number(to, sp, fetch_unsigned(ap, size), 16, c == 'X', "");
    case 'o':
        return emit_number(to, sp, fetch_unsigned(ap, size), 8, false, "");
    case 'p':
        sp->alt = true;
        return emit_number(to, sp, (uintptr_t)va_arg(*ap, void *), 16, false, "");
    case 'c': {
        char ch = (char)va_arg(*ap, int);
        return emit(to, sp, "", 0, &ch, 1);
    }
    case 's': {
        const char *s = va_arg(*ap, const char *);
        if (s == NULL)
            s = "(null)";
        size_t len = 0;
        while ((sp->precision < 0 || len < (size_t)sp->precision) && s[len] != '\0')
            len++;
        return emit(to, sp, "", 0, s, (int)len);
    }
    default:
        to->write(to, &c, 1);
        return 1;
    }
}

int vprint(struct printer *to, const char *fmt, va_list args)
{
    int total = 0;
    va_list ap;
    va_copy(ap, args);
    while (*fmt != '\0') {
        const char *start = fmt;
        while (*fmt != '\0' && *fmt != '%')
            fmt++;
        if (fmt != start) {
            to->write(to, start, (size_t)(fmt - start));
            total += (int)(fmt - start);
        }
        if (*fmt++ != '%')
            break;
        struct spec sp = {.precision = -1};
        int size;
        fmt = parse_flags(fmt, &sp);
        fmt = parse_count(fmt, &ap, &sp.width);
        if (sp.width < 0) {
            sp.left = true;
            sp.width = -sp.width;
        }
        if (*fmt == '.')
            fmt = parse_count(fmt + 1, &ap, &sp.precision);
        fmt = parse_size(fmt, &size);
        if (*fmt == '\0')
            break;
        total += convert(to, *fmt++, &sp, size, &ap);
    }
    va_end(ap);
    return total;
}

int print(struct printer *to, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vprint(to, fmt, ap);
    va_end(ap);
    return n;
}

static void buffer_write(struct printer *to, const char *text, size_t len)
{
    struct buffer_printer *b = (struct buffer_printer *)to;
    for (size_t i = 0; i < len; i++, b->length++)
        if (b->length + 1 < b->size)
            b->buffer[b->length] = text[i];
    if (b->size > 0)
        b->buffer[MIN(b->length, b->size - 1)] = '\0';
}

void buffer_printer_init(struct buffer_printer *b, char *buffer, size_t size)
{
    *b = (struct buffer_printer){{buffer_write}, buffer, size, 0};
    buffer_write(&b->to, "", 0);
}

int vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct buffer_printer b;
    buffer_printer_init(&b, buf, size);
    return vprint(&b.to, fmt, ap);
}

int format(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vformat(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

bool parse_u32(const char *s, bool units, uint32_t *out)
{
    uint64_t v = 0, base = 10;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    if (digit_of(*s) >= (int)base)
        return false;
    for (; digit_of(*s) < (int)base; s++) {
        v = v * base + (uint64_t)digit_of(*s);
        if (v > UINT32_MAX)
            return false;
    }
    if (units && *s != '\0') {
        int shift = *s == 'K' || *s == 'k'   ? 10
                    : *s == 'M' || *s == 'm' ? 20
                    : *s == 'G' || *s == 'g' ? 30
                                             : 0;
        if (shift == 0 || v << shift > UINT32_MAX)
            return false;
        v <<= shift;
        s++;
    }
    *out = (uint32_t)v;
    return *s == '\0';
}

bool parse_address(const char *s, uint32_t *out)
{
    char text[2 + 2 * sizeof *out + 1]; /* 0x, digits */
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        return parse_u32(s, false, out);
    return format(text, sizeof text, "0x%s", s) < (int)sizeof text && parse_u32(text, false, out);
}
