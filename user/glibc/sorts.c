/* SPDX-License-Identifier: MIT
 * An ordinary C program for an ordinary C library: sorts numbers, strings, records and a list in several
 * ways and compares the results. It is compiled and linked by the distribution's own tools and knows
 * nothing of Faultline. Uses no files and no time and prints no address, so that its output never varies. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_N 40000
#define MAX_N     4000000
#define WORDS     6000
#define INSERTED  1500

static uint32_t state = 20240229;
static int failures;

static uint32_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void check(int good, const char *what)
{
    printf("  %-34s %s\n", what, good ? "yes" : "NO");
    failures += !good;
}

static void *must_malloc(size_t size)
{
    void *p = malloc(size);
    if (p == NULL) {
        printf("sorts: FAILED malloc(%zu)\n", size);
        exit(1);
    }
    return p;
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void merge_sort(int *v, int *spare, size_t n)
{
    if (n < 2)
        return;
    size_t half = n / 2, i = 0, j = half, k = 0;
    merge_sort(v, spare, half);
    merge_sort(v + half, spare, n - half);
    memcpy(spare, v, half * sizeof *v);
    while (i < half && j < n)
        v[k++] = v[j] < spare[i] ? v[j++] : spare[i++];
    memcpy(v + k, spare + i, (half - i) * sizeof *v);
}

static void sift_down(int *v, size_t at, size_t n)
{
    int x = v[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && v[child + 1] > v[child])
            child++;
        if (v[child] <= x)
            break;
        v[at] = v[child];
    }
    v[at] = x;
}

static void heap_sort(int *v, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(v, i, n);
    while (n > 1) {
        int top = v[0];
        v[0] = v[--n];
        v[n] = top;
        sift_down(v, 0, n);
    }
}

static void sort_numbers(size_t n)
{
    size_t bytes = n * sizeof(int);
    int *original = must_malloc(bytes), *quick = must_malloc(bytes);
    int *merged = must_malloc(bytes), *heaped = must_malloc(bytes), *spare = must_malloc(bytes);
    for (size_t i = 0; i < n; i++)
        original[i] = (int)(next_random() % 2000001) - 1000000;
    memcpy(quick, original, bytes);
    memcpy(merged, original, bytes);
    memcpy(heaped, original, bytes);
    qsort(quick, n, sizeof *quick, compare_ints);
    merge_sort(merged, spare, n);
    heap_sort(heaped, n);
    printf("numbers: %zu, smallest %d, median %d, largest %d\n", n, quick[0], quick[n / 2], quick[n - 1]);
    int ordered = 1, found = 1;
    for (size_t i = 1; i < n; i++)
        ordered &= quick[i - 1] <= quick[i];
    for (size_t i = 0; i < n; i += 7)
        found &= bsearch(&original[i], quick, n, sizeof *quick, compare_ints) != NULL;
    check(ordered, "qsort is in order");
    check(memcmp(quick, merged, bytes) == 0, "merge sort agrees");
    check(memcmp(quick, heaped, bytes) == 0, "heap sort agrees");
    check(found, "bsearch finds every seventh");
    long long sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += quick[i] - (long long)original[i];
    check(sum == 0, "sum is unchanged");
    free(original);
    free(quick);
    free(merged);
    free(heaped);
    free(spare);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_words(void)
{
    static const char *const syllables[] = {"ka", "lo", "mi", "nu", "pe", "ra", "so", "ti", "vu", "zed"};
    char **words = must_malloc(WORDS * sizeof *words), text[64];
    size_t letters = 0, twins = 0;
    for (size_t i = 0; i < WORDS; i++) {
        text[0] = '\0';
        for (unsigned j = 2 + next_random() % 3; j > 0; j--)
            strcat(text, syllables[next_random() % 10]);
        text[0] = (char)toupper((unsigned char)text[0]);
        letters += strlen(text);
        words[i] = must_malloc(strlen(text) + 1);
        strcpy(words[i], text);
    }
    qsort(words, WORDS, sizeof *words, compare_strings);
    for (size_t i = 1; i < WORDS; i++)
        twins += strcmp(words[i - 1], words[i]) == 0;
    printf("words: %d, first %s, last %s\n", WORDS, words[0], words[WORDS - 1]);
    printf("  letters %zu, repeated %zu, mean length %.3f\n", letters, twins, (double)letters / WORDS);
    for (size_t i = 0; i < WORDS; i++)
        free(words[i]);
    free(words);
}

struct city {
    char name[24];
    double x, y, distance;
};

static int compare_cities(const void *a, const void *b)
{
    double x = ((const struct city *)a)->distance, y = ((const struct city *)b)->distance;
    return (x > y) - (x < y);
}

/* Newton's method, so that the mathematics library is not needed. */
static double square_root(double x)
{
    double r = x > 1 ? x : 1;
    for (int i = 0; i < 60; i++)
        r = (r + x / r) / 2;
    return r;
}

