/* SPDX-License-Identifier: MIT
 * Joins two tables by hashing: builds chains over R, then probes them with S in one sequential pass of
 * which every step jumps somewhere in R. Checks the matches against what the generators imply. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { MAX_N = 4 << 20, NO_ROW = 0 }; /* chains hold row numbers plus one */

const struct program program = {"hashjoin", {{"N", 32768, 2, MAX_N}}};

struct row {
    uint32_t key, payload;
};

struct result {
    unsigned count;
    uint32_t sum;
};

/* Every key of R is in rows k and k + keys, if there are that many rows. Half of S finds no partner. */
static unsigned r_rows, s_rows, keys, shift;
static size_t pages;

static uint32_t payload_r(unsigned row)
{
    return mix32(row + 1);
}

static uint32_t payload_s(unsigned row)
{
    return mix32(~row);
}

/* A table's keys are spread over all 32 bits. */
static uint32_t key_of(unsigned k)
{
    return mix32(k ^ 0x5bd1e995u);
}

static uint32_t bucket_of(uint32_t key)
{
    return key * 0x9e3779b1u >> shift;
}

static void *table(size_t bytes)
{
    size_t n = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    pages += n;
    return map_pages(n);
}

static void build(const struct row *r, uint32_t *heads, uint32_t *next)
{
    for (unsigned i = 0; i < r_rows; i++) {
        uint32_t *head = &heads[bucket_of(r[i].key)];
        next[i] = *head;
        *head = i + 1;
    }
}

static struct result probe(const struct row *s, const struct row *r, const uint32_t *heads,
                           const uint32_t *next)
{
    struct result found = {0, 0};
    for (unsigned i = 0; i < s_rows; i++)
        for (uint32_t at = heads[bucket_of(s[i].key)]; at != NO_ROW; at = next[at - 1]) {
            if (at > r_rows)
                fail("chain row=%u", (unsigned)at);
            if (r[at - 1].key == s[i].key) {
                found.count++;
                found.sum += r[at - 1].payload ^ s[i].payload;
            }
        }
    return found;
}

/* The same join without any table: the generator of S run once more. */
static struct result expect(struct random seed)
{
    struct result e = {0, 0};
    for (unsigned i = 0; i < s_rows; i++)
        for (unsigned at = random_below(&seed, 2 * keys), copy = 0; at < r_rows && copy < 2; at += keys) {
            if (copy++ == 0 && at >= keys)
                break; /* a key that R does not have */
            e.count++;
            e.sum += payload_r(at) ^ payload_s(i);
        }
    return e;
}

int main(int argc, char **argv, char **envp UNUSED)
{
    read_args(argc, argv, &r_rows);
    s_rows = 2 * r_rows;
    keys = (r_rows + 1) / 2;
    for (shift = 31; 1u << (32 - shift) < r_rows; shift--)
        ;
    struct row *r = table(r_rows * sizeof *r), *s = table(s_rows * sizeof *s);
    uint32_t *heads = table(sizeof *heads << (32 - shift)), *next = table(r_rows * sizeof *next);
    const struct random seed = {362436069u};
    struct random g = seed;
    for (unsigned i = 0; i < r_rows; i++)
        r[i] = (struct row){key_of(i % keys), payload_r(i)};
    for (unsigned i = 0; i < s_rows; i++)
        s[i] = (struct row){key_of(random_below(&g, 2 * keys)), payload_s(i)};
    build(r, heads, next);
    struct result found = probe(s, r, heads, next), expected = expect(seed);
    if (found.count != expected.count || found.sum != expected.sum)
        fail("count=%u expected=%u sum=%#x expected=%#x", found.count, expected.count, (unsigned)found.sum,
             (unsigned)expected.sum);
    return ok("n=%u pages=%zu matches=%u sum=%#x", r_rows, pages, found.count, (unsigned)found.sum);
}
