/* SPDX-License-Identifier: MIT
 * replay: one line per policy and number of frames, each from a run of the program `replay` in a pool of its
 * own. */
#include "kernel/replay.h"
#include "drivers/clock.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "lib/command.h"
#include "lib/reftrace.h"
#include "lib/string.h"
#include "mm/pool.h"

enum { TRACES = 8, LIST = 40 };

static struct trace {
    const struct reftrace *header;
    const struct file *file;
    char path[sizeof "trace/" + sizeof((struct reftrace *)0)->name];
} traces[TRACES];
static uint32_t trace_count;

static bool bad_module(const char *why, struct printer *out)
{
    print(out, "boot: module %u: %s; expected a trace made by the simulator's convert\n", trace_count + 2,
          why);
    return false;
}

bool trace_add(const void *data, uint32_t size, struct printer *out)
{
    const struct reftrace *h = data;
    if (size < sizeof *h || h->magic != REFTRACE_MAGIC)
        return bad_module("it does not begin with FLT1", out);
    uint64_t words = h->count * (h->flags & REFTRACE_NEXT ? 2ull : 1ull);
    if (sizeof *h + words * sizeof(uint32_t) > size || h->count == 0)
        return bad_module("it is shorter than it says", out);
    if (h->name[sizeof h->name - 1] != '\0' || trace_count == TRACES)
        return bad_module("it has no name, or is one too many", out);
    struct trace *t = &traces[trace_count];
    format(t->path, sizeof t->path, "trace/%s", h->name);
    if (!initrd_add(t->path, data, size))
        return bad_module("too many files", out);
    t->header = h;
    t->file = initrd_find(t->path);
    trace_count++;
    return true;
}

/* ---- what to do ---- */

struct plan {
    const struct trace *trace;
    const struct policy *policies[LIST];
    uint32_t frames[LIST];
    uint32_t policy_count, frames_count;
    struct pool_config pool;
    bool exact;
};

static int bad(struct printer *out, const char *key, const char *value, const char *expected)
{
    print(out, "replay: %s=%s: expected %s\n", key, value, expected);
    return 1;
}

static int set_trace(struct plan *p, const char *value, struct printer *out)
{
    for (uint32_t i = 0; i < trace_count; i++) {
        if (strcmp(traces[i].header->name, value) != 0)
            continue;
        p->trace = &traces[i];
        return 0;
    }
    print(out, "replay: trace=%s: expected one of:", value);
    for (uint32_t i = 0; i < trace_count; i++)
        print(out, " %s", traces[i].header->name);
    print(out, "\n");
    return 1;
}

/* Cuts the next word off a list with commas. => the word, NULL at the end */
static char *next_item(char **at)
{
    char *item = *at, *comma;
    if (item == NULL)
        return NULL;
    comma = strchr(item, ',');
    *at = comma != NULL ? comma + 1 : NULL;
    if (comma != NULL)
        *comma = '\0';
    return item;
}

static int set_policies(struct plan *p, char *value, struct printer *out)
{
    p->policy_count = 0;
    if (strcmp(value, "all") == 0) {
        for (uint32_t i = 0; i < policy_count && i < LIST; i++)
            p->policies[p->policy_count++] = policy_table[i];
        return 0;
    }
    for (char *item; (item = next_item(&value)) != NULL && p->policy_count < LIST;) {
        const struct policy *policy = policy_find(item);
        if (policy == NULL) {
            print(out, "replay: policy=%s: expected all, or a comma list of: ", item);
            policy_names(out);
            print(out, "\n");
            return 1;
        }
        p->policies[p->policy_count++] = policy;
    }
    return 0;
}

static int set_frames(struct plan *p, char *value, struct printer *out)
{
    p->frames_count = 0;
    for (char *item; (item = next_item(&value)) != NULL && p->frames_count < LIST;) {
        uint32_t n;
        if (!parse_u32(item, false, &n) || n == 0 || n > frame_table_count)
            return bad(out, "frames", item, "numbers of frames, separated by commas, from 1 on");
        p->frames[p->frames_count++] = n;
    }
    return 0;
}

