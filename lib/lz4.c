/* SPDX-License-Identifier: MIT
 * A block is a row of sequences: a token (number of literals << 4 | length of match - 4, 15: more length
 * bytes follow), literals, and a match, which is an offset back into the output (two bytes) and its length
 * bytes. The last sequence has no match.
 *
 * The compressor is greedy: the last position with the same hash is the only candidate (the idea is LZRW1's,
 * Williams, DCC 1991). Both directions are written for few instructions on pages of 4 KiB: words are
 * compared and copied rather than bytes, and short pieces are copied in whole words, past their end where
 * the buffers allow it. */
#include "lib/lz4.h"
#include "lib/errno.h"
#include "lib/string.h"

enum {
    MIN_MATCH = 4,
    LAST_LITERALS = 5, /* the block ends with at least so many */
    MATCH_LIMIT = 12,  /* no match starts closer to the end */
    LENGTH_MASK = 15,  /* in each half of the token: more length bytes follow */
    LENGTH_BYTE = 255, /* another one follows */

    /* A short sequence, one without length bytes, has at most 14 literals and 18 bytes of match. Both are
     * copied as if they were longer, in whole words. */
    SHORT_LITERALS = 16,
    SHORT_MATCH = 20,
    SHORT_SEQUENCE = 1 + SHORT_LITERALS + 2, /* bytes that are touched: token, literals, offset */

    TWO_WORDS = 8, /* of a match, found by comparing words: bytes */

    PATIENCE = 4, /* after 2^PATIENCE positions without a match steps grow by one byte */
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "offsets, and the first differing byte of a word");

static inline uint32_t load(const uint8_t *from)
{
    uint32_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

static inline uint32_t load16(const uint8_t *from)
{
    uint16_t half;
    __builtin_memcpy(&half, from, sizeof half);
    return half;
}

static inline void store16(uint8_t *to, uint32_t value)
{
    uint16_t half = (uint16_t)value;
    __builtin_memcpy(to, &half, sizeof half);
}

static inline void copy_words(uint8_t *to, const uint8_t *from, uint32_t bytes)
{
#pragma GCC unroll 8
    for (uint32_t i = 0; i < bytes; i += sizeof(uint32_t)) {
        uint32_t word = load(from + i);
        __builtin_memcpy(to + i, &word, sizeof word);
    }
}

/* From low to high addresses: `to` may lie inside what is copied, four bytes or more behind `from`. */
static inline void copy_forward(uint8_t *to, const uint8_t *from, uint32_t n)
{
#if defined(__i386__)
    uint32_t words = n / 4, tail = n % 4;
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(tail) : : "memory");
#else
    while (n-- > 0)
        *to++ = *from++;
#endif
}

/* => how many of the first `most` bytes are the same */
static uint32_t common_length(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    const uint8_t *start = a, *end = a + most;
    uint32_t words = most / sizeof(uint32_t);
#if defined(__i386__)
    bool equal = true;
    if (words > 0)
        __asm__("repe cmpsl" : "+S"(a), "+D"(b), "+c"(words), "=@cce"(equal) : : "memory");
    if (!equal) {
        a -= sizeof(uint32_t);
        b -= sizeof(uint32_t);
    }
#else
    for (; words > 0 && load(a) == load(b); words--) {
        a += sizeof(uint32_t);
        b += sizeof(uint32_t);
    }
#endif
    while (a < end && *a == *b)
        a++, b++;
    return (uint32_t)(a - start);
}

/* ---- compressor ---- */

struct output {
    uint8_t *at, *end;
};

/* Bytes that follow the token for a length. */
static inline uint32_t length_bytes(uint32_t length)
{
    return length < LENGTH_MASK ? 0 : (length - LENGTH_MASK) / LENGTH_BYTE + 1;
}

static inline uint8_t *put_length(uint8_t *at, uint32_t length)
{
    for (length -= LENGTH_MASK; length >= LENGTH_BYTE; length -= LENGTH_BYTE)
        *at++ = LENGTH_BYTE;
    *at++ = (uint8_t)length;
    return at;
}

