/* SPDX-License-Identifier: MIT
 * Faults that can be injected into the swap disks that are made of memory, and the console command `disk`.
 * `disk fail-read 3` fails the third read from now, `disk corrupt 1` flips a bit of the block read next. */
#ifndef DRIVERS_INJECT_H
#define DRIVERS_INJECT_H

#include "lib/blkdev.h"

enum injection { INJECT_NOTHING, INJECT_FAIL_READ, INJECT_FAIL_WRITE, INJECT_CORRUPT };

extern struct injector {
    const struct blkdev *disk; /* NULL: none that can be injected into */
    uint32_t reads, writes;    /* blocks */
    enum injection armed;
    uint32_t after; /* strikes when this many more transfers of its kind have come */
} injector;

/* Makes `disk` the one that the command speaks of. */
void inject_into(const struct blkdev *disk);

/* What happens to a transfer of one block while a fault is armed. */
enum injection inject_strike(bool write);

/* The disk calls this for each block that it is about to transfer. => what it must do to it */
static inline enum injection inject_block(bool write)
{
    ++*(write ? &injector.writes : &injector.reads);
    return likely(injector.armed == INJECT_NOTHING) ? INJECT_NOTHING : inject_strike(write);
}

#endif
