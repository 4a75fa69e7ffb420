/* SPDX-License-Identifier: MIT
 * The order in which the system comes up. Whatever is wrong with what the machine or the user gave is
 * said on the console, with the legal range, and ends in a failure status; it never hangs. */
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "boot/multiboot.h"
#include "drivers/ata.h"
#include "drivers/clock.h"
#include "drivers/exit.h"
#include "drivers/keyboard.h"
#include "drivers/latency.h"
#include "drivers/pic.h"
#include "drivers/ramdisk.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "drivers/zram.h"
#include "kernel/console.h"
#include "kernel/initrd.h"
#include "kernel/ksm.h"
#include "kernel/monitor.h"
#include "kernel/proc.h"
#include "kernel/replay.h"
#include "kernel/script.h"
#include "kernel/status.h"
#include "kernel/symbols.h"
#include "kernel/trace.h"
#include "kernel/turn.h"
#include "kernel/view.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "lib/symbol.h"
#include "lib/trace.h"
#include "mm/buddy.h"
#include "mm/histograms.h"
#include "mm/port.h"
#include "mm/reclaim.h"
#include "mm/slab.h"
#include "mm/source.h"
#include "mm/space.h"

enum {
    MIB_FRAMES = (1 << 20) / PAGE_SIZE,
    MIN_FRAMES = 6 * MIB_FRAMES, /* what the smallest useful machine has left beside image and modules */
    RESERVE_MIN = 64,            /* low frames kept for page tables, stacks and heap, */
    RESERVE_PART = 64,           /* ... or this part of memory, if that is more */
    SWAP_DEFAULT_MB = 16,
    SWAP_MAX_MB = 1024,
    SWAP_PAGES_PER_FRAME = 8, /* more swap than that, and its slot table would take too much of memory */
    ZRAM_OVERCOMMIT = 4,      /* zram may be told to hold so many times the memory that there is */
};

static struct boot_info info;
static struct options options;

/* Frames that the swap disk may take as kernel memory while the system runs. */
static uint32_t disk_frames;

extern char __kernel_end[];

void kernel_main(uint32_t magic, paddr_t multiboot);

static void NORETURN refuse(void)
{
    print(&log_console, "boot: cannot go on\n");
    machine_exit(false);
}

static uint64_t ticks(void)
{
    return rdtsc();
}

static void tick(void)
{
    ata_tick();
    proc_tick();
    status_tick();
    trace_flush();
    view_tick();
}

static void init_console(void)
{
    vga_init();
    log_add_sink(&vga_printer);
    if (serial_init())
        log_add_sink(&serial_printer);
    clock_init();
    log_set_clock(clock_micros);
    log_set_ticks(ticks);
    trace_set_clock(ticks, clock_boot_tsc(), clock_khz());
}

/* The frame database; everything that the loader left and we need is reserved. */
static struct frame_census init_frames(void)
{
    struct phys_range reserved[BOOT_MODULES + 2];
    uint32_t n = 0;
    /* the first MiB holds the BIOS's data, the screen and the loader's tables: not worth the trouble */
    reserved[n++] = (struct phys_range){0, ptr_to_phys(__kernel_end)};
    for (uint32_t i = 0; i < info.module_count; i++)
        reserved[n++] = info.modules[i];
    struct frame_census census;
    if (!frame_init(info.usable, info.usable_count, reserved, n, UINT32_MAX, DIRECT_MAP_MAX, &census)) {
        print(&log_console, "boot: %u KiB of RAM: expected at least 16 MiB\n", (uint32_t)(info.ram / 1024));
        refuse();
    }
    return census;
}

static void NORETURN refuse_swapmb(uint32_t mb, uint32_t most)
{
    print(&log_console, "command line: swapmb=%u: expected 0 to %u on this machine\n", mb,
          MIN(most, (uint32_t)SWAP_MAX_MB));
    refuse();
}

/* The ramdisk takes its memory before the allocator sees it. */
static struct blkdev *make_ramdisk(uint32_t free_frames)
{
    uint32_t mb = options.swap_mb;
    uint32_t most = free_frames > MIN_FRAMES ? (free_frames - MIN_FRAMES) / MIB_FRAMES : 0;
    if (mb == UINT32_MAX)
        mb = MIN((uint32_t)SWAP_DEFAULT_MB, most);
    if (mb == 0)
        return NULL;
    paddr_t at = mb <= most ? frame_take(mb * MIB_FRAMES) : 0;
    if (at == 0)
        refuse_swapmb(mb, most);
    return ramdisk_create(phys_to_ptr(at), mb * MIB_FRAMES);
}

