/* SPDX-License-Identifier: MIT
 * Multiplies two square matrices of 32-bit integers modulo 2^32 and checks the product by Freivalds' test.
 * Rows start on half pages, so that 294 pages need only 7.5 million multiplications. The loop order i, k, j
 * sweeps the second matrix once per row of the product; j before k would sweep it once per element. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { ROW_UNIT = WORDS_PER_PAGE / 2, MAX_N = 1024, TRIALS = 3 };

const struct program program = {"matmul", {{"N", 196, 1, MAX_N}}};

static unsigned n, pitch; /* words from one row to the next */
static uint32_t vector[MAX_N], middle[MAX_N];

static uint32_t element(unsigned matrix, unsigned i, unsigned j)
{
    return mix32(matrix * MAX_N * MAX_N + i * MAX_N + j);
}

static void fill(uint32_t *m, unsigned matrix)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            m[i * pitch + j] = element(matrix, i, j);
}

/* The test below proves only that the product fits the factors as they now are. */
static void check_factor(const uint32_t *m, unsigned matrix)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            if (m[i * pitch + j] != element(matrix, i, j))
                fail("factor=%u row=%u column=%u expected=%#x found=%#x", matrix, i, j,
                     (unsigned)element(matrix, i, j), (unsigned)m[i * pitch + j]);
}

static void multiply(uint32_t *c, const uint32_t *a, const uint32_t *b)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t *row = c + i * pitch;
        for (unsigned k = 0; k < n; k++) {
            uint32_t factor = a[i * pitch + k];
            const uint32_t *with = b + k * pitch;
            for (unsigned j = 0; j < n; j++)
                row[j] += factor * with[j];
        }
    }
}

static uint32_t row_times(const uint32_t *row, const uint32_t *v)
{
    uint32_t sum = 0;
    for (unsigned j = 0; j < n; j++)
        sum += row[j] * v[j];
    return sum;
}

/* Freivalds: C = A B if C v = A (B v) for random v. One trial misses a wrong word with probability at most
 * one half, and wrong pages hardly ever. */
static void check_product(const uint32_t *c, const uint32_t *a, const uint32_t *b, struct random *r)
{
    for (unsigned j = 0; j < n; j++)
        vector[j] = random_next(r);
    for (unsigned i = 0; i < n; i++)
        middle[i] = row_times(b + i * pitch, vector);
    for (unsigned i = 0; i < n; i++) {
        uint32_t expected = row_times(a + i * pitch, middle), found = row_times(c + i * pitch, vector);
        if (found != expected)
            fail("product row=%u expected=%#x found=%#x", i, (unsigned)expected, (unsigned)found);
    }
}

int main(int argc, char **argv, char **envp UNUSED)
{
    read_args(argc, argv, &n);
    pitch = ALIGN_UP(n, (unsigned)ROW_UNIT);
    size_t pages = (n * pitch * 4 + PAGE_SIZE - 1) / PAGE_SIZE;
    uint32_t *a = map_pages(pages), *b = map_pages(pages), *c = map_pages(pages);
    fill(a, 0);
    fill(b, 1);
    multiply(c, a, b);
    check_factor(a, 0);
    check_factor(b, 1);
    struct random r = {2463534242u};
    for (int i = 0; i < TRIALS; i++)
        check_product(c, a, b, &r);
    uint32_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            sum = (sum << 1 | sum >> 31) ^ c[i * pitch + j];
    return ok("n=%u pages=%zu checksum=%#x", n, 3 * pages, (unsigned)sum);
}
