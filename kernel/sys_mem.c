/* SPDX-License-Identifier: MIT
 * System calls about memory: what Linux i386 checks, in its order, and then one call into mm/. */
#include "kernel/file.h"
#include "kernel/proc.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "mm/advise.h"
#include "mm/exact.h"

enum { PROT_ALL = VM_READ | VM_WRITE | VM_EXEC }; /* Linux's PROT_ bits are the same as ours */

enum map_flag {
    MAP_SHARED = 1,
    MAP_PRIVATE = 2,
    MAP_SHARED_VALIDATE = 3,
    MAP_TYPE = 0xf,
    MAP_FIXED = 0x10,
    MAP_ANONYMOUS = 0x20,
    MAP_GROWSDOWN = 0x100,
    MAP_LOCKED = 0x2000,
    MAP_POPULATE = 0x8000,
    MAP_FIXED_NOREPLACE = 0x100000,
};

/* Write and execute include read, as on this hardware they cannot be had without it. */
static uint32_t prot_of(uint32_t prot)
{
    return prot & PROT_ALL ? (prot & PROT_ALL) | VM_READ : 0;
}

/* Whole pages; 0 if that is more than 32 bits. */
static uint32_t round_up(uint32_t length)
{
    return ALIGN_UP(length, (uint32_t)PAGE_SIZE);
}

/* Does the range lie in the user's addresses? Below USER_START nothing is ever mapped, as on Linux. */
static bool in_user(vaddr_t start, uint32_t length)
{
    return start <= USER_END && length <= USER_END - start;
}

int32_t sys_brk(struct trapframe *tf)
{
    return (int32_t)space_brk(current->space, tf->ebx);
}

/* ---- mmap ---- */

/* What mmap wants to know of an open file. */
struct mapped_file {
    struct object *object; /* NULL: it cannot be mapped */
    bool readable, writable;
};

static bool open_to_map(uint32_t fd, struct mapped_file *m)
{
    const struct open_file *f = files_get(current->files, fd);
    if (f == NULL)
        return false;
    *m = (struct mapped_file){.object = f->ops->object != NULL ? f->ops->object(f) : NULL,
                              .readable = file_readable(f),
                              .writable = file_writable(f)};
    return true;
}

/* Where: the address asked for, the hint, or (0) anywhere. => a negative errno, or 0 with r->start set. */
static int32_t choose_address(struct space *s, struct region *r, vaddr_t at, uint32_t length, uint32_t flags)
{
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (at % PAGE_SIZE != 0)
            return -EINVAL;
        if (!in_user(at, length))
            return -ENOMEM;
        if (at < USER_START)
            return -EPERM;
        uint32_t i = region_index(&s->regions, at);
        if ((flags & MAP_FIXED_NOREPLACE) && i < s->regions.count && s->regions.at[i]->start < at + length)
            return -EEXIST;
        r->start = at;
        return 0;
    }
    at = ALIGN_DOWN(at, (vaddr_t)PAGE_SIZE);
    uint32_t i = region_index(&s->regions, at);
    bool taken = i < s->regions.count && s->regions.at[i]->start < at + length;
    if (at >= USER_START && in_user(at, length) && !taken)
        r->start = at;
    return 0;
}

/* What is mapped: an object, or nothing for private anonymous memory. Adds a reference. */
static int32_t choose_object(struct region *r, uint32_t length, uint32_t flags,
                             const struct mapped_file *file)
{
    uint32_t type = flags & MAP_TYPE;
    if (type != MAP_PRIVATE && type != MAP_SHARED && !(type == MAP_SHARED_VALIDATE && file != NULL))
        return -EINVAL;
    r->flags = type != MAP_PRIVATE ? REGION_SHARED : 0;
    if (file == NULL) {
        if ((flags & MAP_GROWSDOWN) && type != MAP_PRIVATE)
            return -EINVAL;
        if (flags & MAP_GROWSDOWN)
            r->flags |= REGION_GROWSDOWN;
        r->offset = 0;
        if (type == MAP_PRIVATE)
            return 0;
        r->object = object_create("shared", length);
        return r->object != NULL ? 0 : -ENOMEM;
    }
    if (flags & MAP_GROWSDOWN)
        return -EINVAL;
    if (type != MAP_PRIVATE && (r->prot & VM_WRITE) && !file->writable)
        return -EACCES;
    if (!file->readable)
        return -EACCES;
    if (file->object == NULL)
        return -ENODEV;
    if (type != MAP_PRIVATE && !file->writable)
        r->flags |= REGION_READONLY;
    r->object = file->object;
    object_ref(r->object);
    r->name = "file";
    return 0;
}

