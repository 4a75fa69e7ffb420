/* SPDX-License-Identifier: MIT
 * Commands on an IDE channel (ATA/ATAPI-6, T13 1410D: registers 7, PIO 9.5 and 9.6, DMA 9.7, reset 9.2) and
 * its bus master (Programming Interface for Bus Master IDE Controller, revision 1.0).
 *
 * A request goes this way; the interrupt does the work, the sleeper only waits:
 *
 *   IDLE --submit--> WORKING --interrupts--> done: the sleeper wakes, the next in the queue is begun
 *                    |   ^
 *                    |   |  once more, then it is done with -EIO
 *                    |---'------------------------------------.
 *                    |  the drive or the bus master failed it |
 *                    '- no end in time -> RESET_HELD -> RESET_SETTLING
 *
 * The kernel runs with interrupts off, so nothing here is entered twice; a handler runs between two
 * instructions of a program, or while nobody has work. */
#include "drivers/ata_channel.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"
#include "drivers/clock.h"
#include "drivers/pci.h"
#include "drivers/pic.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/wait.h"
#include "mm/port.h"

enum { PCI_CLASS_STORAGE = 1, PCI_SUBCLASS_IDE = 1, BUS_MASTER_BAR = 4, BUS_MASTER_SPAN = 8 };
enum { PROG_IF_NATIVE = 1, PROG_IF_BUS_MASTER = 0x80 }; /* native: one bit a channel, two apart */

/* Task file: port + register; the control register is elsewhere. */
enum {
    DATA = 0,
    ERROR = 1,
    COUNT = 2,
    LBA_LOW = 3,
    LBA_MID = 4,
    LBA_HIGH = 5,
    DEVICE = 6,
    STATUS = 7,
    COMMAND = 7
};
enum { STATUS_ERR = 0x01, STATUS_DRQ = 0x08, STATUS_DF = 0x20, STATUS_BSY = 0x80 };
enum { DEVICE_LBA = 0xe0, DEVICE_SECOND = 0x10, CONTROL_INTERRUPTS = 0, CONTROL_RESET = 4 };
enum { READ_DMA = 0xc8, WRITE_DMA = 0xca };
enum { PACKET_LBA_MID = 0x14, PACKET_LBA_HIGH = 0xeb };

enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };
enum { BM_START = 1, BM_TO_MEMORY = 8, BM_ERROR = 2, BM_INTERRUPT = 4 };

enum { ATTEMPTS = 2 };
enum {
    READY_US = 100 * 1000,     /* a drive that is idle takes a command at once */
    POLL_US = 5 * 1000 * 1000, /* and carries it out in this time, with interrupts or without */
    COMMAND_US = POLL_US,
    RESET_HELD_US = 1000, /* 5 us are enough */
    RESET_SETTLE_US = 5000,
    RESET_US = 5 * 1000 * 1000,
};

/* Physical region descriptor: where the bus master finds or puts data. A page never crosses a 64 KiB
 * boundary, and neither does this table. */
struct prd {
    uint32_t address;
    uint16_t bytes, flags;
};
enum { PRD_LAST = 0x8000 };

enum phase { IDLE, WORKING, RESET_HELD, RESET_SETTLING };

struct ata_channel {
    uint16_t port, control, irq;
    uint16_t bus_master; /* 0: none */
    enum phase phase;
    uint64_t due;       /* when the phase has lasted long enough, or too long; microseconds since boot */
    uint64_t reset_end; /* RESET_SETTLING: when hope is given up */
    struct ata_request *current;
    struct list_node queue;
    struct prd prds[BLKDEV_MAX_RUN] __attribute__((aligned(BLKDEV_MAX_RUN * sizeof(struct prd))));
};

static struct ata_channel channels[ATA_CHANNELS] = {
    {.port = 0x1f0, .control = 0x3f6, .irq = 14, .queue = {&channels[0].queue, &channels[0].queue}},
    {.port = 0x170, .control = 0x376, .irq = 15, .queue = {&channels[1].queue, &channels[1].queue}},
};

/* --- registers ---------------------------------------------------------------------------------------- */

/* The status, without acknowledging the interrupt as reading STATUS would. */
static uint8_t alternate_status(const struct ata_channel *ch)
{
    return inb(ch->control);
}

/* Waits until the drive is not busy and the bits in `wanted`, or an error, are there. => the status; with
 * BSY if the time is over. */
