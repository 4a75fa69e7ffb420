/* SPDX-License-Identifier: MIT
 * The set command: what the command line can say, changed while the system runs, where that is possible. The
 * keys and their values are those of options.c; here is how they take effect, and how things stand. */
#include "kernel/settings.h"
#include "drivers/latency.h"
#include "kernel/ksm.h"
#include "kernel/monitor.h"
#include "kernel/options.h"
#include "kernel/proc.h"
#include "kernel/trace.h"
#include "lib/command.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/trace.h"
#include "lib/watch.h"
#include "mm/buddy.h"
#include "mm/histograms.h"
#include "mm/reclaim.h"
#include "mm/slab.h"
#include "mm/source.h"
#include "mm/swap.h"

enum { VALUE = 96 }; /* bytes; longer values are cut */

/* ---- taking effect: 0, or nonzero after saying why not ---- */

static int apply_frames(const struct options *o, struct printer *out)
{
    uint32_t least = pool_min_limit(false, main_pool.order),
             most = buddy_free_frames() + main_pool.resident - MIN(buddy_low_free(), buddy_reserve()),
             frames = o->frames == 0 ? most : o->frames;
    if (allot_on) {
        print(out, "set: frames: they are split among programs: first, while none runs, allot global\n");
        return 1;
    }
    if (!command_may_sleep("set frames", out))
        return 1;
    if (frames < least || frames > most) {
        print(out, "set: frames=%u: expected all, or %u to %u\n", frames, least, most);
        return 1;
    }
    enum vm_result r = pool_set_limit(&main_pool, frames);
    if (r == VM_NO_MEMORY && main_pool.limit != frames) {
        print(out, "set: frames=%u: no memory for policy %s\n", frames, main_pool.policy->name);
        return 1;
    }
    if (r != VM_OK)
        print(out, "set: frames=%u: %u pages cannot go yet, and follow\n", frames, main_pool.excess);
    return 0;
}

static int use_policy(const struct policy *policy, uint32_t seed, struct printer *out)
{
    if (!pool_suits(policy, main_pool.exact, main_pool.oracle, out))
        return 1;
    if (pool_set_policy(&main_pool, policy, seed) == VM_OK)
        return 0;
    print(out, "set: no memory for policy %s with %u frames\n", policy->name, main_pool.limit);
    return 1;
}

static int apply_policy(const struct options *o, struct printer *out)
{
    return use_policy(policy_find(o->policy), main_pool.seed, out);
}

static int apply_seed(const struct options *o, struct printer *out)
{
    return use_policy(main_pool.policy, o->seed, out);
}

static int apply_swaplat(const struct options *o, struct printer *out)
{
    if (latency_set(o->swap_latency))
        return 0;
    print(out, "set: swaplat=%u: expected a disk that takes time since boot: swaplat=1 or more there\n",
          o->swap_latency);
    return 1;
}

static int apply_readahead(const struct options *o, struct printer *out UNUSED)
{
    swap_readahead = o->readahead;
    return 0;
}

static int apply_order(const struct options *o, struct printer *out)
{
    uint32_t least = pool_min_limit(false, o->order);
    if (allot_on) {
        print(out, "set: order: frames are split among programs: first, while none runs, allot global\n");
        return 1;
    }
    if (main_pool.limit < least) {
        print(out, "set: order=%u: expected at least %u frames (6 units of %u), set frames\n", o->order,
              least, 1u << o->order);
        return 1;
    }
    main_pool.order = o->order;
    return 0;
}

static int apply_pager(const struct options *o, struct printer *out UNUSED)
{
    main_pool.low = main_pool.high = 0;
    if (o->pager)
        pool_set_watermarks(&main_pool);
    return 0;
}

static int apply_ksm(const struct options *o, struct printer *out)
{
    if (o->ksm == merge_mode() || ksm_set(o->ksm) == VM_OK)
        return 0;
    print(out, "set: ksm: no memory for its tables\n");
    return 1;
}

static int apply_log(const struct options *o UNUSED, struct printer *out UNUSED)
{
    return 0; /* whoever parses it has done it */
}

static int apply_trace(const struct options *o, struct printer *out)
{
    return trace_start(o->trace, out) ? 0 : 1;
}

static int apply_hist(const struct options *o, struct printer *out)
{
    if (!o->hist && histograms.on)
        histograms_stop();
    else if (o->hist && histograms_start() != VM_OK) {
        print(out, "set: hist: no memory for the eviction times of %u swap slots\n", swap_total());
        return 1;
    }
    return 0;
}

static int apply_debug(const struct options *o, struct printer *out UNUSED)
{
    buddy_junk = o->debug;
    return 0;
}

static int apply_check(const struct options *o, struct printer *out UNUSED)
{
    trap_check_every = o->check;
    return 0;
}

static int apply_accessed(const struct options *o, struct printer *out UNUSED)
{
    pool_set_accessed(&main_pool, o->accessed);
    return 0;
}

static int apply_allot(const struct options *o, struct printer *out)
{
    return allot_set(&o->allot, out) ? 0 : 1;
}

static int apply_mmapfit(const struct options *o, struct printer *out UNUSED)
{
    space_gap_fit = o->mmap_fit;
    return 0;
}

static int apply_slabdebug(const struct options *o, struct printer *out UNUSED)
{
    slab_set_debug(o->slab_debug);
    return 0;
}

