/* SPDX-License-Identifier: MIT
 * Port 1 of a virtio-serial device, output only and polled, on QEMU and v86. (Virtual I/O Device (VIRTIO)
 * Version 1.1, 5.3 console device.)
 *
 * What is sent is not copied: a descriptor names the chunk where it lies. Nothing here waits without a bound,
 * and once the port is open nothing waits at all. */
#include "drivers/virtio_serial.h"
#include "arch/x86/io.h"
#include "drivers/virtio.h"
#include "lib/log.h"

enum { DEVICE_TRANSITIONAL = 0x1003, DEVICE_MODERN = 0x1043, FEATURE_MULTIPORT = 1 << 1 };

/* ---- control messages (5.3.6.2) ---- */

enum { CONTROL_IN = 2, CONTROL_OUT = 3, PORT = 1, DATA_OUT = 5 }; /* queues; of ports: the one that is ours */
enum { EVENT_DEVICE_READY = 0, EVENT_PORT_ADD = 1, EVENT_PORT_READY = 3, EVENT_PORT_OPEN = 6 };

struct message {
    uint32_t port;
    uint16_t event, value;
    char text[24]; /* a port's name, or as much of it as fits */
};

static struct virtio device;
static struct virtio_queue control_in, control_out, data_out;
static struct message said[VIRTIO_QUEUE_MOST];
static bool exists;           /* our port */
static bool connected = true; /* somebody on the host listens; v86 never says so */

static void listen(void)
{
    uint16_t id;
    while (virtio_take_back(&control_in, &id)) {
        const struct message *m = &said[id];
        if (m->port == PORT && m->event == EVENT_PORT_ADD)
            exists = true;
        else if (m->port == PORT && m->event == EVENT_PORT_OPEN)
            connected = m->value != 0;
        virtio_offer(&control_in, id, m, sizeof *m, VIRTIO_DEVICE_WRITES);
    }
}

/* v86 gives some messages back twice: there is nothing to be learned from them, so what counts is that enough
 * came back. => false: the device does not take the message */
static bool tell(uint32_t port, uint16_t event)
{
    static struct message m;
    m = (struct message){.port = port, .event = event, .value = 1};
    virtio_offer(&control_out, 0, &m, offsetof(struct message, text), 0);
    for (uint32_t i = 0; i < VIRTIO_POLL_LIMIT; i++, cpu_relax())
        if ((int16_t)(control_out.used.index - control_out.available.index) >= 0)
            return true;
    return false;
}

/* ---- the port ---- */

static const struct trace_chunk *flying[VIRTIO_QUEUE_MOST]; /* by descriptor; NULL: free */

static void reap(void)
{
    uint16_t id;
    while (virtio_take_back(&data_out, &id))
        flying[id] = NULL;
}

static bool send(const struct trace_chunk *chunk, uint32_t bytes)
{
    reap();
    listen();
    for (uint16_t id = 0; connected && id < data_out.size; id++)
        if (flying[id] == NULL) {
            flying[id] = chunk;
            virtio_offer(&data_out, id, chunk, bytes, 0);
            return true;
        }
    return false;
}

static bool sent(const struct trace_chunk *chunk)
{
    reap();
    for (uint16_t id = 0; id < data_out.size; id++)
        if (flying[id] == chunk)
            return false;
    return true;
}

/* ---- opening it ---- */

static bool is_console(const struct pci_device *d, void *found)
{
    bool is = d->vendor == VIRTIO_VENDOR && (d->device == DEVICE_TRANSITIONAL || d->device == DEVICE_MODERN);
    if (is)
        *(struct pci_device *)found = *d;
    return is;
}

static bool start_device(const struct pci_device *d)
{
    if (!virtio_open(&device, d) || !virtio_start(&device, FEATURE_MULTIPORT) ||
        !virtio_queue_start(&device, &control_in, CONTROL_IN) ||
        !virtio_queue_start(&device, &control_out, CONTROL_OUT) ||
        !virtio_queue_start(&device, &data_out, DATA_OUT))
        return false;
    virtio_run(&device);
    return true;
}

static bool open_port(void)
{
    for (uint16_t id = 0; id < control_in.size; id++)
        virtio_offer(&control_in, id, &said[id], sizeof said[id], VIRTIO_DEVICE_WRITES);
    if (!tell(UINT32_MAX, EVENT_DEVICE_READY))
        return false;
    for (uint32_t i = 0; i < VIRTIO_POLL_LIMIT && !exists; i++, cpu_relax())
        listen();
    return exists && tell(PORT, EVENT_PORT_READY) && tell(PORT, EVENT_PORT_OPEN);
}

const struct trace_port *virtio_serial_open(void)
{
    static const struct trace_port port = {"virtio", send, sent};
    struct pci_device d;
    if (!pci_scan(is_console, &d))
        return NULL;
    bool started = start_device(&d);
    if (started && open_port()) {
        log_event(LOG_BOOT, "trace-port name=%s pci=%02x:%02x.%u device=%04x:%04x queue=%u", port.name, d.bus,
                  d.slot, d.function, d.vendor, d.device, data_out.size);
        return &port;
    }
    log_event(LOG_BOOT, "trace-port virtio-serial %02x:%02x.%u %s", d.bus, d.slot, d.function,
              started ? "has no port nr=1" : "does not have what VIRTIO 1.1 promises");
    if (device.common.bytes != 0)
        virtio_fail(&device);
    return NULL;
}
