/* SPDX-License-Identifier: MIT
 * Tests of the rules of spin locks, and of the word that keeps preemption away. */
#include "lib/lock.h"
#include "lib/spin.h"
#include "tests/host/test.h"

static struct spin outer = SPIN_INIT("outer", RANK_SWAP), inner = SPIN_INIT("inner", RANK_BUDDY),
                   same_rank = SPIN_INIT("same-rank", RANK_SWAP);

static void take_both(struct spin *first, struct spin *second)
{
    spin_take(first);
    spin_take(second);
}

static void release_first(struct spin *first, struct spin *second)
{
    take_both(first, second);
    spin_release(first);
}

static void take_and_sleep(void)
{
    static struct lock sleeping = {.held = true};
    spin_take(&outer);
    lock_take(&sleeping);
}

TEST(spin_locks_in_order)
{
    for (uint32_t round = 0; round < 3; round++) {
        take_both(&outer, &inner);
        EXPECT_EQ(t, preempt_state, PREEMPT_UNWANTED | 2);
        EXPECT(t, outer.held && inner.held);
        spin_release(&inner);
        EXPECT(t, outer.held && !inner.held);
        spin_release(&outer);
        EXPECT_EQ(t, preempt_state, PREEMPT_UNWANTED);
        spin_check_none("nobody");
    }
    spin_take(&inner); /* one without the other, too */
    spin_release(&inner);
}

TEST(spin_order_is_checked)
{
    EXPECT_PANIC(t, "lock order: outer (rank 20) is taken while inner (rank 70) is held",
                 take_both(&inner, &outer));
    EXPECT_PANIC(t, "lock order: same-rank (rank 20) is taken while outer (rank 20) is held",
                 take_both(&outer, &same_rank));
}

TEST(spin_lock_twice)
{
    EXPECT_PANIC(t, "lock outer is taken twice", take_both(&outer, &outer));
}

TEST(spin_release_is_checked)
{
    EXPECT_PANIC(t, "lock outer is released, but was not the last to be taken", spin_release(&outer));
    EXPECT_PANIC(t, "lock outer is released, but was not the last to be taken",
                 release_first(&outer, &inner));
}

TEST(spin_sleep_is_checked)
{
    EXPECT_PANIC(t, "wait_on sleeps with lock outer held", take_and_sleep());
}

/* The last release, and no other, hands over to preempt_now, which takes the wish back. */
TEST(spin_release_of_the_last_lock_preempts)
{
    take_both(&outer, &inner);
    preempt_state &= ~PREEMPT_UNWANTED;
    spin_release(&inner);
    EXPECT_EQ(t, preempt_state, 1);
    spin_release(&outer);
    EXPECT_EQ(t, preempt_state, PREEMPT_UNWANTED);
}
