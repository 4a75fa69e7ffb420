/* SPDX-License-Identifier: MIT
 * mm-level: 2.2
 * The vmem command: arenas, their segments, and another strategy for one of them. */
#include "lib/command.h"
#include "lib/string.h"
#include "mm/vmem.h"

static bool list_arena(struct vmem *a, void *out)
{
    struct vmem_figures n = vmem_figures(a);
    print(out, "%-10s %-8s %5u %9u %6u %#10zx %#10zx %#10zx %8u %8u\n", vmem_name(a), vmem_fit(a)->name,
          n.spans, n.allocated, n.holes, (size_t)n.total, (size_t)n.free, (size_t)n.largest, n.allocs,
          n.failures);
    return true;
}

static bool list_segment(const struct vmem_segment *s, void *out)
{
    static const char *const kinds[] = {[VMEM_SPAN] = "span", [VMEM_FREE] = "  free", [VMEM_USED] = "  used"};
    print(out, "%-6s %#zx..%#zx %#zx\n", kinds[s->kind], (size_t)s->start, (size_t)(s->start + s->size - 1),
          (size_t)s->size);
    return true;
}

/* One arena that is named. */
struct request {
    const char *name;
    const struct fit *fit; /* NULL: list its segments */
    struct printer *out;
    bool found;
};

static bool serve(struct vmem *a, void *arg)
{
    struct request *r = arg;
    if (strcmp(vmem_name(a), r->name) != 0)
        return true;
    r->found = true;
    if (r->fit != NULL)
        vmem_set_fit(a, r->fit);
    else
        vmem_walk(a, list_segment, r->out);
    return false;
}

static bool name_arena(struct vmem *a, void *out)
{
    print(out, " %s", vmem_name(a));
    return true;
}

static int command_run(int argc, char **argv, struct printer *out)
{
    if (argc == 1) {
        print(out, "%-10s %-8s %5s %9s %6s %10s %10s %10s %8s %8s\n", "arena", "fit", "spans", "allocated",
              "holes", "total", "free", "largest", "allocs", "failures");
        vmem_each(list_arena, out);
        return 0;
    }
    struct request r = {.name = argv[1], .fit = argc > 2 ? fit_find(argv[2]) : NULL, .out = out};
    if (argc > 3) {
        print(out, "vmem: expected at most an arena and a strategy\n");
        return 1;
    }
    if (argc > 2 && r.fit == NULL) {
        print(out, "vmem: %s: expected one of: ", argv[2]);
        fit_names(out);
        print(out, "\n");
        return 1;
    }
    vmem_each(serve, &r);
    if (r.found)
        return 0;
    print(out, "vmem: %s: expected an arena, one of:", argv[1]);
    vmem_each(name_arena, out);
    print(out, "\n");
    return 1;
}

COMMAND_AT_STOP(vmem, "[ARENA [FIT]]", "arenas of addresses and slots; their segments; another strategy",
                command_run);
