/* SPDX-License-Identifier: MIT
 * Lives in a contiguous partition, which the monitor's `contig alloc` gives it: writes a pattern that changes
 * with every pass, and checks each word before it writes the next, until it is told to leave. So it would
 * notice a frame that was moved too late, too early, or without the last of its words. */
#include "lib/tenant.h"
#include "lib/print.h"
#include "user/rt/program.h"
#include "user/rt/sys.h"

const struct program program = {"tenant", {{"bytes", 0, 4096, 1u << 31}, {"seed", 0, 0, UINT32_MAX}}};

static volatile struct tenant_note *const note = (volatile struct tenant_note *)TENANT_NOTE;
static volatile uint32_t *const words = (volatile uint32_t *)TENANT_PARTITION;

/* The word at `i` in the pass `pass`: zero before the first, as the partition comes. */
static uint32_t pattern(uint32_t seed, uint32_t pass, uint32_t i)
{
    return pass == 0 ? 0 : (i * 2654435761u ^ seed) + pass * 40503u;
}

static void check(uint32_t i, uint32_t expected)
{
    if (words[i] == expected)
        return;
    if (note->mismatches++ == 0)
        note->first_bad = i * sizeof words[0];
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned value[MAX_PARAMS];
    if (argc < 2)
        fail("it needs a partition: the monitor's `contig alloc` starts it");
    read_args(argc, argv, value);
    uint32_t count = value[0] / sizeof words[0], seed = value[1];
    for (uint32_t pass = 0; !note->leave; pass++) {
        for (uint32_t page = 0; page < count && !note->leave; page += WORDS_PER_PAGE) {
            const struct tenant_range theirs = {note->theirs.start, note->theirs.end};
            uint32_t start = theirs.start / sizeof words[0];
            uint32_t end = (theirs.end + sizeof words[0] - 1) / sizeof words[0];
            note->acknowledged.start = theirs.start;
            note->acknowledged.end = theirs.end;
            for (uint32_t i = page; i < page + WORDS_PER_PAGE && i < count; i++) {
                if (i >= start && i < end)
                    continue;
                check(i, pattern(seed, pass, i));
                words[i] = pattern(seed, pass + 1, i);
            }
        }
        note->passes++;
    }
    return note->mismatches == 0 ? STATUS_OK : STATUS_FAILED;
}
