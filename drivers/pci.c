/* SPDX-License-Identifier: MIT
 * Walking the PCI buses: bus 0, and each bus that a bridge on the way names as the one behind it. */
#include "drivers/pci.h"
#include "arch/x86/io.h"
#include "lib/command.h"

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };
#define CONFIG_ENABLE (1u << 31)

/* Registers, and the fields in them (same, 6.1; bridges: PCI-to-PCI Bridge Architecture Specification 1.2).
 */
enum {
    REG_ID = 0x00,
    REG_COMMAND = 0x04,
    REG_CLASS = 0x08,
    REG_HEADER = 0x0c,
    REG_BAR0 = 0x10,
    REG_BUSES = 0x18
};
enum { NO_VENDOR = 0xffff, COMMAND_IO = 1, COMMAND_MASTER = 4, BAR_IO = 1 };
#define COMMAND_MASK       0x0000ffffu /* the upper half is status: ones written there clear it */
#define BAR_IO_MASK        0x0000fffcu
#define HEADER_MANY        0x00800000u
#define HEADER_TYPE_MASK   0x007f0000u
#define HEADER_TYPE_BRIDGE 0x00010000u

enum { SLOTS = 32, FUNCTIONS = 8 };

static uint32_t address_of(const struct pci_device *d, uint8_t at)
{
    return CONFIG_ENABLE | (uint32_t)d->bus << 16 | (uint32_t)d->slot << 11 | (uint32_t)d->function << 8 | at;
}

uint32_t pci_read(const struct pci_device *d, uint8_t at)
{
    outl(CONFIG_ADDRESS, address_of(d, at));
    return inl(CONFIG_DATA);
}

void pci_write(const struct pci_device *d, uint8_t at, uint32_t value)
{
    outl(CONFIG_ADDRESS, address_of(d, at));
    outl(CONFIG_DATA, value);
}

/* The address register keeps what is written only where there is such a register. */
static bool present(void)
{
    outl(CONFIG_ADDRESS, CONFIG_ENABLE);
    return inl(CONFIG_ADDRESS) == CONFIG_ENABLE;
}

/* Fills in what d says it is. => false if nothing is there */
static bool identify(struct pci_device *d)
{
    uint32_t id = pci_read(d, REG_ID), class = pci_read(d, REG_CLASS);
    d->vendor = (uint16_t)id;
    d->device = (uint16_t)(id >> 16);
    d->class_code = (uint8_t)(class >> 24);
    d->subclass = (uint8_t)(class >> 16);
    d->prog_if = (uint8_t)(class >> 8);
    return d->vendor != NO_VENDOR;
}

bool pci_scan(bool (*see)(const struct pci_device *d, void *arg), void *arg)
{
    if (!present())
        return false;
    uint32_t last_bus = 0;
    for (uint32_t bus = 0; bus <= last_bus; bus++) {
        for (uint8_t slot = 0; slot < SLOTS; slot++) {
            uint8_t functions = 1;
            for (uint8_t function = 0; function < functions; function++) {
                struct pci_device d = {.bus = (uint8_t)bus, .slot = slot, .function = function};
                if (!identify(&d))
                    continue;
                uint32_t header = pci_read(&d, REG_HEADER);
                if (header & HEADER_MANY)
                    functions = FUNCTIONS;
                if ((header & HEADER_TYPE_MASK) == HEADER_TYPE_BRIDGE) {
                    uint32_t behind = pci_read(&d, REG_BUSES) >> 8 & 0xff;
                    last_bus = MAX(last_bus, behind);
                }
                if (see(&d, arg))
                    return true;
            }
        }
    }
    return false;
}

static bool same_class(const struct pci_device *d, void *arg)
{
    struct pci_device *wanted = arg;
    if (d->class_code != wanted->class_code || d->subclass != wanted->subclass)
        return false;
    *wanted = *d;
    return true;
}

bool pci_find_class(uint8_t class_code, uint8_t subclass, struct pci_device *out)
{
    *out = (struct pci_device){.class_code = class_code, .subclass = subclass};
    return pci_scan(same_class, out);
}

uint16_t pci_io_base(const struct pci_device *d, unsigned n)
{
    uint32_t bar = pci_read(d, (uint8_t)(REG_BAR0 + n * sizeof bar));
    return bar & BAR_IO ? (uint16_t)(bar & BAR_IO_MASK) : 0;
}

void pci_enable_bus_master(const struct pci_device *d)
{
    uint32_t command = pci_read(d, REG_COMMAND) & COMMAND_MASK;
    pci_write(d, REG_COMMAND, command | COMMAND_IO | COMMAND_MASTER);
}

static const char *class_name(const struct pci_device *d)
{
    static const struct {
        uint8_t class_code, subclass;
        const char *name;
    } names[] = {
        {0x01, 0x01, "IDE controller"}, {0x01, 0x06, "SATA controller"}, {0x01, 0x08, "NVMe controller"},
        {0x02, 0x00, "Ethernet"},       {0x03, 0x00, "VGA display"},     {0x06, 0x00, "host bridge"},
        {0x06, 0x01, "ISA bridge"},     {0x06, 0x04, "PCI bridge"},      {0x06, 0x80, "bridge"},
        {0x0c, 0x03, "USB controller"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].class_code == d->class_code && names[i].subclass == d->subclass)
            return names[i].name;
    return "other";
}

struct listing {
    struct printer *out;
    uint32_t count;
};

static bool list_one(const struct pci_device *d, void *arg)
{
    struct listing *l = arg;
    print(l->out, "  %02x:%02x.%u %04x:%04x class=%02x.%02x.%02x %s\n", d->bus, d->slot, d->function,
          d->vendor, d->device, d->class_code, d->subclass, d->prog_if, class_name(d));
    l->count++;
    return false;
}

static int command_run(int argc UNUSED, char **argv UNUSED, struct printer *out)
{
    struct listing l = {.out = out};
    pci_scan(list_one, &l);
    print(out, "pci: %u device%s\n", l.count, l.count == 1 ? "" : "s");
    return 0;
}

COMMAND_AT_STOP(pci, "", "the devices on the PCI buses", command_run);