/* Token and literals; `more` is what of the sequence comes behind them. => false if it does not fit */
static inline bool put_literals(struct output *out, const uint8_t *from, uint32_t n, uint32_t match_code,
                                uint32_t more)
{
    uint8_t *at = out->at;
    if (unlikely(1 + length_bytes(n) + n + more > (size_t)(out->end - at)))
        return false;
    *at++ = (uint8_t)(MIN(n, (uint32_t)LENGTH_MASK) << 4 | MIN(match_code, (uint32_t)LENGTH_MASK));
    if (n >= LENGTH_MASK)
        at = put_length(at, n);
    copy_forward(at, from, n);
    out->at = at + n;
    return true;
}

static inline bool put_sequence(struct output *out, const uint8_t *from, uint32_t n, uint32_t offset,
                                uint32_t length, bool far_from_end)
{
    uint32_t code = length - MIN_MATCH;
    if (likely(n < LENGTH_MASK && code < LENGTH_MASK && far_from_end &&
               out->end - out->at >= SHORT_SEQUENCE)) {
        uint8_t *at = out->at;
        *at++ = (uint8_t)(n << 4 | code);
        copy_words(at, from, SHORT_LITERALS);
        store16(at + n, offset);
        out->at = at + n + 2;
        return true;
    }
    if (!put_literals(out, from, n, code, 2 + length_bytes(code)))
        return false;
    store16(out->at, offset);
    out->at += 2;
    if (code >= LENGTH_MASK)
        out->at = put_length(out->at, code);
    return true;
}

static inline uint32_t hash(uint32_t word)
{
    return word * 2654435761u >> (32 - LZ4_HASH_BITS); /* Knuth, TAOCP 3, 6.4: the golden ratio */
}

/* Looks from *pos on, not beyond `last`, for bytes that were seen before. Positions count from `zero`, of
 * which `base` is the input's first byte: what lies before are leftovers of earlier inputs. => where they
 * were seen, with *pos where they are again; 0 if there are none */
static inline uint32_t find_match(uint16_t *seen, const uint8_t *zero, uint32_t base, uint32_t *pos,
                                  uint32_t last)
{
    uint32_t at = *pos;
    for (uint32_t tries = 1 << PATIENCE; at <= last; at += tries++ >> PATIENCE) {
        uint32_t word = load(zero + at), h = hash(word), was = seen[h];
        seen[h] = (uint16_t)at;
        if (was >= base && load(zero + was) == word) {
            *pos = at;
            return was;
        }
    }
    return 0;
}

/* How long two places are the same that are so for MIN_MATCH bytes, up to LAST_LITERALS before the end. */
static inline uint32_t match_length(const uint8_t *at, const uint8_t *was, const uint8_t *end)
{
    /* MATCH_LIMIT leaves room for the next word: no look at the end */
    uint32_t differ = load(at + MIN_MATCH) ^ load(was + MIN_MATCH);
    if (differ != 0)
        return MIN_MATCH + (uint32_t)__builtin_ctz(differ) / 8;
    uint32_t most = (uint32_t)(end - at) - LAST_LITERALS;
    return most < TWO_WORDS ? most
                            : TWO_WORDS + common_length(at + TWO_WORDS, was + TWO_WORDS, most - TWO_WORDS);
}

/* => what the input's first byte has as its position in the table */
static uint32_t begin(struct lz4_table *t, uint32_t n)
{
    if (t->next == 0 || t->next + n > UINT16_MAX + 1u) {
        memset(t->seen, 0, sizeof t->seen);
        t->next = 1;
    }
    uint32_t base = t->next;
    t->next += n;
    return base;
}

uint32_t lz4_compress(struct lz4_table *table, const void *from, uint32_t n, void *dst, uint32_t room)
{
    struct output out = {dst, (uint8_t *)dst + room};
    const uint8_t *rest = from, *end = rest + n; /* what is not in the output yet */
    if (n > LZ4_MAX_INPUT)
        return 0;
    if (n > MATCH_LIMIT) {
        uint32_t base = begin(table, n), last = base + n - MATCH_LIMIT, pos = base + 1, match;
        const uint8_t *zero = rest - base;
        table->seen[hash(load(rest))] = (uint16_t)base;
        while ((match = find_match(table->seen, zero, base, &pos, last)) != 0) {
            const uint8_t *at = zero + pos, *was = zero + match;
            uint32_t length = match_length(at, was, end);
            pos += length;
            for (; at > rest && was > (const uint8_t *)from && at[-1] == was[-1]; length++)
                at--, was--;
            if (!put_sequence(&out, rest, (uint32_t)(at - rest), (uint32_t)(at - was), length,
                              end - rest >= SHORT_LITERALS))
                return 0;
            rest = zero + pos;
        }
    }
    if (!put_literals(&out, rest, (uint32_t)(end - rest), 0, 0))
        return 0;
    return (uint32_t)(out.at - (uint8_t *)dst);
}

