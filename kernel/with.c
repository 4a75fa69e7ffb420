/* SPDX-License-Identifier: MIT
 * with: programs that each run in a pool of their own, under a policy and with frames that nobody else takes
 * (local replacement). */
#include "kernel/allot.h"
#include "kernel/monitor.h"
#include "kernel/run.h"
#include "lib/command.h"
#include "lib/string.h"
#include "mm/buddy.h"

static bool bad(struct printer *out, const char *key, const char *value, const char *legal)
{
    print(out, "with: %s=%s: expected %s\n", key, value, legal);
    return false;
}

static bool set_policy(struct pool_config *c, const char *v, struct printer *out)
{
    c->policy = policy_find(v);
    if (c->policy != NULL)
        return true;
    print(out, "with: policy=%s: expected one of: ", v);
    policy_names(out);
    print(out, "\n");
    return false;
}

static bool set_frames(struct pool_config *c, const char *v, struct printer *out)
{
    uint32_t least = pool_min_limit(c->wired_apart, c->order),
             most = buddy_free_frames() - MIN(buddy_low_free(), buddy_reserve());
    if (parse_u32(v, false, &c->limit) && c->limit >= least && c->limit <= most)
        return true;
    print(out, "with: frames=%s: expected %u to %u\n", v, least, most);
    return false;
}

static bool set_accessed(struct pool_config *c, const char *v, struct printer *out)
{
    return accessed_parse(v, &c->accessed) || bad(out, "accessed", v, "a1 or ad");
}

static bool set_seed(struct pool_config *c, const char *v, struct printer *out)
{
    return parse_u32(v, false, &c->seed) || bad(out, "seed", v, "0 to 4294967295");
}

static const struct {
    const char *key;
    bool (*set)(struct pool_config *c, const char *value, struct printer *out);
} keys[] = {
    {"policy", set_policy},
    {"frames", set_frames},
    {"accessed", set_accessed},
    {"seed", set_seed},
};

static bool set(struct pool_config *c, const char *word, struct printer *out)
{
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (length > 0 && length == strlen(keys[i].key) && strncmp(word, keys[i].key, length) == 0)
            return keys[i].set(c, equals + 1, out);
    print(out, "with: %s: expected policy=NAME, frames=N, accessed=a1|ad or seed=N, and then run\n", word);
    return false;
}

static int with_run(int argc, char **argv, struct printer *out)
{
    struct pool_config c = {.policy = main_pool.policy,
                            .limit = allot_frames(),
                            .seed = main_pool.seed,
                            .accessed = main_pool.accessed,
                            .order = main_pool.order};
    int i = 1;
    for (; i < argc && strcmp(argv[i], "run") != 0; i++)
        if (!set(&c, argv[i], out))
            return 1;
    if (i + 1 >= argc) {
        print(out, "with: expected run and a program at the end\n");
        return 1;
    }
    if (!pool_suits(c.policy, c.exact, c.oracle, out))
        return 1;
    return run_programs(argc - i - 1, argv + i + 1, &c, true, out);
}

COMMAND(with, "[policy=P] [frames=N] [accessed=a1|ad] [seed=N] run PROG ..",
        "run programs, each in a pool of its own: local replacement", with_run);
