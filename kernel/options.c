/* SPDX-License-Identifier: MIT
 * Parsing the command line. Ranges that depend on the machine's memory are checked by boot/main.c. */
#include "kernel/options.h"
#include "lib/blkdev.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "lib/watch.h"
#include "mm/pmap.h"
#include "mm/slab.h"

enum { DEFAULT_FRAMES = 256, MAX_SWAP_LATENCY = 1000000 };

static int bad(struct printer *out, const char *key, const char *value, const char *legal)
{
    print(out, "command line: %s=%s: expected %s\n", key, value, legal);
    return 1;
}

static int set_frames(struct options *o, const char *v, struct printer *out)
{
    if (strcmp(v, "all") == 0)
        o->frames = 0;
    else if (!parse_u32(v, false, &o->frames) || o->frames < POOL_MIN_LIMIT)
        return bad(out, "frames", v,
                   "all, or a number of frames from 6 on (one instruction may need 6 pages)");
    return 0;
}

static int set_policy(struct options *o, const char *v, struct printer *out)
{
    o->policy = v;
    if (policy_find(v) != NULL)
        return 0;
    print(out, "command line: policy=%s: expected one of: ", v);
    policy_names(out);
    print(out, "\n");
    return 1;
}

static int set_accessed(struct options *o, const char *v, struct printer *out)
{
    return accessed_parse(v, &o->accessed) ? 0 : bad(out, "accessed", v, "a1 or ad");
}

static int set_allot(struct options *o, const char *v, struct printer *out)
{
    return allot_parse(v, &o->allot) ? 0 : bad(out, "allot", v, allot_legal);
}

static int set_swap(struct options *o, const char *v, struct printer *out UNUSED)
{
    o->swap = v; /* what there is depends on the machine: boot/main.c */
    return 0;
}

static int set_swapmb(struct options *o, const char *v, struct printer *out)
{
    return parse_u32(v, false, &o->swap_mb) && o->swap_mb <= 1024 ? 0
                                                                  : bad(out, "swapmb", v, "0 to 1024 (MiB)");
}

static int set_swapforce(struct options *o, const char *v, struct printer *out)
{
    uint32_t level;
    if (!parse_u32(v, false, &level) || level > 1)
        return bad(out, "swapforce", v, "0 or 1 (1: overwrite what is on the swap disk)");
    o->swap_force = level == 1;
    return 0;
}

static int set_atadma(struct options *o, const char *v, struct printer *out)
{
    o->ata_dma = strcmp(v, "on") == 0;
    return o->ata_dma || strcmp(v, "off") == 0 ? 0 : bad(out, "atadma", v, "on or off");
}

static int set_swaplat(struct options *o, const char *v, struct printer *out)
{
    if (parse_u32(v, false, &o->swap_latency) && o->swap_latency <= MAX_SWAP_LATENCY)
        return 0;
    return bad(out, "swaplat", v, "0 to 1000000 (microseconds)");
}

static int set_seed(struct options *o, const char *v, struct printer *out)
{
    return parse_u32(v, false, &o->seed) ? 0 : bad(out, "seed", v, "0 to 4294967295");
}

static int set_log(struct options *o, const char *v, struct printer *out)
{
    o->log = v;
    if (log_configure(v))
        return 0;
    print(out, "command line: log=%s: expected " LOG_LIST, v);
    log_names(out);
    print(out, ", each with + or - if wanted\n");
    return 1;
}

static int set_trace(struct options *o, const char *v, struct printer *out)
{
    uint32_t classes = 0;
    o->trace = v; /* boot/main.c starts it when there is memory */
    if (classes_parse(v, TRACE_ALL, TRACE_STANDARD, &classes))
        return 0;
    print(out, "command line: trace=%s: expected " LOG_LIST, v);
    trace_names(out);
    print(out, ", each with + or - if wanted\n");
    return 1;
}

static int set_traceport(struct options *o, const char *v, struct printer *out UNUSED)
{
    o->trace_port = v; /* what there is depends on the machine */
    return 0;
}

static int set_tracekb(struct options *o, const char *v, struct printer *out)
{
    enum { LEAST = TRACE_CHUNK_BYTES / 1024, MOST = TRACE_CHUNKS_MAX * LEAST };
    _Static_assert(LEAST == 16 && MOST == 2048, "the message below");
    return parse_u32(v, false, &o->trace_kib) && o->trace_kib >= LEAST && o->trace_kib <= MOST
               ? 0
               : bad(out, "tracekb", v, "16 to 2048 (KiB)");
}

static int set_readahead(struct options *o, const char *v, struct printer *out)
{
    if (parse_u32(v, false, &o->readahead) && o->readahead >= 1 && o->readahead <= BLKDEV_MAX_RUN &&
        (o->readahead & (o->readahead - 1)) == 0)
        return 0;
    return bad(out, "readahead", v, "a power of two from 1 (none) to 32 pages");
}

static int set_order(struct options *o, const char *v, struct printer *out)
{
    return parse_u32(v, false, &o->order) && o->order <= PMAP_LARGE_ORDER
               ? 0
               : bad(out, "order", v, "0 to 10 (a unit of residence is 2^order pages)");
}

static int set_switch(bool *on, const char *key, const char *v, struct printer *out)
{
    *on = strcmp(v, "on") == 0;
    return *on || strcmp(v, "off") == 0 ? 0 : bad(out, key, v, "on or off");
}

