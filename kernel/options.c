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

const struct options *options_booted;

static const char *who = "command line"; /* for messages: where the value came from */

static int bad(struct printer *out, const char *key, const char *value, const char *legal)
{
    print(out, "%s: %s=%s: expected %s\n", who, key, value, legal);
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
    print(out, "%s: policy=%s: expected one of: ", who, v);
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
    print(out, "%s: log=%s: expected " LOG_LIST, who, v);
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
    print(out, "%s: trace=%s: expected " LOG_LIST, who, v);
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

static int set_hist(struct options *o, const char *v, struct printer *out)
{
    return set_switch(&o->hist, "hist", v, out);
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
    print(out, "%s: mmapfit=%s: expected one of: ", who, v);
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

static int set_view(struct options *o, const char *v, struct printer *out)
{
    return view_page_parse(v, &o->view.page) ? 0 : bad(out, "view", v, view_pages_legal);
}

static int set_viewrows(struct options *o, const char *v, struct printer *out)
{
    return view_rows_parse(v, &o->view.rows) ? 0 : bad(out, "viewrows", v, view_rows_legal);
}

static int set_viewhz(struct options *o, const char *v, struct printer *out)
{
    return view_hz_parse(v, &o->view.hz) ? 0 : bad(out, "viewhz", v, view_hz_legal);
}

/* ---- values as text, as the command line takes them ---- */

static void show_frames(const struct options *o, struct printer *out)
{
    if (o->frames == 0)
        print(out, "all");
    else
        print(out, "%u", o->frames);
}

static void show_policy(const struct options *o, struct printer *out)
{
    print(out, "%s", o->policy);
}

static void show_swap(const struct options *o, struct printer *out)
{
    print(out, "%s", o->swap);
}

static void show_swapmb(const struct options *o, struct printer *out)
{
    if (o->swap_mb == UINT32_MAX)
        print(out, "as fits");
    else
        print(out, "%u", o->swap_mb);
}

static void show_swaplat(const struct options *o, struct printer *out)
{
    print(out, "%u", o->swap_latency);
}

static void show_readahead(const struct options *o, struct printer *out)
{
    print(out, "%u", o->readahead);
}

static void show_order(const struct options *o, struct printer *out)
{
    print(out, "%u", o->order);
}

static void show_pager(const struct options *o, struct printer *out)
{
    print(out, "%s", o->pager ? "on" : "off");
}

static void show_ksm(const struct options *o, struct printer *out)
{
    print(out, "%s", o->ksm == MERGE_ALL ? "on" : o->ksm == MERGE_ADVISED ? "madvise" : "off");
}

static void show_swapforce(const struct options *o, struct printer *out)
{
    print(out, "%u", o->swap_force);
}

static void show_atadma(const struct options *o, struct printer *out)
{
    print(out, "%s", o->ata_dma ? "on" : "off");
}

static void show_seed(const struct options *o, struct printer *out)
{
    print(out, "%u", o->seed);
}

static void show_log(const struct options *o, struct printer *out)
{
    print(out, "%s", o->log != NULL ? o->log : "default");
}

static void show_run(const struct options *o, struct printer *out)
{
    print(out, "%s", o->run != NULL ? o->run : "");
}

static void show_debug(const struct options *o, struct printer *out)
{
    print(out, "%u", o->debug);
}

static void show_check(const struct options *o, struct printer *out)
{
    print(out, "%u", o->check);
}

static void show_accessed(const struct options *o, struct printer *out)
{
    print(out, "%s", accessed_name(o->accessed));
}

static void show_allot(const struct options *o, struct printer *out)
{
    print(out, "%s", allot_mode_name(o->allot.mode));
    if (o->allot.micros != 0)
        print(out, ":%u", o->allot.micros);
}

static void show_mmapfit(const struct options *o, struct printer *out)
{
    print(out, "%s", o->mmap_fit->name);
}

static void show_slabdebug(const struct options *o, struct printer *out)
{
    print(out, "%u", o->slab_debug);
}

static void show_trace(const struct options *o, struct printer *out)
{
    print(out, "%s", o->trace != NULL ? o->trace : "quiet");
}

static void show_traceport(const struct options *o, struct printer *out)
{
    print(out, "%s", o->trace_port);
}

static void show_tracekb(const struct options *o, struct printer *out)
{
    print(out, "%u", o->trace_kib);
}

static void show_hist(const struct options *o, struct printer *out)
{
    print(out, "%s", o->hist ? "on" : "off");
}

static void show_view(const struct options *o, struct printer *out)
{
    print(out, "%s", view_page_names[o->view.page]);
}

static void show_viewrows(const struct options *o, struct printer *out)
{
    print(out, "%u", o->view.rows);
}

static void show_viewhz(const struct options *o, struct printer *out)
{
    print(out, "%u", o->view.hz);
}

static const struct option {
    const char *key;
    int (*set)(struct options *o, const char *value, struct printer *out);
    void (*show)(const struct options *o, struct printer *out);
} keys[] = {
    {"frames", set_frames, show_frames},
    {"policy", set_policy, show_policy},
    {"swap", set_swap, show_swap},
    {"swapmb", set_swapmb, show_swapmb},
    {"swaplat", set_swaplat, show_swaplat},
    {"readahead", set_readahead, show_readahead},
    {"order", set_order, show_order},
    {"pager", set_pager, show_pager},
    {"ksm", set_ksm, show_ksm},
    {"swapforce", set_swapforce, show_swapforce},
    {"atadma", set_atadma, show_atadma},
    {"seed", set_seed, show_seed},
    {"log", set_log, show_log},
    {"run", set_run, show_run},
    {"debug", set_debug, show_debug},
    {"check", set_check, show_check},
    {"accessed", set_accessed, show_accessed},
    {"allot", set_allot, show_allot},
    {"mmapfit", set_mmapfit, show_mmapfit},
    {"slabdebug", set_slabdebug, show_slabdebug},
    {"trace", set_trace, show_trace},
    {"traceport", set_traceport, show_traceport},
    {"tracekb", set_tracekb, show_tracekb},
    {"hist", set_hist, show_hist},
    {"view", set_view, show_view},
    {"viewrows", set_viewrows, show_viewrows},
    {"viewhz", set_viewhz, show_viewhz},
};

static int set_option(struct options *o, const char *key, const char *value, struct printer *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcmp(keys[i].key, key) == 0)
            return keys[i].set(o, value, out);
    print(out, "%s: unknown key %s; known:", who, key);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        print(out, " %s=", keys[i].key);
    print(out, "\n");
    return 1;
}

int options_set(struct options *o, const char *key, const char *value, struct printer *out)
{
    who = "set";
    return set_option(o, key, value, out);
}

const char *options_key(uint32_t i)
{
    return i < ARRAY_SIZE(keys) ? keys[i].key : NULL;
}

void options_show(const struct options *o, uint32_t i, char *text, size_t size)
{
    struct buffer_printer b;
    buffer_printer_init(&b, text, size);
    keys[i].show(o, &b.to);
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

void options_default(struct options *o)
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
                          .view = {VIEW_CONSOLE, VGA_ROWS, VIEW_HZ},
                          .readahead = 1};
}

int options_parse(const char *line, struct options *o, struct printer *out)
{
    options_default(o);
    options_booted = o;
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