/* The other keys matter at boot only. */
static const struct {
    const char *key;
    int (*apply)(const struct options *o, struct printer *out);
} live[] = {
    {"frames", apply_frames},
    {"policy", apply_policy},
    {"swaplat", apply_swaplat},
    {"readahead", apply_readahead},
    {"order", apply_order},
    {"pager", apply_pager},
    {"ksm", apply_ksm},
    {"seed", apply_seed},
    {"log", apply_log},
    {"debug", apply_debug},
    {"check", apply_check},
    {"accessed", apply_accessed},
    {"allot", apply_allot},
    {"mmapfit", apply_mmapfit},
    {"slabdebug", apply_slabdebug},
    {"trace", apply_trace},
    {"hist", apply_hist},
};

/* => its place in `live`, or -1 */
static int live_key(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(live); i++)
        if (strcmp(live[i].key, key) == 0)
            return (int)i;
    return -1;
}

/* ---- how things stand ---- */

static char log_text[VALUE], trace_text[VALUE];

static struct options *settings_now(void)
{
    static struct options now;
    struct buffer_printer log, trace;
    now = *options_booted;
    buffer_printer_init(&log, log_text, sizeof log_text);
    log_list(&log.to);
    now.frames = allot_frames();
    now.policy = main_pool.policy->name;
    now.accessed = main_pool.accessed;
    now.allot = allot_config();
    now.swap_latency = latency_micros();
    now.seed = main_pool.seed;
    now.readahead = swap_readahead;
    now.order = main_pool.order;
    now.pager = main_pool.low > 0;
    now.ksm = merge_mode();
    now.mmap_fit = space_gap_fit;
    now.log = log_text;
    buffer_printer_init(&trace, trace_text, sizeof trace_text);
    classes_list(&trace.to, TRACE_ALL, TRACE_STANDARD, trace_classes);
    now.trace = trace_text;
    now.hist = histograms.on;
    now.check = trap_check_every;
    now.debug = buddy_junk;
    now.slab_debug = slab_debug();
    return &now;
}

/* Both as text, which is what is compared. => do they differ? */
static bool texts_of(const struct options *o, uint32_t i, char value[VALUE], char usual[VALUE])
{
    static struct options defaults;
    options_default(&defaults);
    options_show(o, i, value, VALUE);
    options_show(&defaults, i, usual, VALUE);
    return strcmp(value, usual) != 0;
}

void settings_save(bool now, struct printer *out)
{
    const struct options *o = now ? settings_now() : options_booted;
    char value[VALUE], usual[VALUE];
    const char *key;
    for (uint32_t i = 0; (key = options_key(i)) != NULL; i++)
        if (texts_of(o, i, value, usual) && strcmp(key, "run") != 0)
            print(out, live_key(key) >= 0 ? "set %s %s\n" : "# at boot: %s=%s\n", key, value);
}

static void show(uint32_t i, struct printer *out)
{
    char now[VALUE], usual[VALUE];
    bool changed = texts_of(settings_now(), i, now, usual);
    print(out, "%c %-10s %-24s ", changed ? '*' : ' ', options_key(i), now);
    print(out, live_key(options_key(i)) >= 0 ? "%s\n" : "%-12s at boot only\n", usual);
}

static int show_all(struct printer *out)
{
    print(out, "  %-10s %-24s %s\n", "key", "value (* changed)", "default");
    for (uint32_t i = 0; options_key(i) != NULL; i++)
        show(i, out);
    return 0;
}

static int show_one(const char *key, struct printer *out)
{
    for (uint32_t i = 0; options_key(i) != NULL; i++) {
        if (strcmp(options_key(i), key) == 0) {
            show(i, out);
            return 0;
        }
    }
    return options_set(settings_now(), key, "", out); /* says which keys there are */
}

static int set_run(int argc, char **argv, struct printer *out)
{
    char *equals = argc == 2 ? strchr(argv[1], '=') : NULL;
    const char *value = argc == 3 ? argv[2] : NULL;
    if (equals != NULL) {
        *equals = '\0';
        value = equals + 1;
    }
    if (argc > 3) {
        print(out, "set: %s: expected a key and a value\n", argv[3]);
        return 1;
    }
    if (argc == 1)
        return show_all(out);
    if (value == NULL)
        return show_one(argv[1], out);
    struct options *wanted = settings_now();
    int failed = options_set(wanted, argv[1], value, out), i = live_key(argv[1]);
    if (failed == 0 && i < 0) {
        print(out, "set: %s=%s: only the kernel's command line can say it%s\n", argv[1], value,
              strncmp(argv[1], "view", 4) == 0 ? "; the command view changes it now" : "");
        return 1;
    }
    if (failed == 0)
        failed = live[i].apply(wanted, out);
    return failed != 0 ? failed : show_one(argv[1], out);
}

static void set_complete(int argc, char **argv, struct completion *c)
{
    const char *key;
    if (argc == 1)
        for (uint32_t i = 0; (key = options_key(i)) != NULL; i++)
            complete_offer(c, key);
    if (argc != 2)
        return;
    if (strcmp(argv[1], "policy") == 0)
        policy_complete(c);
    else if (strcmp(argv[1], "log") == 0)
        complete_log_classes(c);
    else if (strcmp(argv[1], "pager") == 0 || strcmp(argv[1], "ksm") == 0)
        complete_words(c, "on off");
    else if (strcmp(argv[1], "allot") == 0)
        complete_words(c, "global equal ws pff");
}

COMMAND_AT_STOP(
    set, "[KEY [VALUE]]", "settings of the command line, with what they are; another value for one", set_run,
    .complete = set_complete,
    .more = "  The keys are those of the kernel's command line. Those that only count at boot are marked.\n"
            "  set                  all of them; * where a value is not the default\n"
            "  set frames 64        the pool that all share shrinks: pages above the limit go at once\n"
            "  set policy arc\n"
            "  set log +explain\n");
