/* SPDX-License-Identifier: MIT
 * What the hammer does to allocators of numbers: it keeps a map of who has which. Here are swap slots, and
 * two lists of the hammer's own: one with a lock, and one without, which shows that the hammer notices. */
#include "kernel/hammer.h"
#include "lib/spin.h"
#include "mm/slab.h"
#include "mm/swap.h"

bool hammer_map_open(struct hammer_map *m, uintptr_t count)
{
    m->owner = kzalloc(count);
    m->count = m->owner != NULL ? count : 0;
    return m->owner != NULL;
}

void hammer_map_close(struct hammer_map *m)
{
    kfree(m->owner);
    m->owner = NULL;
}

/* `from` owned all of it, and now `to` does. */
void hammer_map_exchange(struct hammer_map *m, struct hammer_hold *h, uint8_t from, uint8_t to)
{
    for (uintptr_t i = h->first; i < h->first + h->count; i++) {
        if (i >= m->count)
            h->wrong = "it lies outside";
        else if (__atomic_exchange_n(&m->owner[i], to, __ATOMIC_RELAXED) != from)
            h->wrong = "somebody else has it, too";
    }
}

void hammer_map_claim(struct hammer_map *m, struct hammer_hold *h)
{
    hammer_map_exchange(m, h, 0, h->owner);
}

void hammer_map_verify(struct hammer_map *m, struct hammer_hold *h)
{
    hammer_map_exchange(m, h, h->owner, h->owner);
}

void hammer_map_leave(struct hammer_map *m, struct hammer_hold *h)
{
    hammer_map_exchange(m, h, h->owner, 0);
}

/* ---- swap slots ---- */

enum { SWAP_LEFT_PART = 4 }; /* of the disk: left for others */

static struct hammer_map slots;

static bool swap_open(uint32_t seed UNUSED, struct printer *out)
{
    if (hammer_map_open(&slots, swap_total() + 1))
        return true;
    print(out, "hammer: no memory for a map of the slots\n");
    return false;
}

static bool swap_close(struct printer *out UNUSED)
{
    hammer_map_close(&slots);
    return true;
}

static bool swap_take(struct hammer_hold *h, uint32_t *rng UNUSED)
{
    if (swap_free() <= swap_total() / SWAP_LEFT_PART)
        return false;
    slot_t s = swap_alloc(SWAP_NORMAL);
    if (!slot_valid(s))
        return false;
    h->first = s.n;
    h->count = 1;
    hammer_map_claim(&slots, h);
    return true;
}

static void swap_verify_slot(struct hammer_hold *h)
{
    hammer_map_verify(&slots, h);
    if (swap_refs((slot_t){h->first}) != 1)
        h->wrong = "its count of references is not 1";
}

static void swap_give(struct hammer_hold *h)
{
    hammer_map_leave(&slots, h);
    swap_unref((slot_t){h->first});
}

const struct hammer_kind hammer_swap = {.name = "swap",
                                        .open = swap_open,
                                        .close = swap_close,
                                        .take = swap_take,
                                        .verify = swap_verify_slot,
                                        .give = swap_give,
                                        .check = swap_check};

/* ---- a stack of numbers, with a lock and without ---- */

enum { NUMBERS = 64 };

static struct spin numbers_lock = SPIN_INIT("hammer", RANK_TEST);
static struct hammer_map numbers;
static uint8_t stack[NUMBERS];
static volatile uint32_t height; /* in memory all the time, as if it were far away */

static bool list_open(uint32_t seed UNUSED, struct printer *out)
{
    if (numbers.owner != NULL) {
        print(out, "hammer: list and unlocked are the same list: expected one of them\n");
        return false;
    }
    for (height = 0; height < NUMBERS; height++)
        stack[height] = (uint8_t)height;
    if (hammer_map_open(&numbers, NUMBERS))
        return true;
    print(out, "hammer: no memory for a map of the numbers\n");
    return false;
}

static bool list_close(struct printer *out)
{
    hammer_map_close(&numbers);
    if (height == NUMBERS)
        return true;
    print(out, "hammer: the list has %u numbers, expected %u\n", height, NUMBERS);
    return false;
}

static bool unlocked_take(struct hammer_hold *h, uint32_t *rng UNUSED)
{
    if (height == 0)
        return false;
    height--;
    h->first = stack[height % NUMBERS];
    h->count = 1;
    hammer_map_claim(&numbers, h);
    return true;
}

static void unlocked_give(struct hammer_hold *h)
{
    hammer_map_leave(&numbers, h);
    stack[height % NUMBERS] = (uint8_t)h->first;
    height++;
}

static bool list_take(struct hammer_hold *h, uint32_t *rng)
{
    spin_take(&numbers_lock);
    bool taken = unlocked_take(h, rng);
    spin_release(&numbers_lock);
    return taken;
}

static void list_give(struct hammer_hold *h)
{
    spin_take(&numbers_lock);
    unlocked_give(h);
    spin_release(&numbers_lock);
}

static void list_verify(struct hammer_hold *h)
{
    hammer_map_verify(&numbers, h);
}

const struct hammer_kind hammer_list = {.name = "list",
                                        .open = list_open,
                                        .close = list_close,
                                        .take = list_take,
                                        .verify = list_verify,
                                        .give = list_give};

const struct hammer_kind hammer_unlocked = {.name = "unlocked",
                                            .only_if_named = true,
                                            .open = list_open,
                                            .close = list_close,
                                            .take = unlocked_take,
                                            .verify = list_verify,
                                            .give = unlocked_give};
