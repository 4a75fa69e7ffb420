/* SPDX-License-Identifier: MIT
 * PCI configuration space through mechanism 1 (PCI Local Bus Specification 3.0, 3.2.2.3.2): enough to find
 * a device by what it is and to let it reach memory. */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "lib/types.h"

/* Where a function is, and what it says it is. */
struct pci_device {
    uint8_t bus, slot, function;
    uint8_t class_code, subclass, prog_if;
    uint16_t vendor, device;
};

/* Calls `see` for every function behind every bridge, in order of bus, slot, function, until it returns
 * true. A machine without PCI has none. => whether some call returned true */
bool pci_scan(bool (*see)(const struct pci_device *d, void *arg), void *arg);

/* => whether there is one; the first is in *out */
bool pci_find_class(uint8_t class_code, uint8_t subclass, struct pci_device *out);

/* `at` is the offset of an aligned 32-bit register. */
uint32_t pci_read(const struct pci_device *d, uint8_t at);
void pci_write(const struct pci_device *d, uint8_t at, uint32_t value);

/* => the first I/O port of base address register n, 0 if that is empty or in memory */
uint16_t pci_io_base(const struct pci_device *d, unsigned n);

/* Base address register n. => false if it is empty or beyond 4 GiB; else its first I/O port, or its physical
 * address */
bool pci_bar(const struct pci_device *d, unsigned n, bool *io, uint32_t *base);

/* => where the first capability with this id behind the one at `after` is, or the first of all if that is 0;
 * 0: there is none (same, 6.7) */
uint8_t pci_capability(const struct pci_device *d, uint8_t id, uint8_t after);

/* The device may answer at its I/O ports and addresses, and read and write memory by itself. */
void pci_enable_bus_master(const struct pci_device *d);

#endif
