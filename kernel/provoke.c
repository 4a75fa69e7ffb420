/* SPDX-License-Identifier: MIT
 * Breaking the kernel on purpose, so that its last words can be tested and studied. */
#include "arch/x86/io.h"
#include "kernel/gauge.h"
#include "kernel/monitor.h"
#include "kernel/panic.h"
#include "kernel/proc.h"
#include "lib/command.h"
#include "lib/spin.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "mm/swap.h"
#include "mm/types.h"

extern char __text_start[];

/* Takes stack until the guard page stops it. */
static NOINLINE void overflow_stack(void)
{
    for (;;)
        __asm__ volatile("push $0");
}

static NOINLINE void write_to(void *address)
{
    *(volatile char *)address = 0;
}

/* ---- policies that are wrong, on top of the one in use ---- */

static const struct policy *right;
static struct policy wrong;

static struct frame *pick_none(void *state UNUSED)
{
    return NULL;
}

static struct frame *pick_foreign(void *state UNUSED)
{
    return &frame_table[0]; /* the BIOS's */
}

static struct frame *pick_nonsense(void *state)
{
    return (struct frame *)((uintptr_t)right->pick_victim(state) + 1);
}

/* Right the first time; then the same again, although it has left. */
static struct frame *pick_twice(void *state)
{
    static struct frame *first;
    if (first == NULL)
        first = right->pick_victim(state);
    return first;
}

static const struct {
    const char *name;
    struct frame *(*pick)(void *state);
} wrong_picks[] = {{"policy-none", pick_none},
                   {"policy-foreign", pick_foreign},
                   {"policy-nonsense", pick_nonsense},
                   {"policy-twice", pick_twice}};

/* => false if there is no wrong policy of this name */
static bool set_wrong_policy(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(wrong_picks); i++) {
        if (strcmp(name, wrong_picks[i].name) != 0)
            continue;
        right = main_pool.policy;
        wrong = *right;
        wrong.name = "wrong";
        wrong.pick_victim = wrong_picks[i].pick;
        main_pool.policy = &wrong;
        return true;
    }
    return false;
}

/* ---- locks; only a kernel that checks them notices ---- */

#ifdef LOCK_CHECK
enum { LOCKS_CHECKED = true };
#else
enum { LOCKS_CHECKED = false };
#endif

static void break_lock_order(void)
{
    static struct spin first = SPIN_INIT("provoke-first", RANK_SWAP),
                       second = SPIN_INIT("provoke-second", RANK_BUDDY);
    spin_take(&second);
    spin_take(&first);
}

static void sleep_with_lock(void)
{
    static struct spin lock = SPIN_INIT("provoke", RANK_SWAP);
    spin_take(&lock);
    proc_sleep_on(&lock, 0);
}

/* => 1: the kernel lives */
static int misuse_locks(void (*misuse)(void), struct printer *out)
{
    if (LOCKS_CHECKED)
        misuse();
    else
        print(out, "provoke: this kernel does not check its locks; expected one built with LOCK_CHECK=1\n");
    return 1;
}

/* ---- objects of the heap; what slabdebug= is for ---- */

enum { OBJECT = 20 };

/* Both do something after the call, so that it is no jump, and they are named in the reports. */
static NOINLINE char *take_object(void)
{
    char *object = kmalloc(OBJECT);
    if (object == NULL)
        panic("provoke: no memory");
    *object = 'o';
    return object;
}

static NOINLINE void give_object(char *object)
{
    kfree(object);
    __asm__ volatile("");
}

static void write_behind(char *object)
{
    object[OBJECT] = 'x';
    give_object(object);
}

static void write_before(char *object)
{
    object[-1] = 'x';
    give_object(object);
}

static void write_late(char *object)
{
    give_object(object);
    object[OBJECT - 1] = 'x';
    give_object(take_object()); /* the same again */
}

static void free_twice(char *object)
{
    give_object(object);
    give_object(object);
}

static void free_inside(char *object)
{
    give_object(object + sizeof(uint64_t));
}

static const struct {
    const char *name;
    void (*misuse)(char *object);
} heap_misuses[] = {{"slab-overflow", write_behind},
                    {"slab-underflow", write_before},
                    {"slab-use-after-free", write_late},
                    {"slab-double-free", free_twice},
                    {"slab-interior-free", free_inside}};

/* => false if there is nothing of this name */
static bool misuse_heap(const char *name, struct printer *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(heap_misuses); i++) {
        if (strcmp(name, heap_misuses[i].name) != 0)
            continue;
        heap_misuses[i].misuse(take_object());
        print(out, "provoke: %s went unnoticed: expected slabdebug=%s\n", name,
              slab_debug() == 0 ? "1 or 2" : "2");
        return true;
    }
    return false;
}

static int run(int argc, char **argv, struct printer *out)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "panic") == 0) {
        panic("provoked: 2 + 2 is %d, expected 5", 4);
    } else if (strcmp(what, "null") == 0) {
        volatile uintptr_t zero = 0;
        write_to((void *)zero);
    } else if (strcmp(what, "write-text") == 0) {
        write_to(__text_start);
    } else if (strcmp(what, "undefined") == 0) {
        __asm__ volatile("ud2");
    } else if (strcmp(what, "stack") == 0) {
        overflow_stack();
    } else if (strcmp(what, "double-fault") == 0) {
        /* a page fault that cannot be pushed: the stack pointer leads nowhere */
        __asm__ volatile("mov $0x1000, %esp; push %eax");
    } else if (strcmp(what, "double-free") == 0) {
        struct frame *f = buddy_alloc(0, ALLOC_KERNEL);
        if (f != NULL) {
            buddy_free(f);
            buddy_free(f);
        }
    } else if (strcmp(what, "hang") == 0) {
        for (;;)
            cpu_relax();
    } else if (strcmp(what, "lock-order") == 0) {
        return misuse_locks(break_lock_order, out);
    } else if (strcmp(what, "lock-sleep") == 0) {
        return misuse_locks(sleep_with_lock, out);
    } else if (strcmp(what, "use-after-evict") == 0) {
        if (gauge_start())
            return 0; /* until a page that was evicted is read back */
        print(out, "provoke: use-after-evict needs swap=ramdisk, not swap=%s\n",
              swap_disk() != NULL ? swap_disk()->name : "none");
        return 1;
    } else if (set_wrong_policy(what)) {
        return 0; /* until the next eviction */
    } else if (misuse_heap(what, out)) {
        return 1;
    }
    print(
        out,
        "provoke: expected panic, null, write-text, undefined, stack, double-fault, double-free, hang, locks "
        "misused: lock-order, lock-sleep, an object misused: slab-overflow, slab-underflow, "
        "slab-use-after-free, "
        "slab-double-free, slab-interior-free, a page misused: use-after-evict, or a wrong policy: "
        "policy-none, policy-foreign, "
        "policy-nonsense, "
        "policy-twice\n");
    return 1;
}

COMMAND(provoke, "WHAT", "break the kernel on purpose, to see its last words", run);
