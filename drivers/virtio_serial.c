/* SPDX-License-Identifier: MIT
 * Port 1 of a virtio-serial device, output only and polled, on QEMU and v86. (Virtual I/O Device (VIRTIO)
 * Version 1.1: 2.6 split virtqueues, 3.1.1 initialization, 4.1 virtio over PCI, 5.3 console device.)
 *
 * What is sent is not copied: a descriptor names the chunk where it lies. Nothing here waits without a bound,
 * and once the port is open nothing waits at all. */
#include "drivers/virtio_serial.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "drivers/pci.h"
#include "lib/log.h"
#include "mm/port.h"

enum { POLL_LIMIT = 1000000 };

/* ---- registers, in I/O ports or in memory ---- */

enum { VENDOR_VIRTIO = 0x1af4, CONSOLE_TRANSITIONAL = 0x1003, CONSOLE = 0x1043 };

/* struct virtio_pci_cap (4.1.4): offsets, and types of what it locates */
enum { CAPABILITY_VENDOR = 9, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_MULTIPLIER = 16 };
enum { TYPE_COMMON = 1, TYPE_NOTIFY = 2 };

/* struct virtio_pci_common_cfg (4.1.4.3) */
enum {
    FEATURE_OFFERED_WORD = 0,
    FEATURE_OFFERED = 4,
    FEATURE_TAKEN_WORD = 8,
    FEATURE_TAKEN = 12,
    STATUS = 20,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_ENABLE = 28,
    QUEUE_NOTIFY_OFF = 30,
    QUEUE_TABLE = 32,
    QUEUE_AVAILABLE = 40,
    QUEUE_USED = 48,
    COMMON_BYTES = 56
};
enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_FAILED = 128
};
enum { MULTIPORT = 1 << 1, VERSION_1 = 1 << 0 }; /* in words 0 and 1 of the features */

struct registers {
    uint16_t port; /* if memory is NULL */
    volatile uint8_t *memory;
    uint32_t bytes;
};

static struct registers common, notify;
static uint32_t notify_multiplier;

static uint8_t get8(uint32_t at)
{
    return common.memory != NULL ? common.memory[at] : inb((uint16_t)(common.port + at));
}

static uint16_t get16(uint32_t at)
{
    return common.memory != NULL ? *(volatile uint16_t *)(common.memory + at)
                                 : inw((uint16_t)(common.port + at));
}

static uint32_t get32(uint32_t at)
{
    return common.memory != NULL ? *(volatile uint32_t *)(common.memory + at)
                                 : inl((uint16_t)(common.port + at));
}

static void put8(uint32_t at, uint8_t value)
{
    if (common.memory != NULL)
        common.memory[at] = value;
    else
        outb((uint16_t)(common.port + at), value);
}

static void put16(const struct registers *r, uint32_t at, uint16_t value)
{
    if (r->memory != NULL)
        *(volatile uint16_t *)(r->memory + at) = value;
    else
        outw((uint16_t)(r->port + at), value);
}

static void put32(uint32_t at, uint32_t value)
{
    if (common.memory != NULL)
        *(volatile uint32_t *)(common.memory + at) = value;
    else
        outl((uint16_t)(common.port + at), value);
}

/* Registers of 64 bits are written as two halves. */
static void put_address(uint32_t at, const volatile void *p)
{
    put32(at, ptr_to_phys((const void *)(uintptr_t)p));
    put32(at + sizeof(uint32_t), 0);
}

/* Finds and maps what a capability of this type locates. => false: there is none of that size */
static bool locate(const struct pci_device *d, uint8_t type, uint32_t least, struct registers *r)
{
    for (uint8_t at = 0; (at = pci_capability(d, CAPABILITY_VENDOR, at)) != 0;) {
        bool io;
        uint32_t base, offset = pci_read(d, (uint8_t)(at + CAP_OFFSET));
        r->bytes = pci_read(d, (uint8_t)(at + CAP_LENGTH));
        if (pci_read(d, at) >> 24 != type || r->bytes < least ||
            !pci_bar(d, pci_read(d, (uint8_t)(at + CAP_BAR)) & 0xff, &io, &base))
            continue;
        if (type == TYPE_NOTIFY)
            notify_multiplier = pci_read(d, (uint8_t)(at + CAP_MULTIPLIER));
        r->port = io ? (uint16_t)(base + offset) : 0;
        r->memory = io ? NULL : paging_map_device(base + offset, r->bytes);
        return io || r->memory != NULL;
    }
    return false;
}