/* An ATA disk, as much of it as the heap can keep a slot table for. */
static struct blkdev *make_ata(unsigned n, uint32_t free_frames)
{
    uint32_t most = MIN(free_frames * SWAP_PAGES_PER_FRAME, SWAP_MAX_MB * (uint32_t)MIB_FRAMES);
    uint32_t mb = options.swap_mb;
    if (mb != UINT32_MAX && (mb == 0 || mb * MIB_FRAMES > most)) {
        print(&log_console, "command line: swapmb=%u: expected 1 to %u on this machine\n", mb,
              most / MIB_FRAMES);
        refuse();
    }
    struct ata_swap wanted = {.most_pages = mb != UINT32_MAX ? mb * MIB_FRAMES : most,
                              .least_pages = SWAP_MIN_SLOTS,
                              .dma = options.ata_dma,
                              .force = options.swap_force};
    struct blkdev *disk = ata_swap_open(n, &wanted, &log_console);
    if (disk == NULL)
        refuse();
    return disk;
}

static struct blkdev *make_hda(uint32_t free_frames)
{
    return make_ata(0, free_frames);
}

static struct blkdev *make_hdb(uint32_t free_frames)
{
    return make_ata(1, free_frames);
}

static struct blkdev *make_hdc(uint32_t free_frames)
{
    return make_ata(2, free_frames);
}

static struct blkdev *make_hdd(uint32_t free_frames)
{
    return make_ata(3, free_frames);
}

/* zram takes memory as pages come, up to half of it; only its table is taken here. */
static struct blkdev *make_zram(uint32_t free_frames)
{
    uint32_t mb = options.swap_mb, most = free_frames / MIB_FRAMES * ZRAM_OVERCOMMIT;
    if (mb == UINT32_MAX)
        mb = MIN(free_frames / MIB_FRAMES / 2, (uint32_t)SWAP_MAX_MB);
    if (mb == 0)
        return NULL;
    uint32_t pages = mb * MIB_FRAMES, table = ALIGN_UP(zram_table_bytes(pages), (size_t)PAGE_SIZE);
    paddr_t at = mb <= most ? frame_take(table / PAGE_SIZE) : 0;
    if (at == 0)
        refuse_swapmb(mb, most);
    disk_frames = MIN(pages, free_frames / 2);
    return zram_create(phys_to_ptr(at), pages, disk_frames);
}

static struct blkdev *make_none(uint32_t free_frames UNUSED)
{
    return NULL;
}

/* What swap= may name, and how to get it; free_frames is what the direct map has left. A maker that cannot
 * deliver says why and refuses. */
static const struct {
    const char *name;
    struct blkdev *(*make)(uint32_t free_frames);
} swap_disks[] = {
    {"ramdisk", make_ramdisk}, {"zram", make_zram}, {"hda", make_hda},   {"hdb", make_hdb},
    {"hdc", make_hdc},         {"hdd", make_hdd},   {"none", make_none},
};

static struct blkdev *init_swap_disk(uint32_t free_frames)
{
    for (size_t i = 0; i < ARRAY_SIZE(swap_disks); i++)
        if (strcmp(options.swap, swap_disks[i].name) == 0)
            return swap_disks[i].make(free_frames);
    print(&log_console, "command line: swap=%s: expected one of:", options.swap);
    for (size_t i = 0; i < ARRAY_SIZE(swap_disks); i++)
        print(&log_console, " %s", swap_disks[i].name);
    print(&log_console, "\n");
    refuse();
}

static uint32_t count_free(uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += frame_table[i].kind == FRAME_FREE;
    return n;
}

static uint32_t kib_below(paddr_t limit)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < info.usable_count; i++)
        bytes += MIN(info.usable[i].end, limit) - MIN(info.usable[i].start, limit);
    return (uint32_t)(bytes / 1024);
}

