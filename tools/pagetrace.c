/* SPDX-License-Identifier: MIT
 * Turns what `valgrind --tool=lackey --trace-mem=yes` prints into a page-reference trace of the format of
 * lib/reftrace.h: lackey ... | pagetrace OUT NAME [ENTRIES [LINES]]
 *
 * A reference to one of the NEAR most recently used pages is left out if the page is in the trace twice since
 * a page beyond these was last used. Programs go round a handful of pages millions of times; as long as a
 * policy keeps the NEAR pages used last, no fault lies between, and the accessed bits are the same with and
 * without. Ends after ENTRIES entries or LINES lines, whatever comes first. */
#include "lib/reftrace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR = 8, PAGE_BITS = 12, TABLE_BITS = 20, DEFAULT_ENTRIES = 6000000, DEFAULT_LINES = 120000000 };

static struct page {
    uint64_t number; /* plus one; 0: a free slot */
    uint32_t index;  /* in the order of first reference */
} table[1u << TABLE_BITS];

static struct near {
    uint32_t page, twice; /* twice: how often it is in the trace since the epoch began */
    uint32_t last;        /* its latest entry */
} nearest[NEAR];

static uint32_t *entries, count, limit, unique, joined, known;

static uint32_t index_of(uint64_t number)
{
    uint32_t h = (uint32_t)((number * 0x9e3779b97f4a7c15u) >> (64 - TABLE_BITS));
    while (table[h].number != 0 && table[h].number != number + 1)
        h = (h + 1) & ((1u << TABLE_BITS) - 1);
    if (table[h].number == 0) {
        if (unique == 1u << (TABLE_BITS - 1)) {
            fprintf(stderr, "pagetrace: more than %u pages\n", unique);
            exit(1);
        }
        table[h] = (struct page){number + 1, unique++};
    }
    return table[h].index;
}

static void use(uint64_t number, uint32_t written)
{
    uint32_t page = index_of(number), at = 0;
    joined++;
    while (at < known && nearest[at].page != page)
        at++;
    struct near hit = {.page = page};
    if (at < known) {
        hit = nearest[at];
    } else { /* an epoch begins */
        if (known < NEAR)
            known++;
        at = known - 1;
        for (uint32_t i = 0; i < known; i++)
            nearest[i].twice = 0;
    }
    if (hit.twice > 0 && (hit.twice == 2 || at == 0)) {
        entries[hit.last] |= written;
    } else if (count > 0 && entries[count - 1] >> 1 == page) { /* what lay between was left out */
        entries[count - 1] |= written;
        hit.last = count - 1;
    } else if (count < limit) {
        hit.twice++;
        hit.last = count;
        entries[count++] = page << 1 | written;
    }
    memmove(&nearest[1], &nearest[0], at * sizeof nearest[0]);
    nearest[0] = hit;
}

int main(int argc, char **argv)
{
    static char line[1 << 12];
    if (argc < 3) {
        fprintf(stderr, "usage: pagetrace OUT NAME [ENTRIES [LINES]]\n");
        return 2;
    }
    limit = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : DEFAULT_ENTRIES;
    uint32_t lines = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : DEFAULT_LINES;
    entries = calloc(limit, sizeof entries[0]);
    FILE *out = fopen(argv[1], "wb");
    if (entries == NULL || out == NULL) {
        perror(argv[1]);
        return 1;
    }
    while (count < limit && lines > 0 && fgets(line, sizeof line, stdin) != NULL) {
        /* "I  04001000,3", " L 1ffeffe7e8,8", " S ...", " M ..." */
        if (line[2] != ' ' || (line[0] != 'I' && line[0] != ' '))
            continue;
        lines--;
        char *end;
        uint64_t address = strtoull(line + 3, &end, 16);
        if (*end != ',')
            continue;
        uint64_t bytes = strtoull(end + 1, NULL, 10);
        uint32_t written = line[1] == 'S' || line[1] == 'M';
        for (uint64_t p = address >> PAGE_BITS; p <= (address + bytes - 1) >> PAGE_BITS; p++)
            use(p, written);
    }
    struct reftrace head = {.magic = REFTRACE_MAGIC, .refs = joined, .count = count, .unique = unique};
    snprintf(head.name, sizeof head.name, "%s", argv[2]);
    fwrite(&head, sizeof head, 1, out);
    fwrite(entries, sizeof entries[0], count, out);
    if (fclose(out) != 0) {
        perror(argv[1]);
        return 1;
    }
    printf("%s: %u entries of %u references, %u pages\n", argv[2], count, joined, unique);
    return 0;
}
