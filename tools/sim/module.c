/* SPDX-License-Identifier: MIT
 * The multiboot module that the kernel replays: lib/reftrace.h. Pages have no other numbers in it than those
 * in the order of their first reference. */
#include "lib/reftrace.h"
#include "tools/sim/formats.h"
#include "tools/sim/sim.h"
#include <stdlib.h>
#include <string.h>

static bool module_detect(struct input *in)
{
    uint32_t magic;
    if ((size_t)(in->end - in->data) < sizeof magic)
        return false;
    memcpy(&magic, in->data, sizeof magic);
    return magic == REFTRACE_MAGIC;
}

static void verify_header(const struct input *in, const struct reftrace *h, size_t size)
{
    size_t arrays = (h->flags & REFTRACE_NEXT) != 0 ? 2 : 1;
    size_t want = sizeof *h + arrays * sizeof(uint32_t) * h->count;
    if (h->magic != REFTRACE_MAGIC)
        die(SIM_FAILED, "%s: the module begins with %#x instead of %#x", in->path, h->magic, REFTRACE_MAGIC);
    if (h->flags != REFTRACE_NEXT && h->flags != REFTRACE_RAW && h->flags != 0)
        die(SIM_FAILED, "%s: the module has unknown flags %#x", in->path, h->flags);
    if (size != want)
        die(SIM_FAILED, "%s: a module of %u entries has %zu bytes, this one has %zu", in->path, h->count,
            want, size);
    if (h->refs < h->count || memchr(h->name, '\0', sizeof h->name) == NULL)
        die(SIM_FAILED, "%s: the module's header is damaged", in->path);
}

static void module_read(struct input *in, struct trace *t)
{
    size_t size = (size_t)(in->end - in->data);
    struct reftrace h = {.magic = 0};
    if (size < sizeof h)
        die(SIM_FAILED, "%s: %zu bytes are no module's header of %zu", in->path, size, sizeof h);
    memcpy(&h, in->data, sizeof h);
    verify_header(in, &h, size);
    bool raw = h.flags == REFTRACE_RAW;
    for (uint32_t i = 0; i < h.count; i++) {
        uint32_t word;
        memcpy(&word, in->data + sizeof h + i * sizeof word, sizeof word);
        if (!raw && (word >> 1 > t->unique || word >> 1 >= h.unique))
            die(SIM_FAILED, "%s: entry %u is page %u, which is not the next new one of %u", in->path, i,
                word >> 1, h.unique);
        trace_add(t, word >> 1, word & 1);
        if (!raw && t->count != i + 1)
            die(SIM_FAILED, "%s: entry %u is the same page as the one before", in->path, i);
    }
    if (!raw && t->unique != h.unique)
        die(SIM_FAILED, "%s: the module has %u pages, its header says %u", in->path, t->unique, h.unique);
    t->refs = h.refs;
    trace_rename(t, h.name, strlen(h.name));
}

static void module_write(const struct trace *t, FILE *out)
{
    struct reftrace h = {
        .magic = REFTRACE_MAGIC,
        .flags = REFTRACE_NEXT,
        .refs = (uint32_t)t->refs,
        .count = t->count,
        .unique = t->unique,
    };
    if (t->refs > UINT32_MAX)
        die(SIM_FAILED, "%s: a module has room for the number %u of references at most", t->name, UINT32_MAX);
    memcpy(h.name, t->name, sizeof h.name);
    fwrite(&h, sizeof h, 1, out);
    fwrite(t->entries, sizeof t->entries[0], t->count, out);
    uint32_t *next = trace_next_use(t);
    fwrite(next, sizeof next[0], t->count, out);
    free(next);
}

_Static_assert(ORACLE_NEVER == REFTRACE_NEVER, "the file has what the kernel's oracle has");
_Static_assert(sizeof((struct trace *)0)->name == sizeof((struct reftrace *)0)->name, "names fit");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "binary formats are written as memory has them");

const struct format format_module = {
    .name = "module",
    .summary = "the kernel's replay module (lib/reftrace.h)",
    .detect = module_detect,
    .read = module_read,
    .write = module_write,
};
