/* SPDX-License-Identifier: MIT
 * Fuzzes the book of a contiguous arena, with moves between all other operations. The model is what each unit
 * holds: it is moved as the book says, and must be found where the book says. */
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/partition.h"
#include "tests/fuzz/fuzz.h"

enum {
    UNITS = 200,
    UNIT_BYTES = 1000,
    MAX_BYTES = 40 * UNIT_BYTES,
    MAX_MOVES = 24, /* at once */
    NAMES = 12,     /* few, so that many are taken */
    FRAMES = 64,
};

static struct {
    struct {
        uint16_t id, index; /* unit `index` of partition `id`; id 0: nothing */
    } unit[UNITS];
    struct held {
        struct partition *p;
        uint32_t bytes, units;
        uint16_t id;
        char name[PARTITION_NAME];
    } held[UNITS];
    uint32_t count, ids, used;
    uint64_t bytes;
} model;

static struct partition_book book;

/* ---- the model ---- */

/* What the partition that moves has besides its old place: its new one, as far as that lies below. */
static uint32_t extra(void)
{
    return book.moving == NULL ? 0 : MIN(book.moving->at - book.target, book.moving->units);
}

/* The largest run of units that are nobody's. */
static uint32_t largest_hole(void)
{
    bool taken[UNITS] = {false};
    uint32_t most = 0, run = 0;
    for (uint32_t i = 0; i < model.count; i++)
        for (uint32_t j = 0; j < model.held[i].units; j++)
            taken[model.held[i].p->at + j] = true;
    for (uint32_t i = 0; i < extra(); i++)
        taken[book.target + i] = true;
    for (uint32_t i = 0; i < UNITS; i++) {
        run = taken[i] ? 0 : run + 1;
        most = MAX(most, run);
    }
    return most;
}

static struct held *find(const char *name)
{
    for (uint32_t i = 0; i < model.count; i++)
        if (strcmp(model.held[i].name, name) == 0)
            return &model.held[i];
    return NULL;
}

static void check_content(const struct held *h)
{
    for (uint32_t i = 0; i < h->units; i++) {
        uint32_t at = partition_unit(&book, h->p, i);
        ASSERT(at < UNITS && model.unit[at].id == h->id && model.unit[at].index == i,
               "fuzz: unit %u of partition %u should be at %u, where %u of %u is", i, h->id, at,
               model.unit[at].index, model.unit[at].id);
    }
}

/* ---- operations ---- */

static void keep(struct partition *p, const char *name, uint32_t bytes, uint32_t units)
{
    struct held *h = &model.held[model.count++];
    *h = (struct held){.p = p, .bytes = bytes, .units = units, .id = (uint16_t)++model.ids};
    str_copy(h->name, sizeof h->name, name);
    ASSERT(p->units == units && p->bytes == bytes && strcmp(p->name, name) == 0 && p->at + units <= UNITS,
           "fuzz: partition %s: %u units, %u bytes, at %u", p->name, p->units, p->bytes, p->at);
    for (uint32_t i = 0; i < units; i++) {
        ASSERT(model.unit[p->at + i].id == 0, "fuzz: unit %u of partition %s is taken", p->at + i, p->name);
        model.unit[p->at + i].id = h->id;
        model.unit[p->at + i].index = (uint16_t)i;
    }
    model.used += units;
    model.bytes += bytes;
}

static void alloc(uint32_t number, uint32_t bytes, bool buddy)
{
    char name[PARTITION_NAME] = "";
    struct partition *p = NULL;
    bool compactable = false;
    if (number < NAMES)
        format(name, sizeof name, "p%u", number);
    uint32_t units = bytes / UNIT_BYTES + (bytes % UNIT_BYTES != 0);
    while (buddy && (units & (units - 1)) != 0)
        units += units & -units;
    bool sane = units > 0 && units <= UNITS, taken = name[0] != '\0' && find(name) != NULL;
    bool must = largest_hole() >= units;
    enum vm_result r = partition_alloc(&book, name, bytes, buddy, &p, &compactable);
    if (!sane || taken) {
        ASSERT(r == (sane ? VM_EXISTS : VM_INVALID), "fuzz: %u bytes for \"%s\": %d", bytes, name, r);
        return;
    }
    ASSERT(r == (must ? VM_OK : VM_NO_MEMORY), "fuzz: %u units: %d", units, r);
    ASSERT(compactable == (!must && units <= UNITS - model.used - extra()),
           "fuzz: %u units of %u free: compactable %d", units, UNITS - model.used, compactable);
    if (r == VM_OK)
        keep(p, name, bytes, units);
}

