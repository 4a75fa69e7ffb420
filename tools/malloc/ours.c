/* SPDX-License-Identifier: MIT
 * The contestant that is the kernel's kmalloc, on the fake machine of the host tests, optimised as in the
 * kernel, without what only tests pay for: junk on free, the checks of locks. */
#include "lib/panic.h"
#include "lib/print.h"
#include "mm/buddy.h"
#include "mm/slab.h"
#include "tests/host/machine.h"
#include "tools/malloc/contestant.h"
#include <stdio.h>
#include <stdlib.h>

/* Frames of RAM for each page of the largest number of live bytes, and in any case. */
enum { FRAMES_PER_PAGE = 3, LEAST_FRAMES = 4096 };

static uint32_t free_at_start;

void panic(const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(stderr, "panic: %s\n", text);
    abort();
}

static void start(uint64_t peak_live)
{
    machine_build((uint32_t)(peak_live / PAGE_SIZE) * FRAMES_PER_PAGE + LEAST_FRAMES, 0, 0);
    buddy_junk = false;
    free_at_start = buddy_free_frames();
}

static uint64_t held(void)
{
    return (uint64_t)(free_at_start - buddy_free_frames()) * PAGE_SIZE;
}

static void write_error(struct printer *to UNUSED, const char *text, size_t len)
{
    fwrite(text, 1, len, stderr);
}

static bool check(void)
{
    struct printer out = {write_error};
    return slab_check(&out) && buddy_check(&out);
}

const struct contestant contestant = {
    .start = start,
    .malloc = kmalloc,
    .realloc = krealloc,
    .free = kfree,
    .held = held,
    .check = check,
};
