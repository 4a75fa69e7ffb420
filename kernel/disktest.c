/* SPDX-License-Identifier: MIT
 * A test of the swap disk itself, whichever it is: several kernel threads write and read runs of blocks at
 * once. Every word says where and when it was written, so that blocks, pages and threads that are mixed up
 * show. */
#include "kernel/proc.h"
#include "lib/blkdev.h"
#include "lib/ktap.h"
#include "mm/buddy.h"
#include "mm/port.h"
#include "mm/swap.h"

enum { THREADS = 4, ROUNDS = 6, WORDS = BLKDEV_PAGE / sizeof(uint32_t) };

/* Run lengths differ, so that short transfers wait for long ones and the other way round. */
static const uint32_t run_length[THREADS] = {1, BLKDEV_MAX_RUN, 5, 17};

struct worker {
    struct proc *thread;
    uint32_t number;
    uint32_t first, count; /* its blocks */
    uint32_t pfns[BLKDEV_MAX_RUN];
    uint32_t transfers, failures, wrong; /* wrong: words */
};

static struct worker workers[THREADS];
static uint32_t asked, answered; /* transfers, by all; a disk serves them in the order in which they came */
static uint32_t out_of_turn;

static uint32_t expected(const struct worker *w, uint32_t round, uint32_t block, uint32_t word)
{
    return (w->number << 28 | round << 24 | block << 12 | word) * 2654435761u;
}

static uint32_t *word_at(const struct worker *w, uint32_t i)
{
    return page_window((pfn_t){w->pfns[i]}, WINDOW_TO);
}

static void fill(const struct worker *w, uint32_t round)
{
    for (uint32_t i = 0; i < w->count; i++) {
        uint32_t *words = word_at(w, i);
        for (uint32_t k = 0; k < WORDS; k++)
            words[k] = expected(w, round, i, k);
    }
}

/* Counts the wrong words, and leaves none right: what is not read next time will show. */
static void check_and_spoil(struct worker *w, uint32_t round, uint32_t from)
{
    for (uint32_t i = 0; i + from < w->count; i++) {
        uint32_t *words = word_at(w, i);
        for (uint32_t k = 0; k < WORDS; k++) {
            w->wrong += words[k] != expected(w, round, i + from, k);
            words[k] = ~words[k];
        }
    }
}

static void transfer(struct worker *w, bool write, uint32_t from)
{
    struct blkdev *disk = swap_disk();
    struct blk_transfer t = {
        .write = write, .block = w->first + from, .count = w->count - from, .pfns = w->pfns};
    uint32_t turn = asked++;
    w->failures += disk->transfer(disk, &t) != 0;
    out_of_turn += turn != answered++;
    w->transfers++;
}

/* Writes its run, then reads it whole, and from its middle on. */
static void work(void *arg)
{
    struct worker *w = arg;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        fill(w, round);
        transfer(w, true, 0);
        check_and_spoil(w, round, 0);
        transfer(w, false, 0);
        check_and_spoil(w, round, 0);
        transfer(w, false, w->count / 2);
        check_and_spoil(w, round, w->count / 2);
    }
    proc_thread_end();
}

/* Slots that adjoin, as many as wanted or as come in a row. => how many */
static uint32_t take_run(uint32_t wanted, uint32_t *first)
{
    slot_t s = swap_alloc(SWAP_NORMAL);
    uint32_t count = slot_valid(s);
    *first = s.n;
    while (count > 0 && count < wanted) {
        s = swap_alloc(SWAP_NORMAL);
        if (slot_valid(s) && s.n != *first + count)
            swap_unref(s);
        if (!slot_valid(s) || s.n != *first + count)
            break;
        count++;
    }
    return count;
}

static void give_back(struct worker *w)
{
    for (uint32_t i = w->count; i-- > 0;) { /* backwards: the free slots are then in the order they had */
        buddy_free(frame_of((pfn_t){w->pfns[i]}));
        swap_unref((slot_t){w->first + i});
    }
}

/* => false when memory is short; then nothing is kept */
static bool prepare(struct worker *w, uint32_t number)
{
    *w = (struct worker){.number = number};
    uint32_t slots = take_run(run_length[number], &w->first);
    for (; w->count < slots; w->count++) {
        struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
        if (f == NULL)
            break;
        w->pfns[w->count] = frame_pfn(f).n;
    }
    while (slots > w->count)
        swap_unref((slot_t){w->first + --slots});
    w->thread = w->count > 0 ? proc_thread("disktest", work, w) : NULL;
    if (w->thread == NULL)
        give_back(w);
    return w->thread != NULL;
}

static void test_disk(struct ktest_run *t)
{
    if (swap_disk() == NULL)
        return;
    uint32_t started = 0;
    asked = answered = out_of_turn = 0;
    while (started < THREADS && prepare(&workers[started], started))
        started++;
    EXPECT(t, started > 0);
    for (uint32_t i = 0; i < started; i++) {
        struct worker *w = &workers[i];
        proc_thread_join(w->thread);
        EXPECT_EQ(t, w->transfers, 3 * ROUNDS);
        EXPECT_EQ(t, w->failures, 0);
        EXPECT_EQ(t, w->wrong, 0);
    }
    EXPECT_EQ(t, out_of_turn, 0);
    while (started > 0)
        give_back(&workers[--started]);
}
KTEST("the swap disk keeps apart what several threads write and read at once", test_disk);
