/* SPDX-License-Identifier: MIT
 * Distributions, printed. */
#include "lib/histogram.h"

enum { BAR = 40 };

uint32_t histogram_mean(const struct histogram *h)
{
    return (uint32_t)(h->sum / h->count);
}

void histogram_print_figures(const struct histogram *h, struct printer *out)
{
    print(out, " count=%u", h->count);
    if (h->count > 0)
        print(out, " min=%u mean=%u max=%u", h->min, histogram_mean(h), h->max);
}

/* 2^exponent, in units of 2^10: 512, 1K, 2M. */
static void print_power(char *text, size_t size, uint32_t exponent)
{
    static const char *const units[] = {"", "K", "M", "G"};
    format(text, size, "%u%s", 1u << exponent % 10, units[exponent / 10]);
}

static void print_range(char *text, size_t size, uint32_t bucket)
{
    char low[8], high[8];
    if (bucket < 2) {
        format(text, size, "[%u]", bucket);
        return;
    }
    print_power(low, sizeof low, bucket - 1);
    print_power(high, sizeof high, bucket);
    format(text, size, "[%s, %s)", low, high);
}

static uint32_t bar_length(uint32_t count, uint32_t most)
{
    return (uint32_t)((uint64_t)count * BAR / most);
}

void histogram_print_buckets(const struct histogram *h, struct printer *out)
{
    static const char bar[BAR + 1] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
    uint32_t most = 0;
    if (h->count == 0)
        return;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++)
        most = MAX(most, h->buckets[b]);
    for (uint32_t b = histogram_bucket(h->min); b <= histogram_bucket(h->max); b++) {
        char range[24];
        print_range(range, sizeof range, b);
        print(out, "%-14s %10u |%-*.*s|\n", range, h->buckets[b], BAR, (int)bar_length(h->buckets[b], most),
              bar);
    }
}
