/* SPDX-License-Identifier: MIT
 * A way out for traces that does not disturb the console: port 1 of a virtio-serial device. */
#ifndef DRIVERS_VIRTIO_SERIAL_H
#define DRIVERS_VIRTIO_SERIAL_H

#include "lib/trace.h"

/* Looks for a device with a port 1 (QEMU: -device virtio-serial-pci -device virtserialport,nr=1,chardev=...)
 * and opens it. Logs what it found. => NULL: there is none, or it does not answer */
const struct trace_port *virtio_serial_open(void);

#endif