static int32_t map(struct space *s, struct region *r, uint32_t flags)
{
    enum vm_result result = VM_OK;
    if (flags & MAP_FIXED)
        result = space_unmap(s, r->start, r->end - r->start);
    if (result == VM_OK)
        result = r->start != 0 ? space_map(s, r) : space_map_anywhere(s, r);
    if (result != VM_OK) {
        if (r->object != NULL)
            object_unref(r->object);
        return -ENOMEM;
    }
    vaddr_t start = r->start, end = r->end;
    if ((flags & MAP_LOCKED) || s->lock_future)
        result = space_lock(s, start, end,
                            LOCK_NOW); /* it is mapped even if it cannot all be locked, as on Linux */
    else if (flags & MAP_POPULATE)
        result = space_advise(s, start, end, r->prot & VM_WRITE ? VM_POPULATE_WRITE : VM_POPULATE_READ);
    if (result != VM_OK && s->lock_future)
        return -EAGAIN;
    return (int32_t)start;
}

int32_t sys_mmap2(struct trapframe *tf)
{
    uint32_t length = round_up(tf->ecx), flags = tf->esi, first_page = tf->ebp;
    struct region r = {.prot = prot_of(tf->edx), .name = "anon", .offset = first_page << PAGE_SHIFT};
    struct mapped_file file, *mapped = flags & MAP_ANONYMOUS ? NULL : &file;
    if (mapped != NULL && !open_to_map(tf->edi, mapped))
        return -EBADF;
    if (tf->ecx == 0)
        return -EINVAL;
    if (length == 0)
        return -ENOMEM;
    if (first_page + (length >> PAGE_SHIFT) < first_page)
        return -EOVERFLOW;
    if (length > USER_END)
        return -ENOMEM;
    int32_t err = choose_address(current->space, &r, tf->ebx, length, flags);
    if (err == 0)
        err = choose_object(&r, length, flags, mapped);
    if (err != 0)
        return err;
    if (mapped != NULL && first_page + (length >> PAGE_SHIFT) > 1u << (32 - PAGE_SHIFT)) {
        /* beyond what a file can have here: every access is beyond its end */
        object_unref(r.object);
        return -EOVERFLOW;
    }
    r.end = r.start + length;
    return map(current->space, &r, flags);
}

int32_t sys_munmap(struct trapframe *tf)
{
    uint32_t at = tf->ebx, length = round_up(tf->ecx);
    if (at % PAGE_SIZE != 0 || length == 0 || !in_user(at, length))
        return -EINVAL;
    if (at < USER_START) { /* never mapped: nothing to do there */
        uint32_t skip = MIN(USER_START - at, length);
        at += skip;
        length -= skip;
        if (length == 0)
            return 0;
    }
    return error_of(space_unmap(current->space, at, length));
}

int32_t sys_mprotect(struct trapframe *tf)
{
    enum { PROT_GROWSDOWN = 0x01000000, PROT_GROWSUP = 0x02000000, PROT_SEM = 8 };
    uint32_t at = tf->ebx, length = round_up(tf->ecx), prot = tf->edx;
    uint32_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || at % PAGE_SIZE != 0)
        return -EINVAL;
    if (tf->ecx == 0)
        return 0;
    if (at + length <= at)
        return -ENOMEM;
    prot &= ~(uint32_t)(PROT_GROWSDOWN | PROT_GROWSUP);
    if (prot & ~(uint32_t)(PROT_ALL | PROT_SEM))
        return -EINVAL;
    if (at < USER_START || !in_user(at, length))
        return -ENOMEM;
    const struct region *first = region_find(&current->space->regions, at);
    if (grows != 0 && first != NULL && (grows == PROT_GROWSUP || !(first->flags & REGION_GROWSDOWN)))
        return -EINVAL;
    enum vm_result r = space_protect(current->space, at, length, prot_of(prot));
    return r == VM_NO_REGION ? -ENOMEM : r == VM_FORBIDDEN ? -EACCES : error_of(r);
}