/* ---- queues ---- */

enum { QUEUE_MOST = 16, NO_INTERRUPT = 1, DEVICE_WRITES = 2 };

struct queue {
    struct {
        uint64_t address;
        uint32_t bytes;
        uint16_t flags, next;
    } table[QUEUE_MOST] __attribute__((aligned(16)));
    struct {
        uint16_t flags, index, ring[QUEUE_MOST];
    } available;
    volatile struct {
        uint16_t flags, index;
        struct {
            uint32_t id, bytes;
        } ring[QUEUE_MOST];
    } used __attribute__((aligned(4)));
    uint16_t number, size;
    uint16_t seen; /* what the device has used, as far as we have looked */
    uint32_t notify_at;
};

static bool queue_start(struct queue *q, uint16_t number)
{
    put16(&common, QUEUE_SELECT, number);
    q->number = number;
    q->size = MIN(get16(QUEUE_SIZE), (uint16_t)QUEUE_MOST);
    q->notify_at = get16(QUEUE_NOTIFY_OFF) * notify_multiplier;
    if (q->size == 0 || q->notify_at + sizeof number > notify.bytes)
        return false;
    q->available.flags = NO_INTERRUPT;
    put16(&common, QUEUE_SIZE, q->size);
    put_address(QUEUE_TABLE, &q->table);
    put_address(QUEUE_AVAILABLE, &q->available);
    put_address(QUEUE_USED, &q->used);
    put16(&common, QUEUE_ENABLE, 1);
    return true;
}

/* Gives descriptor `id` to the device, with a buffer. */
static void offer(struct queue *q, uint16_t id, const void *buffer, uint32_t bytes, uint16_t flags)
{
    q->table[id].address = ptr_to_phys(buffer);
    q->table[id].bytes = bytes;
    q->table[id].flags = flags;
    q->available.ring[q->available.index % q->size] = id;
    memory_barrier();
    q->available.index++;
    memory_barrier();
    put16(&notify, q->notify_at, q->number);
}

/* => whether the device has given a descriptor back since we looked last; then *id is which */
static bool take_back(struct queue *q, uint16_t *id)
{
    if (q->seen == q->used.index)
        return false;
    memory_barrier();
    *id = (uint16_t)(q->used.ring[q->seen++ % q->size].id % q->size);
    return true;
}

/* ---- control messages (5.3.6.2) ---- */

enum { CONTROL_IN = 2, CONTROL_OUT = 3, PORT = 1, DATA_OUT = 5 }; /* queues; of ports: the one that is ours */
enum { EVENT_DEVICE_READY = 0, EVENT_PORT_ADD = 1, EVENT_PORT_READY = 3, EVENT_PORT_OPEN = 6 };

struct message {
    uint32_t port;
    uint16_t event, value;
    char text[24]; /* a port's name: cut off */
};

static struct queue control_in, control_out, data;
static struct message said[QUEUE_MOST];
static bool exists;           /* our port */
static bool connected = true; /* and something on the host listens; v86 never says so */

static void listen(void)
{
    uint16_t id;
    while (take_back(&control_in, &id)) {
        const struct message *m = &said[id];
        if (m->port == PORT && m->event == EVENT_PORT_ADD)
            exists = true;
        else if (m->port == PORT && m->event == EVENT_PORT_OPEN)
            connected = m->value != 0;
        offer(&control_in, id, m, sizeof *m, DEVICE_WRITES);
    }
}