static uint8_t poll_status(const struct ata_channel *ch, uint8_t wanted, uint32_t micros)
{
    uint64_t end = clock_micros() + micros;
    for (int i = 0; i < 4; i++)
        (void)alternate_status(ch); /* takes 400 ns, after which the status can be believed */
    for (;;) {
        uint8_t s = alternate_status(ch);
        bool error = (s & (STATUS_ERR | STATUS_DF)) != 0;
        if (!(s & STATUS_BSY) && ((s & wanted) == wanted || error))
            return s;
        if (clock_micros() > end)
            return s | STATUS_BSY;
        cpu_relax();
    }
}

/* Makes the drive the one that the registers talk to. => whether it can take a command */
static bool select(const struct ata_drive *d, uint32_t sector)
{
    const struct ata_channel *ch = d->channel;
    if (poll_status(ch, 0, READY_US) & (STATUS_BSY | STATUS_DRQ))
        return false;
    outb(ch->port + DEVICE, (uint8_t)(DEVICE_LBA | (d->number ? DEVICE_SECOND : 0) | (sector >> 24 & 0x0f)));
    return !(poll_status(ch, 0, READY_US) & (STATUS_BSY | STATUS_DRQ));
}

/* => the drive is selected. 256 sectors are written as 0. */
static void issue(const struct ata_channel *ch, uint8_t command, uint32_t sector, uint32_t sectors)
{
    outb(ch->control, CONTROL_INTERRUPTS);
    outb(ch->port + COUNT, (uint8_t)sectors);
    outb(ch->port + LBA_LOW, (uint8_t)sector);
    outb(ch->port + LBA_MID, (uint8_t)(sector >> 8));
    outb(ch->port + LBA_HIGH, (uint8_t)(sector >> 16));
    outb(ch->port + COMMAND, command);
}

static void move_sector(const struct ata_channel *ch, bool write, void *data)
{
    if (write)
        outsw(ch->port + DATA, data, ATA_SECTOR / sizeof(uint16_t));
    else
        insw(ch->port + DATA, data, ATA_SECTOR / sizeof(uint16_t));
}

/* --- polling, at boot --------------------------------------------------------------------------------- */

int ata_poll(const struct ata_drive *d, enum ata_poll command, uint32_t sector, uint32_t sectors, void *data)
{
    const struct ata_channel *ch = d->channel;
    if (!select(d, sector))
        return -ENXIO;
    issue(ch, (uint8_t)command, sector, sectors);
    if (command == ATA_IDENTIFY && alternate_status(ch) == 0)
        return -ENXIO; /* the other drive answers for the one that is not there */
    for (uint32_t i = 0; i < sectors; i++) {
        uint8_t s = poll_status(ch, STATUS_DRQ, POLL_US);
        if (s & (STATUS_BSY | STATUS_ERR | STATUS_DF))
            return -EIO;
        move_sector(ch, command == ATA_WRITE, (char *)data + i * ATA_SECTOR);
    }
    uint8_t s = poll_status(ch, 0, POLL_US);
    (void)inb(ch->port + STATUS);
    return s & (STATUS_BSY | STATUS_ERR | STATUS_DF) ? -EIO : 0;
}

bool ata_is_packet_drive(const struct ata_drive *d)
{
    uint16_t port = d->channel->port;
    return inb(port + LBA_MID) == PACKET_LBA_MID && inb(port + LBA_HIGH) == PACKET_LBA_HIGH;
}

/* --- one command ---------------------------------------------------------------------------------------- */

static void begin(struct ata_channel *ch);

static uint32_t sectors_of(const struct ata_request *r)
{
    return r->transfer->count * ATA_PAGE_SECTORS;
}

static void stop_bus_master(const struct ata_channel *ch)
{
    if (ch->bus_master != 0)
        outb(ch->bus_master + BM_COMMAND, 0);
}

/* The channel hangs: the drives are reset, and ticks see the reset through. */
static void reset(struct ata_channel *ch)
{
    stop_bus_master(ch);
    outb(ch->control, CONTROL_RESET);
    ch->phase = RESET_HELD;
    ch->due = clock_micros() + RESET_HELD_US;
}

static void log_failure(const struct ata_request *r, uint8_t status, uint8_t error)
{
    log_event(LOG_ERROR, "disk-error disk=%s %s sector=%u count=%u attempt=%u status=0x%02x error=0x%02x",
              r->drive->name, r->transfer->write ? "write" : "read", r->sector, sectors_of(r), r->attempts,
              status, error);
}

