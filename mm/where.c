/* SPDX-License-Identifier: MIT
 * mm-level: 8.5
 * Everything about one frame, and about one slot: the frame and slot commands. */
#include "lib/command.h"
#include "lib/string.h"
#include "mm/dump.h"
#include "mm/rmap.h"
#include "mm/slab.h"
#include "mm/stats.h"

/* ---- frame ---- */

/* The first mapping of f, which may lie in a block; further ones hang off it. */
static struct rmap_node first_mapping(struct frame *f)
{
    struct frame *head = frame_head(f);
    return (struct rmap_node){f->order == 0 ? f->more : NULL, head->pmap,
                              head->va + (uint32_t)(f - head) * PAGE_SIZE};
}

void dump_frame_words(struct frame *f, struct printer *out)
{
    if (f == zero_frame) {
        print(out, "the page of zeros, shared by all who only read\n");
        return;
    }
    struct rmap_node m = first_mapping(f);
    if (f->kind != FRAME_USER || m.pmap == NULL) {
        print(out, "no page of a process\n");
        return;
    }
    uint32_t more = rmap_count(f) - 1;
    print(out, "page 0x%08x of pid %u", m.va, m.pmap->tag);
    if (more > 0 && f->order == 0)
        print(out, " and %u more mapping%s", more, more > 1 ? "s" : "");
    if (f->object != NULL)
        print(out, ", page %u of object %s", f->index, f->object->name);
    if (slot_valid(f->slot))
        print(out, ", a copy in slot %u\n", f->slot.n);
    else
        print(out, ", no copy on the swap disk\n");
}

static void print_flags(const struct frame *f, struct printer *out)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } names[] = {
        {FRAME_BUSY, "busy"},           {FRAME_HEAD, "head"},     {FRAME_DIRTY, "dirty"},
        {FRAME_QUEUED, "queued"},       {FRAME_WANTED, "wanted"}, {FRAME_STUCK, "stuck"},
        {FRAME_READAHEAD, "readahead"}, {FRAME_MERGED, "merged"},
    };
    print(out, "  flags    ");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (f->flags & names[i].flag)
            print(out, " %s", names[i].name);
    print(out, "%s\n", f->flags == 0 ? " none" : "");
}

static void print_mappings(struct frame *f, struct printer *out)
{
    struct rmap_node first = first_mapping(f);
    if (first.pmap == NULL)
        print(out, "  mapped    nowhere\n");
    for (const struct rmap_node *m = &first; m != NULL && m->pmap != NULL; m = m->next) {
        struct pte pte = pmap_lookup(m->pmap, m->va);
        print(out, "  mapped    pid %u va 0x%08x %s%s%s\n", m->pmap->tag, m->va,
              pte.writable ? "writable" : "read-only", pte.accessed ? " accessed" : "",
              pte.dirty ? " dirty" : "");
    }
}

static void print_user(struct frame *f, struct printer *out)
{
    struct frame *head = frame_head(f);
    uint32_t in = head->since + 1, ago = vmstat.pgfault > in ? vmstat.pgfault - in : 0;
    if (head->pool != NULL)
        print(out, "user page in pool %s under %s\n", head->pool->name, head->pool->policy->name);
    else
        print(out, "user page in no pool\n");
    print_mappings(f, out);
    if (slot_valid(f->slot))
        print(out, "  slot      %u, a copy of the content\n", f->slot.n);
    else
        print(out, "  slot      none: no copy on the swap disk\n");
    if (f->object != NULL)
        print(out, "  object    %s %u, page %u\n", f->object->name, f->object->number, f->index);
    print(out, "  wired     %u locked mapping%s\n", f->wired, f->wired == 1 ? "" : "s");
    if (head->flags & FRAME_QUEUED)
        print(out, "  policy    flag=%u word=%u\n", head->policy_flag, head->policy_word);
    print(out, "  since     fault %u, %u fault%s ago\n", in, ago, ago == 1 ? "" : "s");
}

/* A free block is known to its first frame only. */
static void print_free(struct frame *f, struct printer *out)
{
    uint32_t n = frame_pfn(f).n;
    for (unsigned order = 0; order <= PMAP_LARGE_ORDER; order++) {
        const struct frame *head = &frame_table[n & ~((1u << order) - 1)];
        if (head->kind == FRAME_FREE && (head->flags & FRAME_HEAD) && head->order == order) {
            print(out, "free, in a block of %u frame%s from %#x on\n", 1u << order, order > 0 ? "s" : "",
                  frame_pfn(head).n);
            return;
        }
    }
    print(out, "free, in the cache of single frames\n");
}

static void print_kernel(struct frame *f, struct printer *out)
{
    print(out, "kernel, never evicted: ");
    list_for_each (n, &all_spaces) {
        const struct space *s = container_of(n, struct space, link);
        if (s->pmap.root_pa == pfn_base(frame_pfn(f))) {
            print(out, "page directory of pid %u\n", s->pmap.tag);
            return;
        }
    }
    if (f == zero_frame)
        print(out, "the page of zeros, shared by all who only read\n");
    else
        print(out, slab_describe_frame(f, out) ? "\n" : "a page table, a stack, or part of a large block\n");
}

