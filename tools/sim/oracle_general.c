/* SPDX-License-Identifier: MIT
 * libCacheSim's oracleGeneral: records of 24 bytes without a header, little endian. It does not tell reads
 * from writes. */
#include "tools/sim/formats.h"
#include "tools/sim/sim.h"
#include <stdlib.h>
#include <string.h>

struct record {
    uint32_t time;
    uint64_t object; /* the page */
    uint32_t size;
    int64_t next; /* number of the next request for the object, counted from 1; -1: none */
} __attribute__((packed));

enum { OBJECT_SIZE = 1 }; /* readers leave out objects of size 0 */

static bool oracle_general_detect(struct input *in)
{
    size_t size = (size_t)(in->end - in->data);
    return size >= sizeof(struct record) && memchr(in->data, '\0', sizeof(struct record)) != NULL;
}

static void oracle_general_read(struct input *in, struct trace *t)
{
    size_t size = (size_t)(in->end - in->data);
    struct record r;
    if (size % sizeof r != 0)
        die(SIM_FAILED, "%s: %zu bytes are not a whole number of oracleGeneral's %zu-byte records", in->path,
            size, sizeof r);
    for (size_t at = 0; at < size; at += sizeof r) {
        memcpy(&r, in->data + at, sizeof r);
        trace_add(t, r.object, false);
    }
}

static void oracle_general_write(const struct trace *t, FILE *out)
{
    uint32_t *next = trace_next_use(t);
    for (uint32_t i = 0; i < t->count; i++) {
        struct record r = {
            .time = i,
            .object = t->original[trace_page(t, i)],
            .size = OBJECT_SIZE,
            .next = next[i] != ORACLE_NEVER ? (int64_t)next[i] + 1 : -1,
        };
        fwrite(&r, sizeof r, 1, out);
    }
    free(next);
}

const struct format format_oracle_general = {
    .name = "oracleGeneral",
    .summary = "libCacheSim's binary records of 24 bytes: time, object, size, next request; reads only",
    .detect = oracle_general_detect,
    .read = oracle_general_read,
    .write = oracle_general_write,
};