static void free_held(uint32_t i)
{
    struct held *h = &model.held[i];
    check_content(h);
    for (uint32_t u = 0; u < UNITS; u++)
        if (model.unit[u].id == h->id)
            model.unit[u].id = 0;
    model.used -= h->units;
    model.bytes -= h->bytes;
    partition_free(&book, h->p);
    *h = model.held[--model.count];
}

static bool move_unit(bool peek)
{
    struct partition_move m, again;
    if (!partition_next_move(&book, &m))
        return false;
    if (peek) { /* asking twice changes nothing */
        bool any = partition_next_move(&book, &again);
        ASSERT(any && again.p == m.p && again.from == m.from && again.to == m.to, "fuzz: another move");
    }
    ASSERT(m.from == m.p->at + m.index && m.to < m.from && m.from < UNITS, "fuzz: unit %u goes from %u to %u",
           m.index, m.from, m.to);
    ASSERT(model.unit[m.to].id == 0, "fuzz: unit %u goes to %u, where %u of %u is", m.from, m.to,
           model.unit[m.to].index, model.unit[m.to].id);
    model.unit[m.to] = model.unit[m.from];
    model.unit[m.from].id = 0;
    partition_moved(&book);
    return true;
}

static void check(void);

static void compact(void)
{
    while (move_unit(false))
        ;
    check();
    ASSERT(book.moving == NULL && largest_hole() == UNITS - model.used,
           "fuzz: %u free, but the largest hole is %u", UNITS - model.used, largest_hole());
}

/* ---- checks ---- */

static void check(void)
{
    struct partition_figures f = partition_figures(&book);
    ASSERT(partition_check(&book, &bare_errors), "fuzz: partition_check failed");
    ASSERT(book.count == model.count && book.bytes == model.bytes && f.total == UNITS &&
               f.used + f.free == UNITS,
           "fuzz: %u partitions, %u units used, %u free", book.count, f.used, f.free);
    ASSERT(f.used == model.used + extra() && f.largest == largest_hole(),
           "fuzz: %u units used, the largest hole %u; not %u, %u", f.used, f.largest, model.used + extra(),
           largest_hole());
    ASSERT(f.external <= 1000 && f.internal <= 1000 && f.success <= 1000, "fuzz: %u, %u, %u thousandths",
           f.external, f.internal, f.success);
    for (uint32_t i = 0; i < model.count; i++) {
        check_content(&model.held[i]);
        ASSERT(model.held[i].name[0] == '\0' || partition_find(&book, model.held[i].name) == model.held[i].p,
               "fuzz: %s is not found", model.held[i].name);
    }
}

static void step(struct fuzz_input *in)
{
    uint32_t op = fuzz_byte(in), more = op / 8;
    op %= 8;
    if (op < 3) {
        alloc(more, fuzz_below(in, more == 31 ? UINT32_MAX : MAX_BYTES), op == 2);
    } else if (op < 5) {
        if (model.count > 0)
            free_held(fuzz_below(in, model.count));
    } else if (op == 5 && more == 0) {
        compact();
    } else {
        for (uint32_t moves = more % MAX_MOVES; moves > 0; moves--)
            move_unit(moves == 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    bare_build_frames(FRAMES);
    memset(&model, 0, sizeof model);
    enum vm_result r = partition_open(&book, UNITS, UNIT_BYTES, fit_table[fuzz_byte(&in) % fit_count]);
    ASSERT(r == VM_OK, "fuzz: no book: %d", r);
    for (uint32_t ops = 1; in.at < in.end; ops++) {
        step(&in);
        if (ops % FUZZ_CHECK_EVERY == 0)
            check();
    }
    check();
    compact();
    while (model.count > UNITS / 8) /* the others are partition_close's */
        free_held(0);
    partition_close(&book);
    return 0;
}