static void print_frame(struct frame *f, struct printer *out)
{
    print(out, "frame %#x at 0x%08x: ", frame_pfn(f).n, pfn_base(frame_pfn(f)));
    switch ((enum frame_kind)f->kind) {
    case FRAME_RESERVED:
        print(out, "reserved: not RAM, or in use since before the frame database\n");
        return;
    case FRAME_FREE:
        print_free(f, out);
        return;
    case FRAME_KERNEL:
        print_kernel(f, out);
        break;
    case FRAME_USER:
        print_user(f, out);
        break;
    case FRAME_CONTIG:
        print(out, "of a contiguous partition\n");
        print_mappings(f, out);
        break;
    }
    print_flags(f, out);
    print(out, "  block     of 2^%u frames\n", f->order);
}

static int frame_run(int argc, char **argv, struct printer *out)
{
    uint32_t n;
    if (argc != 2 || !parse_u32(argv[1], false, &n) || n >= frame_table_count) {
        print(out, "frame: %s: expected the number of a frame, 0 to %#x; pt PID VA tells a page's\n",
              argc == 2  ? argv[1]
              : argc > 2 ? argv[2]
                         : "nothing",
              frame_table_count - 1);
        return 1;
    }
    print_frame(&frame_table[n], out);
    return 0;
}

COMMAND_AT_STOP(
    frame, "N", "everything about a frame: who owns it, maps it, and since when", frame_run,
    .more = "  N as the log has it, 0x2fb0, or decimal. `since` is the fault at which the page came in:\n"
            "  1 is the first since boot. The policy's flag and word mean what its file says.\n"
            "  frame 0x2fb0\n");

/* ---- slot ---- */

/* => how many PTEs hold the slot */
static uint32_t print_holders(slot_t s, struct printer *out)
{
    uint32_t found = 0;
    list_for_each (n, &all_spaces) {
        const struct space *space = container_of(n, struct space, link);
        for (vaddr_t va = 0; (va = pmap_next_table(&space->pmap, va, USER_END)) < USER_END; va += PAGE_SIZE) {
            struct pte pte = pmap_lookup(&space->pmap, va);
            if (pte.state != PTE_SWAPPED || pte.slot.n != s.n)
                continue;
            print(out, "  held by   pid %u va 0x%08x\n", space->pmap.tag, va);
            found++;
        }
    }
    return found;
}

static uint32_t print_object_holders(slot_t s, struct printer *out)
{
    uint32_t found = 0;
    list_for_each (n, &all_objects) {
        const struct object *o = container_of(n, struct object, link);
        for (uint32_t i = 0; o->swapped > 0 && i < object_pages(o); i++) {
            struct object_entry e = object_lookup(o, i);
            if (!slot_valid(e.slot) || e.slot.n != s.n)
                continue;
            print(out, "  held by   object %s %u, page %u\n", o->name, o->number, i);
            found++;
        }
    }
    return found;
}

static void print_slot(slot_t s, struct printer *out)
{
    uint32_t refs = swap_refs(s);
    if (refs == 0) {
        print(out, "slot %u: free\n", s.n);
        return;
    }
    const struct frame *f = swap_cached(s);
    print(out, "slot %u: %u reference%s", s.n, refs, refs == 1 ? "" : "s");
    if (swap_verify)
        print(out, ", checksum %#010x", swap_slot(s)->sum);
    print(out, "\n");
    uint32_t found = print_holders(s, out) + print_object_holders(s, out) + (f != NULL);
    if (f != NULL)
        print(out, "  kept by   frame %#x, in which the page is%s\n", frame_pfn(f).n,
              f->flags & FRAME_BUSY ? " on its way to or from the disk" : " resident");
    if (found != refs)
        print(out, "  %u of its references could not be found: check\n", refs - found);
}

static int slot_run(int argc, char **argv, struct printer *out)
{
    uint32_t n;
    if (swap_total() == 0) {
        print(out, "slot: there is no swap disk\n");
        return 1;
    }
    if (argc != 2 || !parse_u32(argv[1], false, &n) || n >= swap_total()) {
        print(out, "slot: %s: expected the number of a slot, 0 to %u\n",
              argc == 2  ? argv[1]
              : argc > 2 ? argv[2]
                         : "nothing",
              swap_total() - 1);
        return 1;
    }
    print_slot((slot_t){n}, out);
    return 0;
}

COMMAND_AT_STOP(
    slot, "N", "a slot of the swap disk: free, or whose PTEs hold it and which frame keeps it", slot_run,
    .more = "  N as pt and the log have it, decimal. A page in memory keeps its slot until it is written.\n"
            "  slot 7\n");