static int set_pager(struct options *o, const char *v, struct printer *out)
{
    return set_switch(&o->pager, "pager", v, out);
}

static int set_check(struct options *o, const char *v, struct printer *out)
{
    return parse_u32(v, false, &o->check) ? 0 : bad(out, "check", v, "0 (never) to 4294967295 (faults)");
}

static int set_ksm(struct options *o, const char *v, struct printer *out)
{
    o->ksm = strcmp(v, "on") == 0 ? MERGE_ALL : strcmp(v, "madvise") == 0 ? MERGE_ADVISED : MERGE_OFF;
    return o->ksm != MERGE_OFF || strcmp(v, "off") == 0 ? 0 : bad(out, "ksm", v, "on, off or madvise");
}

static int set_mmapfit(struct options *o, const char *v, struct printer *out)
{
    o->mmap_fit = fit_find(v);
    if (o->mmap_fit != NULL)
        return 0;
    print(out, "command line: mmapfit=%s: expected one of: ", v);
    fit_names(out);
    print(out, "\n");
    return 1;
}

static int set_run(struct options *o, const char *v, struct printer *out UNUSED)
{
    o->run = v;
    return 0;
}

static int set_debug(struct options *o, const char *v, struct printer *out)
{
    uint32_t level;
    if (!parse_u32(v, false, &level) || level > 1)
        return bad(out, "debug", v, "0 or 1");
    o->debug = level == 1;
    return 0;
}

static int set_slabdebug(struct options *o, const char *v, struct printer *out)
{
    if (parse_u32(v, false, &o->slab_debug) && o->slab_debug <= SLAB_DEBUG_MAX)
        return 0;
    return bad(out, "slabdebug", v, "0, 1 (red zones) or 2 (poison, too)");
}

static const struct {
    const char *key;
    int (*set)(struct options *o, const char *value, struct printer *out);
} keys[] = {
    {"frames", set_frames},     {"policy", set_policy},
    {"swap", set_swap},         {"swapmb", set_swapmb},
    {"swaplat", set_swaplat},   {"readahead", set_readahead},
    {"order", set_order},       {"pager", set_pager},
    {"ksm", set_ksm},           {"swapforce", set_swapforce},
    {"atadma", set_atadma},     {"seed", set_seed},
    {"log", set_log},           {"run", set_run},
    {"debug", set_debug},       {"check", set_check},
    {"accessed", set_accessed}, {"allot", set_allot},
    {"mmapfit", set_mmapfit},   {"slabdebug", set_slabdebug},
    {"trace", set_trace},       {"traceport", set_traceport},
    {"tracekb", set_tracekb},
};

static int set_option(struct options *o, const char *key, const char *value, struct printer *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcmp(keys[i].key, key) == 0)
            return keys[i].set(o, value, out);
    print(out, "command line: unknown key %s; known:", key);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        print(out, " %s=", keys[i].key);
    print(out, "\n");
    return 1;
}

/* Cuts one word off, in place: quotes group and vanish, backslash takes the next character as it is.
 * *open becomes a quote that is never closed. => the rest, or NULL at the end. */
static char *next_word(char *at, char **word, char *open)
{
    while (*at == ' ' || *at == '\t')
        at++;
    if (*at == '\0')
        return NULL;
    char *to = *word = at;
    char quote = '\0';
    for (; *at != '\0' && (quote != '\0' || (*at != ' ' && *at != '\t')); at++) {
        if (*at == '\\' && at[1] != '\0')
            *to++ = *++at;
        else if (quote == '\0' && (*at == '"' || *at == '\''))
            quote = *at;
        else if (*at == quote)
            quote = '\0';
        else
            *to++ = *at;
    }
    char *rest = *at == '\0' ? at : at + 1;
    *to = '\0';
    *open = quote;
    return rest;
}

int options_parse(const char *line, struct options *o, struct printer *out)
{
    *o = (struct options){.frames = DEFAULT_FRAMES,
                          .policy = "clock",
                          .swap = "ramdisk",
                          .swap_mb = UINT32_MAX,
                          .ata_dma = true,
                          .seed = 1,
                          .trace_port = "auto",
                          .trace_kib = 1024,
                          .mmap_fit = &fit_last,
                          .readahead = 1};
    int faults = 0;
    if (!str_copy(o->text, sizeof o->text, line)) {
        print(out, "command line: longer than %u characters\n", (unsigned)sizeof o->text - 1);
        faults++;
    }
    char *at = o->text, *word, open;
    for (bool first = true; (at = next_word(at, &word, &open)) != NULL; first = false) {
        if (open != '\0') {
            print(out, "command line: %s: expected another %c to end what it quotes\n", word, open);
            faults++;
            break;
        }
        char *equals = strchr(word, '=');
        if (equals == NULL) {
            if (!first) {
                print(out, "command line: %s: expected key=value\n", word);
                faults++;
            }
            continue;
        }
        *equals = '\0';
        faults += set_option(o, word, equals + 1, out);
    }
    /* keys come in any order, so what two of them say together is looked at last, if each is fine */
    if (faults == 0 && o->frames != 0 && o->frames < (uint32_t)POOL_MIN_LIMIT << o->order) {
        print(out, "command line: frames=%u with order=%u: expected at least %u (6 units of %u frames)\n",
              o->frames, o->order, (uint32_t)POOL_MIN_LIMIT << o->order, 1u << o->order);
        faults++;
    }
    return faults;
}
