/* SPDX-License-Identifier: MIT
 * Tests of the policies that remember more than a queue and a bit, in the real pool: short reference strings
 * with the victims that the papers' rules lead to, worked out by hand, what the papers say must always
 * hold (each policy's check), and what the contract in mm/policy.h asks beyond the tests in test_policy.c. */
#include "lib/random.h"
#include "lib/string.h"
#include "mm/stats.h"
#include "tests/host/pages.h"

enum { LETTERS = 26, LONGEST = 64 }; /* pages 'a' to 'z'; references in a string */

/* How references come to the policy: all of them by `touched`, or in the accessed bits only. */
enum seeing { EXACT, SAMPLED };

struct play {
    struct world w;
    struct oracle oracle;
    uint32_t next_use[LONGEST];
    enum seeing seeing;
};

static void foresee(struct play *p, const char *refs)
{
    uint32_t count = (uint32_t)strlen(refs), seen[LETTERS];
    for (uint32_t i = 0; i < LETTERS; i++)
        seen[i] = ORACLE_NEVER;
    for (uint32_t i = count; i-- > 0;) {
        p->next_use[i] = seen[refs[i] - 'a'];
        seen[refs[i] - 'a'] = i;
    }
    p->oracle = (struct oracle){p->next_use, count, 0};
}

/* A pool of `frames` frames, which may be fewer than POOL_MIN_LIMIT, and knows that. */
static void play_start(struct play *p, const char *policy, uint32_t frames, enum seeing seeing,
                       const char *refs)
{
    world_init(&p->w, "fifo", frames, LETTERS);
    foresee(p, refs);
    p->seeing = seeing;
    p->w.pool.exact = seeing == EXACT;
    p->w.pool.oracle = &p->oracle;
    if (pool_set_policy(&p->w.pool, policy_find(policy), 1) != VM_OK)
        panic("play: pool_set_policy");
}

static void play_end(struct play *p)
{
    world_destroy(&p->w);
}

/* One reference. => the page that it evicted, '-' if the fault evicted none, '.' if there was no fault. */
static char refer(struct play *p, char page)
{
    uint32_t i = (uint32_t)(page - 'a');
    bool here[LETTERS];
    if (page_present(&p->w.space, i)) {
        if (p->seeing == EXACT)
            pool_touch(page_frame(&p->w.space, i));
        word_load(&p->w.space, i);
        return '.';
    }
    for (uint32_t k = 0; k < LETTERS; k++)
        here[k] = page_present(&p->w.space, k);
    page_touch(&p->w.space, i);
    for (uint32_t k = 0; k < LETTERS; k++)
        if (here[k] && !page_present(&p->w.space, k))
            return (char)('a' + k);
    return '-';
}

static void expect_play(struct ktest_run *t, const char *policy, uint32_t frames, enum seeing seeing,
                        const char *refs, const char *want)
{
    struct play p;
    char got[LONGEST + 1] = "";
    play_start(&p, policy, frames, seeing, refs);
    for (uint32_t i = 0; refs[i] != '\0'; i++) {
        got[i] = refer(&p, refs[i]);
        if (!pools_check(t->out))
            t->failures++;
    }
    if (strcmp(got, want) != 0) {
        t->failures++;
        print(t->out, "# %s, %u frames, %s\n#   %s\n#   %s  got\n#   %s  wanted\n", policy, frames,
              seeing == EXACT ? "exact" : "sampled", refs, got, want);
    }
    play_end(&p);
}

TEST(policies_opt)
{
    /* Belady's string: d is wanted latest of abc at 10, 11, 12... */
    expect_play(t, "opt", 3, EXACT, "abcdabeabcde", "---c..d..ab.");
}