/* The end of an attempt; the drive is free. A failed one is repeated once. */
static void finish(struct ata_channel *ch, int result)
{
    struct ata_request *r = ch->current;
    struct ata_counts *counts = &r->drive->counts;
    if (result != 0 && r->attempts < ATTEMPTS) {
        counts->retries++;
        begin(ch);
        return;
    }
    if (result != 0)
        counts->failed++;
    else {
        ++*(r->transfer->write ? &counts->writes : &counts->reads);
        counts->sectors += sectors_of(r);
    }
    r->result = result;
    r->done = true;
    wake_all(r);
    ch->phase = IDLE;
    ch->current = NULL;
    if (list_empty(&ch->queue))
        return;
    ch->current = container_of(list_pop_front(&ch->queue), struct ata_request, link);
    begin(ch);
}

static void finish_failed(struct ata_channel *ch, uint8_t status)
{
    struct ata_request *r = ch->current;
    r->drive->counts.errors++;
    log_failure(r, status, inb(ch->port + ERROR));
    finish(ch, -EIO);
}

static void begin_dma(struct ata_channel *ch, const struct ata_request *r)
{
    const struct blk_transfer *t = r->transfer;
    for (uint32_t i = 0; i < t->count; i++)
        ch->prds[i] =
            (struct prd){pfn_base((pfn_t){t->pfns[i]}), BLKDEV_PAGE, i + 1 == t->count ? PRD_LAST : 0};
    uint8_t direction = t->write ? 0 : BM_TO_MEMORY;
    memory_barrier();
    outl(ch->bus_master + BM_TABLE, ptr_to_phys(ch->prds));
    outb(ch->bus_master + BM_COMMAND, direction);
    outb(ch->bus_master + BM_STATUS, inb(ch->bus_master + BM_STATUS) | BM_ERROR | BM_INTERRUPT); /* cleared */
    issue(ch, t->write ? WRITE_DMA : READ_DMA, r->sector, sectors_of(r));
    outb(ch->bus_master + BM_COMMAND, direction | BM_START);
}

/* One sector, now that the drive asks for it. */
static void pio_sector(struct ata_channel *ch, struct ata_request *r)
{
    const struct blk_transfer *t = r->transfer;
    char *page = page_window((pfn_t){t->pfns[r->moved / ATA_PAGE_SECTORS]}, WINDOW_DRIVER);
    move_sector(ch, t->write, page + r->moved % ATA_PAGE_SECTORS * ATA_SECTOR);
    r->moved++;
}

/* => false if the drive does not take the first sector of a write: it comes without an interrupt */
static bool begin_pio(struct ata_channel *ch, struct ata_request *r)
{
    issue(ch, r->transfer->write ? ATA_WRITE : ATA_READ, r->sector, sectors_of(r));
    if (!r->transfer->write)
        return true;
    uint8_t s = poll_status(ch, STATUS_DRQ, READY_US);
    if (s & (STATUS_BSY | STATUS_ERR | STATUS_DF))
        return false;
    pio_sector(ch, r);
    return true;
}

/* Starts an attempt at ch->current. A drive that does not even take the command gets a reset: that is left
 * to ticks, so that a queue of bad requests does not become a recursion. */
static void begin(struct ata_channel *ch)
{
    struct ata_request *r = ch->current;
    r->moved = 0;
    r->attempts++;
    ch->phase = WORKING;
    ch->due = clock_micros() + COMMAND_US;
    bool taken = select(r->drive, r->sector);
    if (taken && r->drive->dma)
        begin_dma(ch, r);
    else if (taken)
        taken = begin_pio(ch, r);
    if (!taken) {
        r->drive->counts.errors++;
        log_failure(r, alternate_status(ch), 0);
        reset(ch);
    }
}

/* --- interrupts ----------------------------------------------------------------------------------------- */

static void dma_interrupt(struct ata_channel *ch)
{
    uint8_t master = inb(ch->bus_master + BM_STATUS);
    if (!(master & BM_INTERRUPT))
        return; /* late news of an earlier command */
    stop_bus_master(ch);
    uint8_t status = inb(ch->port + STATUS);
    outb(ch->bus_master + BM_STATUS, master | BM_ERROR | BM_INTERRUPT);
    if ((status & (STATUS_BSY | STATUS_DRQ | STATUS_ERR | STATUS_DF)) || (master & BM_ERROR))
        finish_failed(ch, status);
    else
        finish(ch, 0);
}

