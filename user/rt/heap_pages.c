/* SPDX-License-Identifier: MIT
 * The heap and the system: it moves the break, which others may move too, and maps large blocks. */
#include "user/rt/heap_block.h"

void heap_note_peaks(void)
{
    the_heap.is.peak_requested =
        MAX(the_heap.is.peak_requested, the_heap.is.requested + the_heap.is.mapped_requested);
    the_heap.is.peak_size = MAX(the_heap.is.peak_size, the_heap.is.size + the_heap.is.mapped);
}

/* ---- the break ---- */

static void put_end(uintptr_t at)
{
    the_heap.end = at;
    *block_at(at) = (struct block){.tag = USED | BEFORE_USED};
}

/* The break is where it should be; its first move makes the heap. => false: no memory */
static bool move_break(uintptr_t to)
{
    return sys_brk(to) == to;
}

/* A heap of one hole, or what lies behind somebody else's memory. */
static bool begin(uintptr_t from, size_t bytes)
{
    uintptr_t at = ALIGN_UP(from, (uintptr_t)GRAIN);
    uintptr_t to = page_up(at + bytes + HEADER);
    if (!move_break(to))
        return false;
    if (the_heap.started) {
        block_at(the_heap.end)->requested = FOREIGN;
        block_at(the_heap.end)->tag += at - the_heap.end;
    } else {
        the_heap.start = at;
        the_heap.started = true;
    }
    put_end(to - HEADER);
    make_hole(block_at(at), the_heap.end - at);
    the_heap.is.size += to - at;
    return true;
}

/* More at the end: its header becomes the start of a hole. */
static bool extend(size_t bytes)
{
    uintptr_t to = page_up(the_heap.end + bytes + HEADER);
    if (!move_break(to))
        return false;
    struct block *b = block_at(the_heap.end);
    put_end(to - HEADER);
    the_heap.is.size += (uintptr_t)(the_heap.end - (uintptr_t)b);
    make_free(b, the_heap.end - (uintptr_t)b);
    return true;
}

bool heap_grow(size_t bytes)
{
    uintptr_t now = sys_brk(0);
    bool ours = the_heap.started && now == the_heap.end + HEADER;
    if (the_heap.started && now < the_heap.end + HEADER)
        heap_fail("heap: somebody moved the break down to %#zx, into the heap", (size_t)now);
    size_t have = 0;
    if (ours && !(block_at(the_heap.end)->tag & BEFORE_USED))
        have = size_of(hole_before(block_at(the_heap.end)));
    size_t lacks = bytes - MIN(have, bytes), wish = MAX(lacks, (size_t)HEAP_GROW);
    bool grown = ours ? extend(wish) || extend(lacks) : begin(now, wish) || begin(now, bytes);
    heap_note_peaks();
    return grown;
}

void heap_trim(struct block *top)
{
    uintptr_t keep = page_up((uintptr_t)top + HEAP_GROW) - HEADER;
    if (size_of(top) < HEAP_TRIM || sys_brk(0) != the_heap.end + HEADER || !move_break(keep + HEADER))
        return;
    take_hole(top);
    the_heap.is.size -= the_heap.end - keep;
    put_end(keep);
    make_hole(top, keep - (uintptr_t)top);
}

bool heap_give_back(void)
{
    const struct block *first = block_at(the_heap.start);
    bool whole = the_heap.started && !is_used(first) && (uintptr_t)behind(first) == the_heap.end;
    if (!whole || sys_brk(0) != the_heap.end + HEADER || !move_break(the_heap.start))
        return false;
    the_heap.started = false;
    return true;
}

/* ---- large blocks ---- */

static void account_mapped(const struct block *b, bool in)
{
    size_t sign = in ? 1 : (size_t)-1;
    the_heap.is.mapped_blocks += sign;
    the_heap.is.mapped += sign * size_of(b);
    the_heap.is.mapped_requested += sign * b->requested;
    heap_note_peaks();
}

struct block *mapped_alloc(size_t bytes)
{
    size_t size = mapped_size(bytes);
    uintptr_t at = sys_mmap2(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(at))
        return NULL;
    struct mapped *m = (struct mapped *)at;
    m->head = (struct block){.tag = size | USED | MAPPED, .requested = bytes};
    m->next = the_heap.mapped;
    m->before = NULL;
    if (m->next != NULL)
        m->next->before = m;
    the_heap.mapped = m;
    account_mapped(&m->head, true);
    return &m->head;
}

void mapped_free(struct block *b)
{
    struct mapped *m = container_of(b, struct mapped, head);
    account_mapped(b, false);
    if (m->next != NULL)
        m->next->before = m->before;
    if (m->before != NULL)
        m->before->next = m->next;
    else
        the_heap.mapped = m->next;
    size_t size = size_of(b);
    if (sys_munmap((uintptr_t)m, size) != 0)
        heap_fail("heap: munmap of %#zx + %#zx failed", (size_t)m, size);
}

bool mapped_resize(struct block *b, size_t bytes)
{
    if (bytes < HEAP_MAPPED || bytes > LARGEST || mapped_size(bytes) != size_of(b))
        return false;
    account_mapped(b, false);
    b->requested = bytes;
    account_mapped(b, true);
    return true;
}

bool mapped_has(const struct block *b)
{
    const struct mapped *m = the_heap.mapped;
    while (m != NULL && &m->head != b)
        m = m->next;
    return m != NULL;
}
