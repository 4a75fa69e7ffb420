/* SPDX-License-Identifier: MIT
 * /proc/PID/maps and /proc/PID/pagemap: a process's memory, in the formats that programs for Linux read. */
#include "kernel/path.h"
#include "lib/string.h"
#include "mm/reclaim.h"
#include "mm/space.h"

/* What an object is called, and what stat says of it. */
static void name_object(const struct object *o, struct file_stat *st, char *text, size_t size)
{
    const struct file *f;
    struct inode *i;
    *st = (struct file_stat){.device = DEVICE_TMP, .number = o->number};
    for (uint32_t n = 0; (f = initrd_file(n)) != NULL; n++) {
        if (o->data != NULL && f->data == o->data) {
            initrd_stat(f, st);
            format(text, size, "/%s", f->name);
            return;
        }
    }
    for (uint32_t n = TMP_FIRST; (i = tmpfs_from(n)) != NULL; n = i->number + 1) {
        if (i->object == o) {
            tmpfs_stat(i, st);
            format(text, size, "/tmp/%s", i->name);
            return;
        }
    }
    /* no name leads there, or has for some time: shared anonymous memory is a file without one on Linux */
    format(text, size, "%s (deleted)", strcmp(o->name, "shared") == 0 ? "/dev/zero" : "/tmp");
}

void maps_print(const struct space *s, struct printer *out)
{
    enum { NAME_COLUMN = 49 }; /* Linux's, where addresses have 32 bits */
    for (uint32_t i = 0; i < s->regions.count; i++) {
        const struct region *r = s->regions.at[i];
        struct file_stat st = {0};
        char name[NAME_MAX + sizeof "/tmp/"] = "";
        if (r->object != NULL)
            name_object(r->object, &st, name, sizeof name);
        else if (strcmp(r->name, "heap") == 0 || strcmp(r->name, "stack") == 0)
            format(name, sizeof name, "[%s]", r->name);
        char rights[REGION_RIGHTS];
        int n = print(out, "%08x-%08x %s %08x 00:%02x %u ", r->start, r->end, region_rights(r, rights),
                      r->object != NULL ? r->offset : 0, st.device, st.number);
        if (name[0] != '\0')
            print(out, "%*s%s", MAX(NAME_COLUMN - n, 0), "", name);
        print(out, "\n");
    }
}

bool pagemap_number(const struct space *s, uint64_t index, uint64_t *out)
{
    enum { PAGES = IO_END >> PAGE_SHIFT, SLOT_SHIFT = 5 }; /* below the slot: which swap disk; there is one */
    const uint64_t present = 1ull << 63, swapped = 1ull << 62, file_or_shared = 1ull << 61,
                   exclusive = 1ull << 56;
    if (index >= PAGES)
        return false;
    struct pte pte = pmap_lookup(&s->pmap, (vaddr_t)index << PAGE_SHIFT);
    *out = 0;
    if (pte.state == PTE_SWAPPED)
        *out = swapped | (uint64_t)pte.slot.n << SLOT_SHIFT;
    if (pte.state != PTE_PRESENT)
        return true;
    struct frame *f = frame_of(pte.pfn);
    *out = present | pte.pfn.n;
    if (f == zero_frame) /* nobody's */
        return true;
    *out |= (f->object != NULL ? file_or_shared : 0) | (frame_head(f)->more == NULL ? exclusive : 0);
    return true;
}