static void sort_cities(size_t n)
{
    struct city *c = must_malloc(n * sizeof *c);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(c[i].name, sizeof c[i].name, "city-%05zu", i);
        c[i].x = (double)(next_random() % 100000) / 100;
        c[i].y = (double)(next_random() % 100000) / 100;
        c[i].distance = square_root(c[i].x * c[i].x + c[i].y * c[i].y);
        sum += c[i].distance;
        squares += c[i].distance * c[i].distance;
    }
    qsort(c, n, sizeof *c, compare_cities);
    double mean = sum / (double)n;
    printf("cities: %zu, mean distance %.4f, deviation %.4f\n", n, mean,
           square_root(squares / (double)n - mean * mean));
    printf("  nearest %-12s at (%8.2f, %8.2f) = %9.4f\n", c[0].name, c[0].x, c[0].y, c[0].distance);
    printf("  farthest %-11s at (%8.2f, %8.2f) = %9.4f\n", c[n - 1].name, c[n - 1].x, c[n - 1].y,
           c[n - 1].distance);
    int ordered = 1;
    for (size_t i = 1; i < n; i++)
        ordered &= c[i - 1].distance <= c[i].distance;
    check(ordered, "cities are in order");
    free(c);
}

/* Insertion with memmove, in a block that realloc makes grow and move. */
static void sort_by_insertion(void)
{
    int *v = NULL;
    size_t n = 0, room = 0;
    long long weighted = 0;
    while (n < INSERTED) {
        if (n == room) {
            room = room ? room * 2 : 4;
            v = realloc(v, room * sizeof *v);
            if (v == NULL) {
                printf("sorts: FAILED realloc\n");
                exit(1);
            }
        }
        int x = (int)(next_random() % 10000);
        size_t low = 0, high = n;
        while (low < high) {
            size_t mid = (low + high) / 2;
            if (v[mid] <= x)
                low = mid + 1;
            else
                high = mid;
        }
        memmove(v + low + 1, v + low, (n++ - low) * sizeof *v);
        v[low] = x;
    }
    int ordered = 1;
    for (size_t i = 0; i < n; i++) {
        ordered &= i == 0 || v[i - 1] <= v[i];
        weighted += (long long)i * v[i];
    }
    printf("inserted: %zu, weighted sum %lld\n", n, weighted);
    check(ordered, "inserted are in order");
    free(v);
}

int main(int argc, char **argv)
{
    long n = DEFAULT_N;
    char *end = NULL;
    if (argc > 1)
        n = strtol(argv[1], &end, 10);
    if (argc > 2 || (end != NULL && (end == argv[1] || *end != '\0')) || n < 100 || n > MAX_N) {
        fprintf(stderr, "usage: sorts [N: 100..%d, default %d]\n", MAX_N, DEFAULT_N);
        return 2;
    }
    sort_numbers((size_t)n);
    sort_words();
    sort_cities((size_t)n / 10);
    sort_by_insertion();
    if (failures > 0) {
        printf("sorts: FAILED checks=%d\n", failures);
        return 1;
    }
    printf("sorts: ok n=%ld state=%#x\n", n, (unsigned)state);
    return 0;
}