/* ---- mremap ---- */

enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_ALL = 3 };

static bool is_free(struct space *s, vaddr_t start, vaddr_t end)
{
    uint32_t i = region_index(&s->regions, start);
    return end >= start && end <= USER_END && (i == s->regions.count || s->regions.at[i]->start >= end);
}

/* The region simply becomes longer. */
static int32_t grow(struct space *s, const struct region *r, uint32_t more)
{
    struct region rest = *r;
    rest.start = r->end;
    rest.end = r->end + more;
    rest.offset += r->end - r->start;
    if (rest.object != NULL)
        object_ref(rest.object);
    if (space_map(s, &rest) == VM_OK)
        return 0;
    if (rest.object != NULL)
        object_unref(rest.object);
    return -ENOMEM;
}

static int32_t move(struct space *s, vaddr_t at, uint32_t old, vaddr_t to, uint32_t length)
{
    return space_move(s, at, old, to, length) == VM_OK ? (int32_t)to : -ENOMEM;
}

/* May `old` bytes at `at`, in region r, become `length` bytes? */
static int32_t may_resize(const struct region *r, vaddr_t at, uint32_t old, uint32_t length)
{
    if (old == 0 && !(r->flags & REGION_SHARED))
        return -EINVAL;
    if (old > r->end - at)
        return -EFAULT;
    uint32_t first = (r->offset + (at - r->start)) >> PAGE_SHIFT;
    return first + (length >> PAGE_SHIFT) < first ? -EINVAL : 0;
}

static int32_t move_fixed(struct space *s, vaddr_t at, uint32_t old, uint32_t length, vaddr_t to)
{
    if (to % PAGE_SIZE != 0 || !in_user(to, length))
        return -EINVAL;
    if (at + old > to && to + length > at)
        return -EINVAL;
    if (to < USER_START)
        return -EPERM;
    enum vm_result result = space_unmap(s, to, length);
    if (result == VM_OK && old > length) {
        result = space_unmap(s, at + length, old - length);
        old = length;
    }
    if (result != VM_OK)
        return error_of(result);
    const struct region *r = region_find(&s->regions, at);
    if (r == NULL)
        return -EFAULT;
    int32_t err = may_resize(r, at, old, length);
    return err != 0 ? err : move(s, at, old, to, length);
}