static void init_memory(void)
{
    struct frame_census census = init_frames();
    paging_init(frame_direct_count << PAGE_SHIFT);
    uint32_t free = count_free(0, frame_direct_count),
             high = count_free(frame_direct_count, frame_table_count);
    free -= MIN(free, high / RESERVE_PART); /* page tables for high memory lie in low memory */
    if (free < MIN_FRAMES) {
        print(&log_console,
              "boot: %u KiB of RAM are free: expected at least %u KiB (16 MiB in the machine)\n",
              free * (PAGE_SIZE / 1024), MIN_FRAMES * (PAGE_SIZE / 1024));
        refuse();
    }
    struct blkdev *disk = init_swap_disk(free);
    if (disk != NULL && options.swap_latency > 0)
        disk = latency_wrap(disk, options.swap_latency);
    free = count_free(0, frame_table_count);
    buddy_init(MAX(free / RESERVE_PART, (uint32_t)RESERVE_MIN) + disk_frames);
    if (swap_init(disk) != VM_OK)
        panic("no heap for the table of %u swap slots", disk->pages);
    if (reclaim_init() != VM_OK)
        panic("no frame for the page of zeros");
    uint32_t most = buddy_free_frames() - MIN(buddy_low_free(), buddy_reserve());
    if (options.frames > most) {
        print(&log_console, "command line: frames=%u: expected all, or %d to %u on this machine\n",
              options.frames, POOL_MIN_LIMIT, most);
        refuse();
    }
    const struct policy *policy = policy_find(options.policy);
    if (policy->needs != 0) {
        print(&log_console, "command line: ");
        if (!pool_suits(policy, false, NULL, &log_console))
            refuse();
    }
    if (pool_init(&main_pool, "main", policy, options.frames ? options.frames : most, options.seed) != VM_OK)
        panic("no heap for policy %s", options.policy);
    main_pool.order = options.order;
    pool_set_accessed(&main_pool, options.accessed);
    pool_heir = &main_pool;
    if (options.pager)
        pool_set_watermarks(&main_pool);
    swap_readahead = options.readahead;
    space_gap_fit = options.mmap_fit;
    trap_check_every = options.check;
    turn_init(disk != NULL && disk->sleeps);
    uint32_t used = kib_below(UINT32_MAX), beyond = used - kib_below(DIRECT_MAP_MAX);
    log_event(LOG_BOOT, "ram total=%uK used=%uK beyond-direct-map=%uK database=%uK free=%uK",
              (uint32_t)(info.ram / 1024), used, beyond, census.database * (PAGE_SIZE / 1024),
              buddy_free_frames() * (PAGE_SIZE / 1024));
    log_event(LOG_BOOT, "pool name=%s policy=%s frames=%u swap=%s slots=%u", main_pool.name,
              main_pool.policy->name, main_pool.limit, disk ? disk->name : "none", swap_total());
}

/* Before anything else is to fit beside it. */
static void check_initrd(void)
{
    for (uint32_t i = 0; i < info.module_count; i++) {
        paddr_t end = info.modules[i].end;
        if (end <= DIRECT_MAP_MAX)
            continue;
        print(&log_console, "boot: %s ends at %#x, beyond the direct map; expected at most %#x\n",
              i == 0 ? "the initrd" : "a trace", end, DIRECT_MAP_MAX);
        refuse();
    }
}

static void init_initrd(void)
{
    if (info.module_count == 0) {
        print(&log_console,
              "boot: no initrd: there are no programs to run (QEMU: -initrd FILE; GRUB: module)\n");
        return;
    }
    struct phys_range m = info.modules[0];
    if (!initrd_init(phys_to_ptr(m.start), m.end - m.start, &log_console))
        refuse();
}

/* All other modules are traces, but one may be a script. */
static void init_modules(void)
{
    for (uint32_t i = 1; i < info.module_count; i++) {
        struct phys_range m = info.modules[i];
        if (script_add(phys_to_ptr(m.start), m.end - m.start))
            continue;
        if (!trace_add(phys_to_ptr(m.start), m.end - m.start, &log_console))
            refuse();
    }
}

static void init_ksm(void)
{
    if (ksm_set(options.ksm) != VM_OK)
        panic("no memory for same-page merging");
}

static void first_thread(void *arg UNUSED)
{
    if (proc_thread("pager", pager_run, NULL) == NULL)
        panic("no memory for the pager");
    if (options.ksm != MERGE_OFF)
        init_ksm();
    if (!allot_set(&options.allot, &log_console))
        refuse();
    monitor_run(options.run);
}

/* From start.S, on the boot stack, interrupts off. */
void kernel_main(uint32_t magic, paddr_t multiboot)
{
    const char *wrong = boot_info_read(&info, magic, multiboot);
    cpu_init();
    pic_init();
    init_console();
    if (wrong != NULL) {
        print(&log_console, "boot: %s\n", wrong);
        refuse();
    }
    if (options_parse(info.command_line, &options, &log_console) > 0)
        refuse();
    log_event(LOG_BOOT, "faultline tsc=%ukHz command-line=\"%s\"", clock_khz(), info.command_line);
    buddy_junk = options.debug;
    symbol_lookup = symbol_of;
    slab_set_debug(options.slab_debug);
    check_initrd();
    init_memory();
    init_initrd();
    init_modules();
    if (!trace_init(options.trace_port, options.trace_kib, &log_console))
        refuse();
    if (options.trace != NULL && !trace_start(options.trace, &log_console))
        refuse();
    if (options.hist && histograms_start() != VM_OK) {
        print(&log_console, "command line: hist=on: no memory for the eviction times of %u swap slots\n",
              swap_total());
        refuse();
    }
    console_init();
    keyboard_init();
    serial_enable_input();
    view_start(&options.view);
    clock_set_tick_handler(tick);
    proc_start(first_thread);
}