/* ---- decompressor ---- */

struct input {
    const uint8_t *at, *end;
};

struct block {
    uint8_t *start, *at, *end;
};

/* Adds the length bytes. => false if they do not end, or a length above `most` */
static inline bool take_length(struct input *in, uint32_t *length, uint32_t most)
{
    uint8_t byte;
    do {
        if (in->at == in->end || *length > most)
            return false;
        byte = *in->at++;
        *length += byte;
    } while (byte == LENGTH_BYTE);
    return true;
}

/* Repeats what lies `offset` bytes back. A match may overlap what it makes; that is periodic then, and may
 * be read from any whole number of periods back: far enough to copy words. */
static void copy_match(uint8_t *to, uint32_t offset, uint32_t length)
{
    const uint8_t *from = to - offset;
    uint32_t distance = (3 / offset + 1) * offset; /* the first multiple that is a word or more */
    for (; length > 0 && (uint32_t)(to - from) < distance; length--, to++)
        *to = *(to - offset);
    copy_forward(to, from, length);
}

/* One sequence, with every check. => false if it is malformed; at the input's end it was the last one */
static bool take_sequence(struct input *in, struct block *out)
{
    if (in->at == in->end)
        return false;
    uint32_t room = (uint32_t)(out->end - out->at), token = *in->at++, length = token >> 4;
    if (length == LENGTH_MASK && !take_length(in, &length, room))
        return false;
    if (length > (size_t)(in->end - in->at) || length > room)
        return false;
    copy_forward(out->at, in->at, length);
    in->at += length;
    out->at += length;
    room -= length;
    if (in->at == in->end)
        return true;
    if (in->end - in->at < 2)
        return false;
    uint32_t offset = load16(in->at);
    in->at += 2;
    length = token & LENGTH_MASK;
    if (length == LENGTH_MASK && !take_length(in, &length, room))
        return false;
    length += MIN_MATCH;
    if (offset == 0 || offset > (size_t)(out->at - out->start) || length > room)
        return false;
    copy_match(out->at, offset, length);
    out->at += length;
    return in->at < in->end; /* a last sequence must follow */
}

/* Sequences without length bytes, as long as both ends are far: only the offset can be wrong. */
static void take_short_sequences(struct input *i, struct block *o)
{
    const uint8_t *in = i->at, *in_last = i->end - SHORT_SEQUENCE;
    uint8_t *out = o->at, *out_last = o->end - SHORT_LITERALS - SHORT_MATCH;
    while (in <= in_last && out <= out_last) {
        uint32_t token = *in, literals = token >> 4, code = token & LENGTH_MASK;
        if (literals == LENGTH_MASK || code == LENGTH_MASK)
            break;
        copy_words(out, in + 1, SHORT_LITERALS);
        uint8_t *to = out + literals;
        uint32_t offset = load16(in + 1 + literals);
        if (offset < sizeof(uint32_t) || offset > (size_t)(to - o->start))
            break;
        copy_words(to, to - offset, SHORT_MATCH);
        in += 1 + literals + 2;
        out = to + code + MIN_MATCH;
    }
    i->at = in;
    o->at = out;
}

int lz4_decompress(const void *src, uint32_t n, void *dst, uint32_t room)
{
    struct input in = {src, (const uint8_t *)src + n};
    struct block out = {dst, dst, (uint8_t *)dst + room};
    do {
        if (n >= SHORT_SEQUENCE && room >= SHORT_LITERALS + SHORT_MATCH)
            take_short_sequences(&in, &out);
        if (!take_sequence(&in, &out))
            return -EINVAL;
    } while (in.at < in.end);
    return (int)(out.at - out.start);
}
