/* SPDX-License-Identifier: MIT
 * Tenants of contiguous partitions. */
#include "kernel/tenant.h"
#include "drivers/clock.h"
#include "kernel/allot.h"
#include "kernel/monitor.h"
#include "kernel/signal.h"
#include "lib/string.h"
#include "mm/slab.h"

enum { ARGUMENT = 12, POLL_US = 500, PATIENCE_US = 1000000 };

struct tenant {
    struct list_node link;
    char name[PARTITION_NAME];
    uint32_t pid;
    struct object *note; /* a reference */
};

static struct list_node tenants = {&tenants, &tenants};
static struct slab_cache cache = SLAB_CACHE_INIT(cache, "tenant", sizeof(struct tenant));

static void forget(struct tenant *t)
{
    list_remove(&t->link);
    object_unref(t->note);
    slab_free(&cache, t);
}

static struct proc *process_of(const struct tenant *t)
{
    struct proc *p = proc_find(t->pid);
    return p != NULL && p->space != NULL ? p : NULL;
}

/* Those whose process has ended, killed perhaps, are forgotten on the way. */
static struct tenant *find(const char *name)
{
    struct tenant *found = NULL;
    list_for_each_safe (n, &tenants) {
        struct tenant *t = container_of(n, struct tenant, link);
        if (process_of(t) == NULL)
            forget(t);
        else if (strcmp(t->name, name) == 0)
            found = t;
    }
    return found;
}

static struct proc *spawn(const char *name, uint32_t bytes, struct printer *out)
{
    char program[] = "tenant", size[ARGUMENT], seed[ARGUMENT];
    uint32_t hash = 1;
    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    format(size, sizeof size, "%u", bytes);
    format(seed, sizeof seed, "%u", hash);
    char *argv[] = {program, size, seed};
    const struct file *file = initrd_program(program);
    if (file == NULL) {
        print(out, "contig: the initrd has no program tenant\n");
        return NULL;
    }
    struct pool *pool = allot_new_pool();
    if (pool == NULL) {
        print(out, "contig: no memory for a pool\n");
        return NULL;
    }
    return proc_spawn(file, ARRAY_SIZE(argv), argv, pool, 0, out);
}

static enum vm_result map(struct space *s, vaddr_t at, struct object *o, uint32_t pages, const char *name)
{
    const struct region r = {
        .start = at,
        .end = at + pages * PAGE_SIZE,
        .prot = VM_READ | VM_WRITE,
        .flags = REGION_SHARED | REGION_DONTFORK,
        .name = name,
        .object = o,
    };
    return space_map(s, &r);
}

bool tenant_start(const char *name, struct object *o, uint32_t bytes, struct printer *out)
{
    struct tenant *t = slab_alloc(&cache);
    struct object *note = object_create("note", PAGE_SIZE);
    struct proc *p = t != NULL && note != NULL ? spawn(name, bytes, out) : NULL;
    bool mapped = false;
    if (p != NULL) {
        p->unwanted = p->background = true;
        /* nothing has run of it yet: when it does, it finds both in place */
        mapped = map(p->space, TENANT_PARTITION, o, object_pages(o), "contig") == VM_OK;
        if (mapped && map(p->space, TENANT_NOTE, note, 1, "note") == VM_OK) {
            object_ref(note);
            *t = (struct tenant){.pid = p->result.pid, .note = note};
            format(t->name, sizeof t->name, "%s", name);
            list_push_back(&tenants, &t->link);
            return true;
        }
        proc_kill(p, SIGKILL, "its partition could not be mapped");
    }
    print(out, "contig: no memory for the program that would use %s\n", name);
    if (!mapped)
        object_unref(o);
    if (note != NULL)
        object_unref(note);
    if (t != NULL)
        slab_free(&cache, t);
    return false;
}

static bool read_note(const struct tenant *t, struct tenant_note *note)
{
    return object_read(t->note, &main_pool, 0, note, sizeof *note) == VM_OK;
}

bool tenant_note(const char *name, struct tenant_note *note, uint32_t *pid)
{
    struct tenant *t = find(name);
    if (t == NULL)
        return false;
    *pid = t->pid;
    return read_note(t, note);
}

bool tenant_give_way(const char *name, struct tenant_range range)
{
    uint64_t until = clock_micros() + PATIENCE_US;
    struct tenant *t = find(name);
    if (t == NULL || object_write(t->note, &main_pool, 0, &range, sizeof range) != VM_OK)
        return false;
    while ((t = find(name)) != NULL && clock_micros() < until) {
        struct tenant_note note;
        if (read_note(t, &note) && note.acknowledged.start == range.start &&
            note.acknowledged.end == range.end)
            return true;
        proc_sleep_on(t, clock_micros() + POLL_US);
    }
    return false;
}

bool tenant_end(const char *name, struct tenant_note *last)
{
    struct tenant *t = find(name);
    if (t == NULL)
        return false;
    struct object *note = t->note;
    uint32_t pid = t->pid;
    const uint32_t leave = 1;
    uint64_t until = clock_micros() + PATIENCE_US;
    object_ref(note);
    if (object_write(note, &main_pool, offsetof(struct tenant_note, leave), &leave, sizeof leave) != VM_OK)
        until = 0;
    while (proc_find(pid) != NULL) {
        if (clock_micros() >= until)
            proc_kill(proc_find(pid), SIGKILL, "it does not leave its partition");
        proc_sleep_on(&proc_ended, clock_micros() + POLL_US);
    }
    find(name); /* forgets it */
    bool known = object_read(note, &main_pool, 0, last, sizeof *last) == VM_OK;
    object_unref(note);
    return known;
}
