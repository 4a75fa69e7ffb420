/* SPDX-License-Identifier: MIT
 * Finding a device's registers, bringing it up, and its queues. */
#include "drivers/virtio.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "mm/port.h"

/* ---- registers ---- */

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
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, FAILED = 128 };
enum { VERSION_1 = 1 << 0 }; /* in word 1 of the features: bit 32 */
enum { NO_INTERRUPT = 1 };   /* in a queue's `available` */

static uint8_t get8(const struct virtio_registers *r, uint32_t at)
{
    return r->memory != NULL ? r->memory[at] : inb((uint16_t)(r->port + at));
}

static uint16_t get16(const struct virtio_registers *r, uint32_t at)
{
    return r->memory != NULL ? *(volatile uint16_t *)(r->memory + at) : inw((uint16_t)(r->port + at));
}

static uint32_t get32(const struct virtio_registers *r, uint32_t at)
{
    return r->memory != NULL ? *(volatile uint32_t *)(r->memory + at) : inl((uint16_t)(r->port + at));
}

static void put8(const struct virtio_registers *r, uint32_t at, uint8_t value)
{
    if (r->memory != NULL)
        r->memory[at] = value;
    else
        outb((uint16_t)(r->port + at), value);
}

static void put16(const struct virtio_registers *r, uint32_t at, uint16_t value)
{
    if (r->memory != NULL)
        *(volatile uint16_t *)(r->memory + at) = value;
    else
        outw((uint16_t)(r->port + at), value);
}

static void put32(const struct virtio_registers *r, uint32_t at, uint32_t value)
{
    if (r->memory != NULL)
        *(volatile uint32_t *)(r->memory + at) = value;
    else
        outl((uint16_t)(r->port + at), value);
}

/* Registers of 64 bits are written as two halves. */
static void put_address(const struct virtio_registers *r, uint32_t at, const volatile void *p)
{
    put32(r, at, ptr_to_phys((const void *)(uintptr_t)p));
    put32(r, at + sizeof(uint32_t), 0);
}

/* Maps what a capability locates. => false: it is somewhere that we cannot reach */
static bool map(const struct pci_device *d, uint8_t capability, struct virtio_registers *r)
{
    bool io;
    uint32_t base, offset = pci_read(d, (uint8_t)(capability + CAP_OFFSET));
    if (!pci_bar(d, pci_read(d, (uint8_t)(capability + CAP_BAR)) & 0xff, &io, &base))
        return false;
    r->bytes = pci_read(d, (uint8_t)(capability + CAP_LENGTH));
    r->port = io ? (uint16_t)(base + offset) : 0;
    r->memory = io ? NULL : paging_map_device(base + offset, r->bytes);
    if (!io && r->memory == NULL)
        r->bytes = 0; /* there are none, not those at port 0 */
    return r->bytes > 0;
}

/* => the first capability of this type, 0: none */
static uint8_t find(const struct pci_device *d, uint8_t type)
{
    uint8_t at = 0;
    do
        at = pci_capability(d, CAPABILITY_VENDOR, at);
    while (at != 0 && pci_read(d, at) >> 24 != type);
    return at;
}

/* ---- initialization ---- */

bool virtio_open(struct virtio *v, const struct pci_device *d)
{
    uint8_t common = find(d, TYPE_COMMON), notify = find(d, TYPE_NOTIFY);
    pci_enable_bus_master(d);
    if (common == 0 || notify == 0 || !map(d, common, &v->common) || !map(d, notify, &v->notify))
        return false;
    v->notify_multiplier = pci_read(d, (uint8_t)(notify + CAP_MULTIPLIER));
    return v->common.bytes >= COMMON_BYTES;
}

static uint32_t offered(const struct virtio *v, uint32_t word)
{
    put32(&v->common, FEATURE_OFFERED_WORD, word);
    return get32(&v->common, FEATURE_OFFERED);
}

static void take(const struct virtio *v, uint32_t word, uint32_t features)
{
    put32(&v->common, FEATURE_TAKEN_WORD, word);
    put32(&v->common, FEATURE_TAKEN, features);
}

bool virtio_start(const struct virtio *v, uint32_t features)
{
    put8(&v->common, STATUS, 0);
    for (uint32_t i = 0; get8(&v->common, STATUS) != 0; i++)
        if (i == VIRTIO_POLL_LIMIT)
            return false;
    put8(&v->common, STATUS, ACKNOWLEDGE);
    put8(&v->common, STATUS, ACKNOWLEDGE | DRIVER);
    if ((offered(v, 0) & features) != features || !(offered(v, 1) & VERSION_1))
        return false;
    take(v, 0, features);
    take(v, 1, VERSION_1);
    put8(&v->common, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    return get8(&v->common, STATUS) & FEATURES_OK;
}

void virtio_run(const struct virtio *v)
{
    put8(&v->common, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

void virtio_fail(const struct virtio *v)
{
    put8(&v->common, STATUS, FAILED);
}

/* ---- queues ---- */

bool virtio_queue_start(const struct virtio *v, struct virtio_queue *q, uint16_t number)
{
    const struct virtio_registers *r = &v->common;
    put16(r, QUEUE_SELECT, number);
    q->device = v;
    q->number = number;
    q->size = MIN(get16(r, QUEUE_SIZE), (uint16_t)VIRTIO_QUEUE_MOST);
    q->notify_at = get16(r, QUEUE_NOTIFY_OFF) * v->notify_multiplier;
    if (q->size == 0 || q->notify_at + sizeof number > v->notify.bytes)
        return false;
    q->available.flags = NO_INTERRUPT;
    put16(r, QUEUE_SIZE, q->size);
    put_address(r, QUEUE_TABLE, &q->table);
    put_address(r, QUEUE_AVAILABLE, &q->available);
    put_address(r, QUEUE_USED, &q->used);
    put16(r, QUEUE_ENABLE, 1);
    return true;
}

void virtio_offer(struct virtio_queue *q, uint16_t id, const void *buffer, uint32_t bytes, uint16_t flags)
{
    q->table[id].address = ptr_to_phys(buffer);
    q->table[id].bytes = bytes;
    q->table[id].flags = flags;
    q->available.ring[q->available.index % q->size] = id;
    memory_barrier();
    q->available.index++;
    memory_barrier();
    put16(&q->device->notify, q->notify_at, q->number);
}

bool virtio_take_back(struct virtio_queue *q, uint16_t *id)
{
    if (q->seen == q->used.index)
        return false;
    memory_barrier();
    *id = (uint16_t)(q->used.ring[q->seen++ % q->size].id % q->size);
    return true;
}