/* v86 gives some messages back twice. => false: it does not take the message */
static bool tell(uint32_t port, uint16_t event)
{
    static struct message m;
    m = (struct message){.port = port, .event = event, .value = 1};
    offer(&control_out, 0, &m, offsetof(struct message, text), 0);
    for (uint32_t i = 0; i < POLL_LIMIT; i++, cpu_relax())
        if ((int16_t)(control_out.used.index - control_out.available.index) >= 0)
            return true;
    return false;
}

/* ---- the port ---- */

static const struct trace_chunk *flying[QUEUE_MOST]; /* by descriptor; NULL: free */

static void reap(void)
{
    uint16_t id;
    while (take_back(&data, &id))
        flying[id] = NULL;
}

static bool send(const struct trace_chunk *chunk, uint32_t bytes)
{
    reap();
    listen();
    for (uint16_t id = 0; connected && id < data.size; id++)
        if (flying[id] == NULL) {
            flying[id] = chunk;
            offer(&data, id, chunk, bytes, 0);
            return true;
        }
    return false;
}

static bool sent(const struct trace_chunk *chunk)
{
    reap();
    for (uint16_t id = 0; id < data.size; id++)
        if (flying[id] == chunk)
            return false;
    return true;
}

/* ---- opening it ---- */

static bool is_console(const struct pci_device *d, void *found)
{
    bool is = d->vendor == VENDOR_VIRTIO && (d->device == CONSOLE_TRANSITIONAL || d->device == CONSOLE);
    if (is)
        *(struct pci_device *)found = *d;
    return is;
}

static uint32_t offered(uint32_t word)
{
    put32(FEATURE_OFFERED_WORD, word);
    return get32(FEATURE_OFFERED);
}

static void take(uint32_t word, uint32_t features)
{
    put32(FEATURE_TAKEN_WORD, word);
    put32(FEATURE_TAKEN, features);
}

/* Initialization in the order of 3.1.1. => false: it cannot do what we need */
static bool start_device(void)
{
    put8(STATUS, 0);
    for (uint32_t i = 0; get8(STATUS) != 0; i++)
        if (i == POLL_LIMIT)
            return false;
    put8(STATUS, STATUS_ACKNOWLEDGE);
    put8(STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    if (!(offered(0) & MULTIPORT) || !(offered(1) & VERSION_1))
        return false;
    take(0, MULTIPORT);
    take(1, VERSION_1);
    put8(STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    if (!(get8(STATUS) & STATUS_FEATURES_OK) || !queue_start(&control_in, CONTROL_IN) ||
        !queue_start(&control_out, CONTROL_OUT) || !queue_start(&data, DATA_OUT))
        return false;
    put8(STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    return true;
}

/* => false: the device has no such port */
static bool open_port(void)
{
    for (uint16_t id = 0; id < control_in.size; id++)
        offer(&control_in, id, &said[id], sizeof said[id], DEVICE_WRITES);
    if (!tell(UINT32_MAX, EVENT_DEVICE_READY))
        return false;
    for (uint32_t i = 0; i < POLL_LIMIT && !exists; i++, cpu_relax())
        listen();
    return exists && tell(PORT, EVENT_PORT_READY) && tell(PORT, EVENT_PORT_OPEN);
}

const struct trace_port *virtio_serial_open(void)
{
    static const struct trace_port port = {"virtio", send, sent};
    struct pci_device d;
    if (!pci_scan(is_console, &d))
        return NULL;
    pci_enable_bus_master(&d);
    if (!locate(&d, TYPE_COMMON, COMMON_BYTES, &common) ||
        !locate(&d, TYPE_NOTIFY, sizeof(uint16_t), &notify))
        return NULL;
    if (!start_device() || !open_port()) {
        put8(STATUS, STATUS_FAILED);
        log_event(LOG_BOOT, "trace-port virtio-serial %02x:%02x.%u has no port nr=%d", d.bus, d.slot,
                  d.function, PORT);
        return NULL;
    }
    log_event(LOG_BOOT, "trace-port name=%s pci=%02x:%02x.%u device=%04x:%04x queue=%u", port.name, d.bus,
              d.slot, d.function, d.vendor, d.device, data.size);
    return &port;
}
