/* SPDX-License-Identifier: MIT
 * The 16550 UART at COM1, 115200 8N1. Sends by polling, receives by interrupt. */
#include "drivers/serial.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"
#include "drivers/fkeys.h"
#include "drivers/input.h"
#include "drivers/pic.h"

enum { COM1 = 0x3f8, SERIAL_IRQ = 4 };
enum {
    DATA = COM1,
    IER = COM1 + 1,
    FCR = COM1 + 2,
    LCR = COM1 + 3,
    MCR = COM1 + 4,
    LSR = COM1 + 5,
    SCRATCH = COM1 + 7
};
enum { IER_RECEIVED = 1, FCR_ENABLE_AND_CLEAR = 7, LCR_8N1 = 3, LCR_DIVISOR = 0x80, DIVISOR_115200 = 1 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_IRQ = 8, MCR_LOOPBACK = 16 };
enum { LSR_RECEIVED = 1, LSR_CAN_SEND = 32, LSR_IDLE = 64 };
enum { POLL_LIMIT = 1000000 }; /* a dead port must not stop the kernel */

static bool present;

static void wait_for(uint8_t bit)
{
    for (uint32_t i = 0; i < POLL_LIMIT && !(inb(LSR) & bit); i++)
        cpu_relax();
}

static void serial_write(struct printer *to UNUSED, const char *text, size_t len)
{
    if (!present)
        return;
    for (size_t i = 0; i < len; i++) {
        wait_for(LSR_CAN_SEND);
        outb(DATA, (uint8_t)text[i]);
    }
}

struct printer serial_printer = {serial_write};

/* What finds no room stays in the port, and behind it in the sender: a script piped in loses nothing. */
static void receive(void)
{
    while (input_has_room() && (inb(LSR) & LSR_RECEIVED))
        fkeys_filter((char)inb(DATA), input_push);
}

bool serial_init(void)
{
    static const uint8_t probe[] = {0x55, 0xaa};
    for (size_t i = 0; i < sizeof probe; i++) {
        outb(SCRATCH, probe[i]);
        if (inb(SCRATCH) != probe[i])
            return false;
    }
    outb(IER, 0);
    outb(LCR, LCR_DIVISOR);
    outb(DATA, DIVISOR_115200);
    outb(IER, 0);
    outb(LCR, LCR_8N1);
    /* Switching the FIFO on empties the receiver. What was typed before the kernel ran is taken out first,
     * with the line cut off so that nothing arrives in between. */
    outb(MCR, MCR_LOOPBACK);
    receive();
    outb(FCR, FCR_ENABLE_AND_CLEAR);
    outb(MCR, MCR_DTR | MCR_RTS | MCR_IRQ);
    return present = true;
}

void serial_enable_input(void)
{
    if (!present)
        return;
    irq_set_handler(SERIAL_IRQ, receive);
    input_set_refill(receive);
    pic_unmask(SERIAL_IRQ);
    outb(IER, IER_RECEIVED);
    receive(); /* what came before */
}

void serial_drain(void)
{
    if (present)
        wait_for(LSR_IDLE);
}