static void pio_interrupt(struct ata_channel *ch)
{
    struct ata_request *r = ch->current;
    if (alternate_status(ch) & STATUS_BSY)
        return; /* late news of an earlier command */
    uint8_t status = inb(ch->port + STATUS);
    bool all_moved = r->moved == sectors_of(r);
    if ((status & (STATUS_ERR | STATUS_DF)) || all_moved == ((status & STATUS_DRQ) != 0)) {
        finish_failed(ch, status);
        return;
    }
    if (!all_moved)
        pio_sector(ch, r);
    /* a read ends with its last sector, a write with the interrupt after it */
    if (r->moved == sectors_of(r) && (all_moved || !r->transfer->write))
        finish(ch, 0);
}

static void channel_interrupt(struct ata_channel *ch)
{
    if (ch->phase != WORKING)
        (void)inb(ch->port + STATUS); /* nobody waits for it; the drive must drop the line all the same */
    else if (ch->current->drive->dma)
        dma_interrupt(ch);
    else
        pio_interrupt(ch);
}

static void first_interrupt(void)
{
    channel_interrupt(&channels[0]);
}

static void second_interrupt(void)
{
    channel_interrupt(&channels[1]);
}

static void channel_tick(struct ata_channel *ch)
{
    uint64_t now = clock_micros();
    if (ch->phase == IDLE || now < ch->due)
        return;
    switch (ch->phase) {
    case IDLE:
        break;
    case WORKING:
        ch->current->drive->counts.timeouts++;
        log_failure(ch->current, alternate_status(ch), 0);
        reset(ch);
        break;
    case RESET_HELD:
        outb(ch->control, CONTROL_INTERRUPTS);
        ch->phase = RESET_SETTLING;
        ch->due = now + RESET_SETTLE_US;
        ch->reset_end = now + RESET_US;
        break;
    case RESET_SETTLING:
        if (!(alternate_status(ch) & STATUS_BSY) || now > ch->reset_end)
            finish(ch, -EIO);
        break;
    }
}

void ata_tick(void)
{
    for (unsigned i = 0; i < ATA_CHANNELS; i++)
        channel_tick(&channels[i]);
}

/* --- for ata.c ------------------------------------------------------------------------------------------ */

struct ata_channel *ata_channel_find(unsigned n, const char **why)
{
    static bool looked, found;
    static struct pci_device ide;
    if (!looked)
        found = pci_find_class(PCI_CLASS_STORAGE, PCI_SUBCLASS_IDE, &ide);
    looked = true;
    *why = "there is no IDE controller on the PCI bus";
    if (!found)
        return NULL;
    *why = "the IDE controller is not at its legacy ports (PCI native mode)";
    if (ide.prog_if & PROG_IF_NATIVE << 2 * n)
        return NULL;
    struct ata_channel *ch = &channels[n];
    uint16_t base = ide.prog_if & PROG_IF_BUS_MASTER ? pci_io_base(&ide, BUS_MASTER_BAR) : 0;
    if (base != 0) {
        pci_enable_bus_master(&ide);
        ch->bus_master = (uint16_t)(base + n * BUS_MASTER_SPAN);
    }
    return ch;
}

bool ata_channel_has_dma(const struct ata_channel *ch)
{
    return ch->bus_master != 0;
}

void ata_channel_start(struct ata_channel *ch)
{
    outb(ch->control, CONTROL_INTERRUPTS);
    irq_set_handler(ch->irq, ch == &channels[0] ? first_interrupt : second_interrupt);
    pic_unmask(ch->irq);
}

int ata_submit(struct ata_request *r)
{
    struct ata_channel *ch = r->drive->channel;
    struct ata_counts *counts = &r->drive->counts;
    r->attempts = 0;
    r->done = false;
    r->drive->waiting++;
    counts->most_waiting = MAX(counts->most_waiting, r->drive->waiting);
    if (ch->current == NULL) {
        ch->current = r;
        begin(ch);
    } else {
        list_push_back(&ch->queue, &r->link);
    }
    while (!r->done)
        wait_on(r);
    r->drive->waiting--;
    return r->result;
}
