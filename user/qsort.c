/* SPDX-License-Identifier: MIT
 * Sorts random 32-bit integers in memory from brk by quicksort: long sequential sweeps from both ends that
 * narrow down to a single page. Checks the order and that no value was lost or doubled. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { MAX_N = 64 << 20, SHORT = 16, MAX_PENDING = 32 };

const struct program program = {"qsort", {{"N", 250 * WORDS_PER_PAGE, 1, MAX_N}}};

/* What a sort must not change. */
struct digest {
    uint32_t sum, xor, mixed;
};

static struct digest digest_of(const uint32_t *v, unsigned n)
{
    struct digest d = {0, 0, 0};
    for (unsigned i = 0; i < n; i++) {
        d.sum += v[i];
        d.xor ^= v[i];
        d.mixed += mix32(v[i]);
    }
    return d;
}

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t t = *a;
    *a = *b;
    *b = t;
}

static void sort_short(uint32_t *v, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        uint32_t x = v[i];
        unsigned j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

/* Hoare's partition around the median of three. => k with 0 < k < n, v[0..k) <= v[k..n) */
static unsigned partition(uint32_t *v, unsigned n)
{
    uint32_t *first = v, *mid = v + n / 2, *last = v + n - 1;
    if (*mid < *first)
        swap(mid, first);
    if (*last < *mid)
        swap(last, mid);
    if (*mid < *first)
        swap(mid, first);
    uint32_t pivot = *mid;
    unsigned i = 0, j = n - 1; /* both ends already are on their side, and stop the scans */
    for (;;) {
        do
            i++;
        while (v[i] < pivot);
        do
            j--;
        while (v[j] > pivot);
        if (i >= j)
            return i;
        swap(&v[i], &v[j]);
    }
}

/* The longer part waits: what is pending at least halves at each step, so 32 places are enough. */
static void sort(uint32_t *v, unsigned n)
{
    struct {
        uint32_t *v;
        unsigned n;
    } pending[MAX_PENDING];
    unsigned depth = 0;
    for (;;) {
        while (n > SHORT) {
            unsigned k = partition(v, n);
            bool left_longer = k > n - k;
            pending[depth].v = left_longer ? v : v + k;
            pending[depth++].n = left_longer ? k : n - k;
            v = left_longer ? v + k : v;
            n = left_longer ? n - k : k;
        }
        sort_short(v, n);
        if (depth == 0)
            return;
        v = pending[--depth].v;
        n = pending[depth].n;
    }
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned n;
    read_args(argc, argv, &n);
    size_t pages = (n + WORDS_PER_PAGE - 1) / WORDS_PER_PAGE;
    uint32_t *v = grow_pages(pages);
    struct random r = {88172645u};
    struct digest before = {0, 0, 0};
    for (unsigned i = 0; i < n; i++) {
        v[i] = random_next(&r);
        before.sum += v[i];
        before.xor ^= v[i];
        before.mixed += mix32(v[i]);
    }
    sort(v, n);
    for (unsigned i = 1; i < n; i++)
        if (v[i - 1] > v[i])
            fail("order at=%u before=%#x after=%#x", i, (unsigned)v[i - 1], (unsigned)v[i]);
    struct digest after = digest_of(v, n);
    if (after.sum != before.sum || after.xor != before.xor || after.mixed != before.mixed)
        fail("values changed sum=%#x/%#x xor=%#x/%#x", (unsigned)before.sum, (unsigned)after.sum,
             (unsigned)before.xor, (unsigned)after.xor);
    return ok("n=%u pages=%zu sum=%#x xor=%#x", n, pages, (unsigned)after.sum, (unsigned)after.xor);
}
