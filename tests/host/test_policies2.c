/* SPDX-License-Identifier: MIT
 * Tests of the policies that remember more than a queue and a bit, in the real pool: short reference strings
 * with the victims that the papers' rules lead to, worked out by hand, what the papers say must always
 * hold (each policy's check), and what the contract in mm/policy.h asks beyond the tests in test_policy.c. */
#include "lib/panic.h"
#include "lib/random.h"
#include "lib/string.h"
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

static bool is_write(char ref)
{
    return ref >= 'A' && ref <= 'Z';
}

/* 'A' is a write to page 'a'. */
static uint32_t page_index(char ref)
{
    return (uint32_t)(ref - (is_write(ref) ? 'A' : 'a'));
}

static void foresee(struct play *p, const char *refs)
{
    uint32_t count = (uint32_t)strlen(refs), seen[LETTERS];
    for (uint32_t i = 0; i < LETTERS; i++)
        seen[i] = ORACLE_NEVER;
    for (uint32_t i = count; i-- > 0;) {
        p->next_use[i] = seen[page_index(refs[i])];
        seen[page_index(refs[i])] = i;
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
static char refer(struct play *p, char ref)
{
    struct space *s = &p->w.space;
    uint32_t i = page_index(ref);
    bool here[LETTERS];
    char result = '-';
    for (uint32_t k = 0; k < LETTERS; k++)
        here[k] = page_present(s, k);
    if (here[i] && p->seeing == EXACT)
        pool_touch(page_frame(s, i));
    if (is_write(ref))
        word_store(s, i, i);
    else if (here[i])
        word_load(s, i);
    else
        page_touch(s, i);
    for (uint32_t k = 0; k < LETTERS; k++)
        if (here[k] && !page_present(s, k))
            result = (char)('a' + k);
    return here[i] ? '.' : result;
}

static void expect_play(struct ktest_run *t, const char *policy, uint32_t frames, enum seeing seeing,
                        const char *refs, const char *want)
{
    struct play p;
    char got[LONGEST + 1] = "";
    play_start(&p, policy, frames, seeing, refs);
    for (uint32_t i = 0; refs[i] != '\0'; i++) {
        got[i] = refer(&p, refs[i]);
        EXPECT(t, pools_check(t->out));
    }
    if (strcmp(got, want) != 0) {
        t->failures++;
        print(t->out, "# %s, %u frames, %s\n#   %s\n#   %s  got\n#   %s  wanted\n", policy, frames,
              seeing == EXACT ? "exact" : "sampled", refs, got, want);
    }
    play_end(&p);
}

/* ---- victims worked out by hand ---- */

/* At the first d, c is wanted latest; then d; at the third c, a and b never again, a for longer. */
TEST(policies2_opt)
{
    expect_play(t, "opt", 3, EXACT, "abcdabeabcde", "---c..d..ab.");
    expect_play(t, "opt", 1, EXACT, "abba", "-a.b");
}

/* Queue, oldest first, > the hand, ' visited, before each miss: >a' b c; a >c d; a' >d e'; a' >e' f; >a' e g.
 * In sampled mode, where the load sets the mark: >a' b' c'; >b c d'; >c' d' e'. */
TEST(policies2_sieve)
{
    expect_play(t, "sieve", 3, EXACT, "abcadeaefgb", "---.bc..dfe");
    expect_play(t, "sieve", 3, SAMPLED, "abcadecf", "---.ab.c");
}

/* T1 T2 B1 B2 p after each miss but the first two, the oldest first; _ is empty:
 *   c: IV   c a b _ 0     b: II   c b _ a 1    a: III  _ ba c _ 0   d: IV   d a c b 0   e: IV.A e a d b 0
 *   c: IV.A c a e b 0     b: III  _ ab ec _ 0  f: IV.A f a c b 0    c: II   f c _ ba 1  a: III  _ ca f b 0
 *   f: II   _ af _ bc 1   g: IV.B g f _ ca 1   h: IV.B gh _ _ af 1  i: IV.A, T1 alone is full: g leaves no
 * ghost, hi _ _ af 1 g: IV.A ig _ _ af 1   f: III  g f i a 0 */
TEST(policies2_arc)
{
    expect_play(t, "arc", 2, EXACT, "abacbadecbafcafghigf", "--.bacbdec.bafcafghi");
    expect_play(t, "arc", 2, SAMPLED, "abacba", "--.bac");
}

/* Before e comes back, T1 T2 B1 B2 p are fg d e bc 1: the step is 2/1, p = 3, d goes. Then b: p = 2 = |T1|,
 * and b is in B2, so f goes, not e. At i |T1| = 2 = p, so b goes; had p grown by 1 only, g would. */
TEST(policies2_arc_steps)
{
    expect_play(t, "arc", 3, EXACT, "aabbccdedfgebhi", "-.-.-.adbcedfeb");
}

/* T1 T2 B1 B2 p after each miss but the first two:
 *   c: c a b _ 0    b: _ ab c _ 1   d: d b c a 1   a: _ ba cd _ 0 (step 2/1)   e: b goes round; e b d a 0
 *   c: c b e a 0    d: d b c a 0    c: _ bc d a 1 */
TEST(policies2_car)
{
    expect_play(t, "car", 2, EXACT, "abacbdabecdc", "--.bcad.aecd");
    expect_play(t, "car", 2, SAMPLED, "abacbda", "--.bcad");
}

/* Two LIR pages, one HIR. The stack, its bottom first, * not in memory | the queue, after each change:
 *   c: abc|c    a: bca|c     d: bc*ad|d    c: ad*c|b    b: ad*cb|b    b: cb|a    d: cbd|d   a: cbd*a|a
 *   c: bd*ac|a  d: cd|b      b: cdb|b      e: cdb*e|e */
TEST(policies2_lirs)
{
    expect_play(t, "lirs", 3, EXACT, "abcadcbbdacdbe", "---.cd..ad.a.b");
    /* a was used: at the bottom of the stack it is passed over, and b becomes HIR */
    expect_play(t, "lirs", 3, SAMPLED, "abcadcbe", "---.cd.b");
}

/* The clock from the hot hand on, hot pages as capitals, * not in memory, t in test; the aim for cold pages,
 * after each miss but the first three: d: bt* ct A dt 2             e: bt* ct* A dt et 2     b: dt* et B a 1
 * (c's test ended, a became cold) f: dt* et* B a ft 1          g: dt* et* B ft* at gt 1 (a began a test) d:
 * ft* at* gt D b 1          (e's test ended, b became cold) */
TEST(policies2_clockpro)
{
    expect_play(t, "clockpro", 3, EXACT, "abcadebafgdb", "---.bcd.efa.");
    expect_play(t, "clockpro", 3, SAMPLED, "abcadebafgdb", "---.bcd.efa.");
}

/* The small queue should have one page, there are two ghosts. small | main | ghosts, the uses as digits:
 *   a: a2bc||      d: cd|a|b      b: d|ab|c       e: e|ab|cd     a: e|a1b|cd   c: c|a1b|de (c's ghost has
 * just gone) d: d|a1b|ec    d: d2|a1b|ec   f: d to main, a round, b out without a ghost: f|da|ec   g: g|da|cf
 * b: b|da|fg */
TEST(policies2_s3fifo)
{
    expect_play(t, "s3fifo", 3, EXACT, "abcaadbeacdddfgb", "---..bcd.ec..bfg");
    expect_play(t, "s3fifo", 3, SAMPLED, "abcadb", "---.bc"); /* one use is enough for a */
}

/* Window 2. Ages since the last use, from the hand on, before each eviction: a0 b2 c1 d0; c2 d1 a1 e0; d0 a0
 * e1 f0; f1 d1 a1 g0; d2 a2 g1 h0; a3. */
TEST(policies2_wsclock)
{
    expect_play(t, "wsclock", 4, EXACT, "abcdaefadghbc", "----.bc..efda");
    /* b, in the working set but dirty, stays for c; out of it, it goes before d, which is clean but in it */
    expect_play(t, "wsclock", 4, EXACT, "aBcdaef", "----.cb");
    /* a and b are out of it, and b is clean */
    expect_play(t, "wsclock", 6, EXACT, "Abcdefg", "------b");
    expect_play(t, "wsclock", 6, SAMPLED, "Abcdefgh",
                "------bc"); /* all used just now: the clean ones in turn */
}

/* inactive | active, after each change: a: bcd|a   e: cde|a   b: deb|a (distance 2 > 1)   d: eb|ad
 * c: bc|ad (3 > 2)   e: c|ade (2)   f: a became inactive, af|de   a: f|dea   g: d became inactive, dg|ea */
TEST(policies2_twolist)
{
    expect_play(t, "twolist", 4, EXACT, "abcdaebdcefag", "----.bc.ebc.f");
    /* all go round once, as their loads set the bit; c, accessed again, becomes active; d and e go round */
    expect_play(t, "twolist", 3, SAMPLED, "abcdcef", "---a.bd");
}

/* Generations, the oldest first: e: sweep, bcd||e   f: b is young, d||ebf   g: sweep, |ebf|g   h: sweep,
 * f|ge|h */
TEST(policies2_mglru)
{
    expect_play(t, "mglru", 4, SAMPLED, "abcdebfgeh", "----a.cd.b");
    expect_play(t, "mglru", 4, EXACT, "abcdebfgeh", "----a.cd.b");
}

/* ---- what holds for all ---- */

static void random_refs(char refs[LONGEST + 1], uint32_t *rng, uint32_t pages)
{
    for (uint32_t i = 0; i < LONGEST; i++)
        refs[i] = (char)('a' + random_below(rng, pages));
    refs[LONGEST] = '\0';
}

static uint32_t faults_of(struct ktest_run *t, const char *policy, uint32_t frames, const char *refs)
{
    struct play p;
    uint32_t faults = 0;
    play_start(&p, policy, frames, EXACT, refs);
    for (uint32_t i = 0; refs[i] != '\0'; i++)
        faults += refer(&p, refs[i]) != '.';
    EXPECT(t, pools_check(t->out));
    play_end(&p);
    return faults;
}

TEST(policies2_nothing_beats_opt)
{
    uint32_t rng = 5;
    char refs[LONGEST + 1];
    for (uint32_t frames = 1; frames <= 8; frames++) {
        random_refs(refs, &rng, 3 + frames);
        uint32_t fewest = faults_of(t, "opt", frames, refs);
        for (uint32_t k = 0; k < policy_count; k++)
            EXPECT(t, faults_of(t, policy_table[k]->name, frames, refs) >= fewest);
    }
}

static uint32_t foretold; /* choices that `next` told */

/* => the victim, which must be who `next` said before */
static struct frame *pick_foretold(struct ktest_run *t, struct pool *pool)
{
    const struct policy *policy = pool->policy;
    struct frame *told = policy->next != NULL ? policy->next(pool->state) : NULL;
    struct frame *victim = policy->pick_victim(pool->state);
    foretold += told != NULL;
    if (told != NULL && told != victim) {
        t->failures++;
        print(t->out, "# %s: next was wrong\n", policy->name);
    }
    return victim;
}

/* The victim is taken out: whom explain called the runner-up is next. */
static void expect_runner_up(struct ktest_run *t, struct pool *pool)
{
    const struct policy *policy = pool->policy;
    struct text_printer said;
    text_start(&said);
    struct frame *victim = pick_foretold(t, pool);
    struct frame *second = policy->explain(pool->state, victim, &said.to);
    EXPECT(t, said.len > 0 && said.text[said.len - 1] != '\n');
    EXPECT(t, second != victim);
    pool_remove(victim, false);
    struct frame *next = policy->pick_victim(pool->state);
    bool guesses = strcmp(policy->name, "gip") == 0; /* it has not read the runner-up's bit yet */
    if (second != NULL && next != second && !guesses) {
        t->failures++;
        print(t->out, "# %s: the runner-up was another one; %s\n", policy->name, said.text);
    }
    EXPECT(t, next != victim && (next != NULL) == (pool->queued > 0));
    pool_reinsert(victim);
}

/* References, with pages taken out and put back, unmapped and evicted in between, in pools that hold as many
 * pages as the policy was told, or `extra` more. */
static void any_order(struct ktest_run *t, const struct policy *policy, uint32_t frames, uint32_t extra,
                      enum seeing seeing)
{
    enum { ROUNDS = 6 };
    struct play p;
    char refs[LONGEST + 1];
    uint32_t rng = frames + extra;
    random_refs(refs, &rng, frames + extra + 4);
    play_start(&p, policy->name, frames, seeing, refs);
    struct pool *pool = &p.w.pool;
    pool->limit += extra;
    for (uint32_t i = 0; i < ROUNDS * LONGEST && t->failures == 0; i++) {
        uint32_t draw = random_below(&rng, 16);
        if (draw == 0 && pool->queued > 0)
            EXPECT_EQ(t, pool_evict(pool, SWAP_NORMAL), VM_OK);
        else if (draw == 1) {
            uint32_t gone = page_index(refs[i % LONGEST]);
            EXPECT_EQ(t, space_unmap(&p.w.space, page_va(gone), PAGE_SIZE), VM_OK);
            pages_map(&p.w.space, gone, 1, VM_READ | VM_WRITE);
        } else if (draw < 5 && pool->queued > 0)
            expect_runner_up(t, pool);
        refer(&p, refs[i % LONGEST]);
        EXPECT(t, pools_check(t->out));
    }
    if (t->failures > 0)
        print(t->out, "# policy %s, %u frames and %u more\n", policy->name, frames, extra);
    play_end(&p);
}

TEST(policies2_any_order)
{
    for (uint32_t k = 0; k < policy_count; k++) {
        foretold = 0;
        for (uint32_t frames = 1; frames <= 12 && t->failures == 0;
             frames = frames < 3 ? frames + 1 : 2 * frames) {
            for (uint32_t extra = 0; extra <= 8; extra += 4) {
                any_order(t, policy_table[k], frames, extra, EXACT);
                if (!(policy_table[k]->needs & POLICY_NEEDS_TOUCHES))
                    any_order(t, policy_table[k], frames, extra, SAMPLED);
            }
        }
        EXPECT(t, policy_table[k]->next == NULL || foretold > 0);
    }
}

/* a, which is wanted latest, cannot go; it is not forgotten when, and goes when it can. */
TEST(policies2_opt_when_the_pool_rejects)
{
    static const char refs[] = "abcdbcdea";
    struct play p;
    play_start(&p, "opt", 3, EXACT, refs);
    struct pool *pool = &p.w.pool;
    for (uint32_t i = 0; i < 3; i++)
        refer(&p, refs[i]);
    struct frame *a = page_frame(&p.w.space, 0);
    EXPECT(t, pool->policy->pick_victim(pool->state) == a);
    pool_requeue(a);
    EXPECT_EQ(t, refer(&p, 'd'), 'c'); /* wanted at 5, b at 4 */
    EXPECT(t, pool->policy->pick_victim(pool->state) == a);
    EXPECT_EQ(t, refer(&p, 'b'), '.');
    EXPECT_EQ(t, refer(&p, 'c'), 'b'); /* never wanted again, a at 8 */
    EXPECT_EQ(t, refer(&p, 'd'), '.');
    EXPECT_EQ(t, refer(&p, 'e'), 'c');
    EXPECT_EQ(t, refer(&p, 'a'), '.');
    play_end(&p);
}

TEST(policies2_opt_needs_an_oracle)
{
    struct world w;
    world_init(&w, "fifo", 8, 8);
    EXPECT_EQ(t, pool_set_policy(&w.pool, policy_find("opt"), 1), VM_INVALID);
    EXPECT(t, w.pool.policy == policy_find("fifo"));
    world_destroy(&w);
}