int32_t sys_mremap(struct trapframe *tf)
{
    struct space *s = current->space;
    vaddr_t at = tf->ebx;
    uint32_t old = round_up(tf->ecx), length = round_up(tf->edx), flags = tf->esi;
    if ((flags & ~(uint32_t)MREMAP_ALL) || flags == MREMAP_FIXED || at % PAGE_SIZE != 0 || length == 0)
        return -EINVAL;
    const struct region *r = region_find(&s->regions, at);
    if (r == NULL)
        return -EFAULT;
    if (flags & MREMAP_FIXED)
        return move_fixed(s, at, old, length, tf->edi);
    if (old >= length) {
        enum vm_result result = old > length ? space_unmap(s, at + length, old - length) : VM_OK;
        return result == VM_OK ? (int32_t)at : error_of(result);
    }
    int32_t err = may_resize(r, at, old, length);
    if (err != 0)
        return err;
    if (old == r->end - at && is_free(s, r->end, at + length))
        return grow(s, r, length - old) == 0 ? (int32_t)at : -ENOMEM;
    if (!(flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    vaddr_t to = space_find_gap(s, length);
    return to != 0 ? move(s, at, old, to, length) : -ENOMEM;
}

/* ---- advice, residence, locks ---- */

/* The calls below take any range; beyond the user's addresses nothing is mapped. => the end, cut to them. */
static vaddr_t range_end(vaddr_t start, uint32_t length, bool *cut)
{
    *cut = !in_user(start, length);
    return *cut ? MAX(start, USER_END) : start + length;
}

/* madvise's ENOMEM for holes, and the errors that come first. */
static int32_t advice_error(enum vm_result r, bool cut)
{
    switch (r) {
    case VM_OK:
        return cut ? -ENOMEM : 0;
    case VM_NO_REGION:
        return -ENOMEM;
    default:
        return error_of(r);
    }
}

/* Beyond Linux's values: what a program may ask of the laboratory. */
enum {
    MADV_EXACT = 0x464c0001,   /* references to the range are seen one by one */
    MADV_SAMPLED = 0x464c0002, /* the contrary */
    MADV_COUNT = 0x464c0003,   /* its pages get frames of their own even if only read; the pool's count of
                                  pages that came in starts here */
};

static enum vm_result laboratory(struct space *s, vaddr_t start, vaddr_t end, uint32_t advice)
{
    if (advice == MADV_EXACT)
        return exact_enable(s, start, end);
    if (advice == MADV_SAMPLED)
        return exact_disable(s, start, end);
    enum vm_result r = pool_count_from_here(s->pool);
    return r == VM_OK ? space_set_flags(s, start, end, REGION_FRAMES, 0) : r;
}

int32_t sys_madvise(struct trapframe *tf)
{
    static const struct {
        uint32_t linux_value;
        enum { HINT, ADVICE, FLAG_SET, FLAG_CLEAR, LAB } kind;
        uint32_t value;
    } known[] = {
        {0, HINT, 0}, /* NORMAL, RANDOM, SEQUENTIAL: read-ahead is by slots, not by address */
        {1, HINT, 0},
        {2, HINT, 0},
        {3, ADVICE, VM_WILLNEED},
        {4, ADVICE, VM_DISCARD},
        {8, ADVICE, VM_FREE},
        {10, FLAG_SET, REGION_DONTFORK},
        {11, FLAG_CLEAR, REGION_DONTFORK},
        {12, FLAG_SET, REGION_MERGEABLE},
        {13, FLAG_CLEAR, REGION_MERGEABLE},
        {14, HINT, 0}, /* HUGEPAGE, NOHUGEPAGE: the pool's order decides */
        {15, HINT, 0},
        {16, HINT, 0}, /* DONTDUMP, DODUMP: there are no core files */
        {17, HINT, 0},
        {20, ADVICE, VM_COLD},
        {21, ADVICE, VM_PAGEOUT},
        {22, ADVICE, VM_POPULATE_READ},
        {23, ADVICE, VM_POPULATE_WRITE},
        {MADV_EXACT, LAB, 0},
        {MADV_SAMPLED, LAB, 0},
        {MADV_COUNT, LAB, 0},
    };
    struct space *s = current->space;
    vaddr_t at = tf->ebx;
    uint32_t length = round_up(tf->ecx);
    size_t i = 0;
    while (i < ARRAY_SIZE(known) && known[i].linux_value != tf->edx)
        i++;
    if (i == ARRAY_SIZE(known) || at % PAGE_SIZE != 0 || (tf->ecx != 0 && length == 0) || at + length < at)
        return -EINVAL;
    if (length == 0)
        return 0;
    bool cut;
    vaddr_t end = range_end(at, length, &cut);
    if (known[i].kind == HINT)
        return space_covers(s, at, end) && !cut ? 0 : -ENOMEM;
    if (known[i].kind == ADVICE) {
        enum vm_result r = space_advise(s, at, end, (enum vm_advice)known[i].value);
        return r == VM_FORBIDDEN ? -EINVAL : advice_error(r, cut);
    }
    if (known[i].kind == LAB)
        return advice_error(laboratory(s, at, end, tf->edx), cut);
    bool set = known[i].kind == FLAG_SET;
    return advice_error(space_set_flags(s, at, end, set ? known[i].value : 0, set ? 0 : known[i].value), cut);
}

int32_t sys_mincore(struct trapframe *tf)
{
    struct space *s = current->space;
    vaddr_t at = tf->ebx, vector = tf->edx;
    uint32_t pages = round_up(tf->ecx) / PAGE_SIZE;
    if (at % PAGE_SIZE != 0)
        return -EINVAL;
    if (!in_user(at, tf->ecx))
        return -ENOMEM;
    if (!in_user(vector, pages))
        return -EFAULT;
    for (uint32_t i = 0; i < pages; i++, at += PAGE_SIZE) {
        if (region_find(&s->regions, at) == NULL)
            return -ENOMEM;
        uint8_t here = space_resident(s, at);
        int32_t err = error_of(space_copy_out(s, vector + i, &here, 1));
        if (err != 0)
            return err;
    }
    return 0;
}

int32_t sys_msync(struct trapframe *tf)
{
    enum { MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4, MS_ALL = 7 };
    struct space *s = current->space;
    vaddr_t at = tf->ebx;
    uint32_t length = round_up(tf->ecx), flags = tf->edx;
    if ((flags & ~(uint32_t)MS_ALL) || at % PAGE_SIZE != 0 ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    if (at + length < at)
        return -ENOMEM;
    if (length == 0)
        return 0;
    bool cut;
    vaddr_t end = range_end(at, length, &cut);
    /* files are memory: read sees what the mapping wrote at once, and there is nothing to write back */
    for (vaddr_t va = at; va < end;) {
        const struct region *r = region_find(&s->regions, va);
        if (r == NULL)
            return -ENOMEM;
        if ((flags & MS_INVALIDATE) && (r->flags & REGION_LOCKED))
            return -EBUSY;
        va = r->end;
    }
    return cut ? -ENOMEM : 0;
}

static int32_t lock_range(vaddr_t start, uint32_t length, enum vm_lock lock)
{
    length = round_up(length + start % PAGE_SIZE);
    start = ALIGN_DOWN(start, (vaddr_t)PAGE_SIZE);
    if (start + length < start)
        return -EINVAL;
    if (length == 0)
        return 0;
    if (!in_user(start, length))
        return -ENOMEM;
    enum vm_result r = space_lock(current->space, start, start + length, lock);
    return r == VM_OK ? 0 : r == VM_IO_ERROR || r == VM_CORRUPT ? -EAGAIN : -ENOMEM;
}

int32_t sys_mlock(struct trapframe *tf)
{
    return lock_range(tf->ebx, tf->ecx, LOCK_NOW);
}

int32_t sys_mlock2(struct trapframe *tf)
{
    enum { MLOCK_ONFAULT = 1 };
    if (tf->edx & ~(uint32_t)MLOCK_ONFAULT)
        return -EINVAL;
    return lock_range(tf->ebx, tf->ecx, tf->edx == MLOCK_ONFAULT ? LOCK_ON_FAULT : LOCK_NOW);
}

int32_t sys_munlock(struct trapframe *tf)
{
    return lock_range(tf->ebx, tf->ecx, LOCK_NONE);
}

int32_t sys_mlockall(struct trapframe *tf)
{
    enum { MCL_CURRENT = 1, MCL_FUTURE = 2, MCL_ONFAULT = 4, MCL_ALL = 7 };
    struct space *s = current->space;
    uint32_t flags = tf->ebx;
    if (flags == 0 || flags == MCL_ONFAULT || (flags & ~(uint32_t)MCL_ALL))
        return -EINVAL;
    if ((flags & MCL_CURRENT) && space_lock_all(s, flags & MCL_ONFAULT ? LOCK_ON_FAULT : LOCK_NOW) != VM_OK)
        return -ENOMEM;
    s->lock_future = (flags & MCL_FUTURE) != 0;
    return 0;
}

int32_t sys_munlockall(struct trapframe *tf UNUSED)
{
    struct space *s = current->space;
    s->lock_future = false;
    return error_of(space_lock_all(s, LOCK_NONE));
}
