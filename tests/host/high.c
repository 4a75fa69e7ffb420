/* SPDX-License-Identifier: MIT
 * The fake machine's memory beyond its direct map, and the windows through which mm/ sees it. */
#define _GNU_SOURCE /* memfd_create */
#include "tests/host/high.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/port.h"
#include "tests/host/machine.h"
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file in memory, so that one frame can show at several addresses. A window shows its frame at one of
 * many, one after the other: an old one stays unmapped until all have had their turn. */
enum { WINDOW_TURNS = 256, WINDOW_ROOM = WINDOW_TURNS * PAGE_SIZE };

static int high_file = -1;
static uint8_t *high_ram;     /* all of it, for the CPU */
static uint8_t *windows_room; /* WINDOWS times WINDOW_ROOM */
static struct {
    uint32_t pfn, turn; /* pfn 0: closed */
} windows[WINDOWS];

static uint8_t *window_at(enum page_window w)
{
    return windows_room + w * WINDOW_ROOM + windows[w].turn % WINDOW_TURNS * PAGE_SIZE;
}

static void window_close(enum page_window w)
{
    if (windows[w].pfn == 0)
        return;
    void *at = mmap(window_at(w), PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ASSERT(at == window_at(w), "machine: window %d does not close", w);
    windows[w].pfn = 0;
    windows[w].turn++;
}

void machine_windows_close(void)
{
    for (enum page_window w = 0; w < WINDOWS; w++)
        window_close(w);
}

void *page_window(pfn_t pfn, enum page_window w)
{
    paddr_t pa = pfn_base(pfn);
    if (pa < machine.high || pa >= machine.high_end)
        return phys_to_ptr(pa);
    if (windows[w].pfn != pfn.n) {
        window_close(w);
        void *at = mmap(window_at(w), PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, high_file,
                        (off_t)(pa - machine.high));
        ASSERT(at == window_at(w), "machine: window %d does not open", w);
        windows[w].pfn = pfn.n;
    }
    return window_at(w);
}

static void on_segv(int signal UNUSED, siginfo_t *info, void *context UNUSED)
{
    size_t offset = (size_t)((uint8_t *)info->si_addr - windows_room);
    if (offset < WINDOWS * WINDOW_ROOM)
        panic("machine: a pointer into window %zu is used after it closed", offset / WINDOW_ROOM);
    struct sigaction as_usual = {.sa_handler = SIG_DFL};
    sigaction(SIGSEGV, &as_usual, NULL);
}

void high_init(paddr_t start, uint32_t bytes)
{
    if (high_file >= 0) {
        machine_windows_close();
        munmap(high_ram, machine.high_end - machine.high);
        munmap(windows_room, WINDOWS * WINDOW_ROOM);
        close(high_file);
        high_file = -1;
    }
    machine.high = bytes > 0 ? start : 0;
    machine.high_end = bytes > 0 ? start + bytes : 0;
    if (bytes == 0)
        return;
    high_file = memfd_create("high memory", 0);
    ASSERT(high_file >= 0 && ftruncate(high_file, bytes) == 0, "machine: no file of %u bytes", bytes);
    high_ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, high_file, 0);
    windows_room = mmap(NULL, WINDOWS * WINDOW_ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(high_ram != MAP_FAILED && windows_room != MAP_FAILED, "machine: no room for %u bytes", bytes);
    memset(high_ram, RAM_JUNK, bytes);
    struct sigaction tell = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &tell, NULL);
}

uint8_t *high_at(paddr_t pa)
{
    return high_ram + (pa - machine.high);
}