static int set_key(struct plan *p, const char *key, char *value, struct printer *out)
{
    if (strcmp(key, "trace") == 0)
        return set_trace(p, value, out);
    if (strcmp(key, "policy") == 0)
        return set_policies(p, value, out);
    if (strcmp(key, "frames") == 0)
        return set_frames(p, value, out);
    if (strcmp(key, "mode") == 0) {
        p->exact = strcmp(value, "exact") == 0;
        return p->exact || strcmp(value, "sampled") == 0 ? 0 : bad(out, key, value, "exact or sampled");
    }
    if (strcmp(key, "accessed") == 0)
        return accessed_parse(value, &p->pool.accessed) ? 0 : bad(out, key, value, "a1 or ad");
    if (strcmp(key, "seed") == 0)
        return parse_u32(value, false, &p->pool.seed) ? 0 : bad(out, key, value, "0 to 4294967295");
    print(out, "replay: unknown key %s; known: trace= policy= frames= mode= accessed= seed=\n", key);
    return 1;
}

static int parse(struct plan *p, int argc, char **argv, struct printer *out)
{
    *p = (struct plan){.trace = &traces[0], .pool = {.name = "replay", .seed = 1}, .exact = true};
    p->policies[p->policy_count++] = main_pool.policy;
    p->frames[p->frames_count++] = main_pool.limit;
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            print(out, "replay: %s: expected key=value\n", argv[i]);
            return 1;
        }
        *equals = '\0';
        if (set_key(p, argv[i], equals + 1, out) != 0)
            return 1;
    }
    return 0;
}

/* ---- one run ---- */

static int run_one(struct plan *p, const struct policy *policy, uint32_t frames, struct printer *out)
{
    const struct reftrace *h = p->trace->header;
    const uint32_t *words = (const uint32_t *)(h + 1);
    bool exact = p->exact || (policy->needs & (POLICY_NEEDS_TOUCHES | POLICY_NEEDS_ORACLE));
    struct oracle oracle = {words + h->count, h->count, 0};
    struct pool_config c = p->pool;
    c.policy = policy;
    c.limit = frames;
    c.wired_apart = true;
    c.exact = exact;
    c.oracle = h->flags & REFTRACE_NEXT ? &oracle : NULL;
    if (!pool_suits(policy, c.exact, c.oracle, out))
        return 1;
    struct pool *pool = pool_create(&c);
    if (pool == NULL) {
        print(out, "replay: no memory for policy %s with %u frames\n", policy->name, frames);
        return 1;
    }
    char size[16], name[] = "replay", mode_exact[] = "exact", mode_sampled[] = "sampled";
    format(size, sizeof size, "%u", p->trace->file->size);
    char path[sizeof p->trace->path + 1];
    format(path, sizeof path, "/%s", p->trace->path);
    char *argv[] = {name, path, size, exact ? mode_exact : mode_sampled};
    struct proc_result r;
    int failed = 1;
    uint64_t start = clock_micros();
    struct proc *proc = proc_spawn(initrd_program(name), ARRAY_SIZE(argv), argv, pool, REGION_LOCKED, out);
    if (proc != NULL) {
        while (proc->state != PROC_ZOMBIE)
            proc_sleep_on(&proc_ended, 0);
        proc_reap(proc, &r);
        failed = r.signal != 0 || r.status != 0;
    }
    if (!failed)
        print(out,
              "replay trace=%s refs=%u unique=%u policy=%s frames=%u faults=%u evictions=%u writebacks=%u "
              "mode=%s "
              "accessed=%s references=%u cpu_us=%u elapsed_us=%u\n",
              h->name, h->refs, h->unique, policy->name, frames, pool_faults(pool), r.evictions, r.writebacks,
              exact ? "exact" : "sampled", accessed_name(c.accessed), h->count,
              clock_ticks_to_micros(r.cpu_ticks), (uint32_t)(clock_micros() - start));
    pool->oracle = NULL;
    pool_put(pool);
    return failed;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    static struct plan plan; /* too large for a kernel stack */
    if (trace_count == 0) {
        print(
            out,
            "replay: there is no trace: the loader gave none as a second module (make replay TRACE=file)\n");
        return 1;
    }
    if (initrd_program("replay") == NULL) {
        print(out, "replay: the initrd has no program of this name\n");
        return 1;
    }
    int failed = parse(&plan, argc, argv, out);
    for (uint32_t i = 0; failed == 0 && i < plan.policy_count; i++)
        for (uint32_t j = 0; failed == 0 && j < plan.frames_count; j++)
            failed = run_one(&plan, plan.policies[i], plan.frames[j], out);
    return failed;
}

COMMAND(replay, "[trace=T] [policy=P,..|all] [frames=N,..] [mode=exact|sampled] [accessed=a1|ad] [seed=N]",
        "execute a trace as real loads and stores, in a pool of its own", command_run);
