/* SPDX-License-Identifier: MIT
 * Virtio devices on the PCI bus, by the modern interface, polled. (Virtual I/O Device (VIRTIO)
 * Version 1.1: 2.6 split virtqueues, 3.1.1 initialization, 4.1 virtio over PCI.) */
#ifndef DRIVERS_VIRTIO_H
#define DRIVERS_VIRTIO_H

#include "drivers/pci.h"

enum { VIRTIO_VENDOR = 0x1af4, VIRTIO_POLL_LIMIT = 1000000 };

/* Registers, in I/O ports or in memory. */
struct virtio_registers {
    uint16_t port; /* if memory is NULL */
    volatile uint8_t *memory;
    uint32_t bytes;
};

struct virtio {
    struct virtio_registers common, notify;
    uint32_t notify_multiplier;
};

enum { VIRTIO_QUEUE_MOST = 16, VIRTIO_DEVICE_WRITES = 2 };

struct virtio_queue {
    struct {
        uint64_t address;
        uint32_t bytes;
        uint16_t flags, next;
    } table[VIRTIO_QUEUE_MOST] __attribute__((aligned(16)));
    struct {
        uint16_t flags, index, ring[VIRTIO_QUEUE_MOST];
    } available;
    volatile struct {
        uint16_t flags, index;
        struct {
            uint32_t id, bytes;
        } ring[VIRTIO_QUEUE_MOST];
    } used __attribute__((aligned(4)));
    const struct virtio *device;
    uint16_t number, size; /* of descriptors: at most VIRTIO_QUEUE_MOST, less if the device has less */
    uint16_t seen;         /* of what the device has used, so much was taken back */
    uint32_t notify_at;
};

/* The steps of initialization, in this order. => false: the device cannot do that; virtio_fail ends it */
bool virtio_open(struct virtio *v, const struct pci_device *d);
bool virtio_start(const struct virtio *v,
                  uint32_t features); /* of features 0 to 31; it must have all of these */
bool virtio_queue_start(const struct virtio *v, struct virtio_queue *q, uint16_t number);
void virtio_run(const struct virtio *v);
void virtio_fail(const struct virtio *v);

/* Gives descriptor `id`, which must be free, to the device, with a buffer in one piece of physical memory. */
void virtio_offer(struct virtio_queue *q, uint16_t id, const void *buffer, uint32_t bytes, uint16_t flags);

/* => whether the device has given one more descriptor back; then *id is which */
bool virtio_take_back(struct virtio_queue *q, uint16_t *id);

#endif
