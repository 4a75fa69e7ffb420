/* SPDX-License-Identifier: MIT
 * with: programs that each run in a pool of their own, under a policy and with frames that nobody else takes
 * (local replacement). */
#include "kernel/allot.h"
#include "kernel/monitor.h"
#include "kernel/run.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/region.h"

struct wanted {
    struct pool_config pool;
    uint32_t always; /* region flags */
};

static bool bad(struct printer *out, const char *key, const char *value, const char *legal)
{
    print(out, "with: %s=%s: expected %s\n", key, value, legal);
    return false;
}

static bool set_policy(struct wanted *w, const char *v, struct printer *out)
{
    w->pool.policy = policy_find(v);
    if (w->pool.policy != NULL)
        return true;
    print(out, "with: policy=%s: expected one of: ", v);
    policy_names(out);
    print(out, "\n");
    return false;
}

static bool set_frames(struct wanted *w, const char *v, struct printer *out)
{
    uint32_t least = pool_min_limit(w->pool.wired_apart, w->pool.order),
             most = buddy_free_frames() - MIN(buddy_low_free(), buddy_reserve());
    if (parse_u32(v, false, &w->pool.limit) && w->pool.limit >= least && w->pool.limit <= most)
        return true;
    print(out, "with: frames=%s: expected %u to %u\n", v, least, most);
    return false;
}

static bool set_accessed(struct wanted *w, const char *v, struct printer *out)
{
    return accessed_parse(v, &w->pool.accessed) || bad(out, "accessed", v, "a1 or ad");
}

static bool set_seed(struct wanted *w, const char *v, struct printer *out)
{
    return parse_u32(v, false, &w->pool.seed) || bad(out, "seed", v, "0 to 4294967295");
}

/* Linux's one page of zeros for all who only read, or frames of their own, which compete like others. */
static bool set_zeros(struct wanted *w, const char *v, struct printer *out)
{
    w->always = strcmp(v, "own") == 0 ? REGION_FRAMES : 0;
    return w->always != 0 || strcmp(v, "shared") == 0 || bad(out, "zeros", v, "shared or own");
}

static const struct {
    const char *key;
    bool (*set)(struct wanted *w, const char *value, struct printer *out);
} keys[] = {
    {"policy", set_policy}, {"frames", set_frames}, {"accessed", set_accessed},
    {"seed", set_seed},     {"zeros", set_zeros},
};

static bool set(struct wanted *w, const char *word, struct printer *out)
{
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (length > 0 && length == strlen(keys[i].key) && strncmp(word, keys[i].key, length) == 0)
            return keys[i].set(w, equals + 1, out);
    print(out,
          "with: %s: expected policy=NAME, frames=N, accessed=a1|ad, seed=N or zeros=own|shared, and then "
          "run\n",
          word);
    return false;
}

static int with_run(int argc, char **argv, struct printer *out)
{
    struct wanted w = {.pool = {.policy = main_pool.policy,
                                .limit = allot_frames(),
                                .seed = main_pool.seed,
                                .accessed = main_pool.accessed,
                                .order = main_pool.order}};
    struct pool_config *c = &w.pool;
    int i = 1;
    for (; i < argc && strcmp(argv[i], "run") != 0; i++) {
        if (strcmp(argv[i], "exact") == 0)
            c->exact = true;
        else if (!set(&w, argv[i], out))
            return 1;
    }
    if (i + 1 >= argc) {
        print(out, "with: expected run and a program at the end\n");
        return 1;
    }
    if (!pool_suits(c->policy, c->exact, c->oracle, out))
        return 1;
    struct run_options o = {.local = c, .always = w.always, .summary = true};
    return (c->exact ? run_exact : run_programs)(argc - i - 1, argv + i + 1, &o, out);
}

static void with_complete(int argc, char **argv, struct completion *c)
{
    static const char *const words[] = {"policy=", "frames=",   "accessed=a1",  "accessed=ad", "seed=",
                                        "exact",   "zeros=own", "zeros=shared", "run"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "run") == 0) {
            complete_programs(argc - i, argv + i, c);
            return;
        }
    }
    if (complete_after(c, "policy=")) {
        policy_complete(c);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        complete_offer(c, words[i]);
}

COMMAND(with, "[policy=P] [frames=N] [accessed=a1|ad] [seed=N] [zeros=own|shared] [exact] run PROG ..",
        "run programs, each in a pool of its own: local replacement", with_run,
        .more =
            "  frames=N    of each pool; policy=P: its policy; what is not said is as in the pool that all "
            "share\n"
            "  accessed=   a1: the access that faults leaves the accessed bit set; ad: it is cleared\n"
            "  zeros=own   a page that is only read gets a frame, too, instead of the shared page of zeros\n"
            "  exact       every reference is trapped, as policies need that must see them all (lru, opt)\n"
            "  with policy=fifo frames=16 run matmul & qsort\n",
        .complete = with_complete);
