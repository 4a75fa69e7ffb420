/* SPDX-License-Identifier: MIT
 * 16550 UARTs, 115200 8N1. COM1 is the log and the console: it sends by polling and receives by interrupt.
 * COM2 sends traces, if it is told to, and receives nothing. */
#include "drivers/serial.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"
#include "drivers/fkeys.h"
#include "drivers/input.h"
#include "drivers/pic.h"
#include "lib/log.h"

enum uart {
    COM1 = 0x3f8,
    COM2 = 0x2f8
}; /* a port is named by its first register, so that all are constants */
enum { SERIAL_IRQ = 4 };
enum { DATA = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5, SCRATCH = 7 };
enum { IER_RECEIVED = 1, FCR_ENABLE_AND_CLEAR = 7, LCR_8N1 = 3, LCR_DIVISOR = 0x80, DIVISOR_115200 = 1 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_IRQ = 8, MCR_LOOPBACK = 16 };
enum { LSR_RECEIVED = 1, LSR_CAN_SEND = 32, LSR_IDLE = 64 };
enum { POLL_LIMIT = 1000000 }; /* a dead port must not stop the kernel */

static bool present; /* COM1 */

static ALWAYS_INLINE uint8_t get(enum uart u, uint16_t at)
{
    return inb((uint16_t)(u + at));
}

static ALWAYS_INLINE void put(enum uart u, uint16_t at, uint8_t value)
{
    outb((uint16_t)(u + at), value);
}

static ALWAYS_INLINE bool wait_for(enum uart u, uint8_t bit, uint32_t polls)
{
    for (uint32_t i = 0; i < polls; i++) {
        if (get(u, LSR) & bit)
            return true;
        cpu_relax();
    }
    return false;
}

/* => false if there is no 16550 */
static ALWAYS_INLINE bool probe(enum uart u)
{
    static const uint8_t values[] = {0x55, 0xaa};
    for (size_t i = 0; i < sizeof values; i++) {
        put(u, SCRATCH, values[i]);
        if (get(u, SCRATCH) != values[i])
            return false;
    }
    return true;
}

static ALWAYS_INLINE void set_line(enum uart u)
{
    put(u, IER, 0);
    put(u, LCR, LCR_DIVISOR);
    put(u, DATA, DIVISOR_115200);
    put(u, IER, 0);
    put(u, LCR, LCR_8N1);
}

/* ---- COM1 ---- */

static void serial_write(struct printer *to UNUSED, const char *text, size_t len)
{
    if (!present)
        return;
    for (size_t i = 0; i < len; i++) {
        wait_for(COM1, LSR_CAN_SEND, POLL_LIMIT);
        put(COM1, DATA, (uint8_t)text[i]);
    }
}

struct printer serial_printer = {serial_write};

/* What finds no room stays in the port, and behind it in the sender: a script piped in loses nothing. */
static void receive(void)
{
    while (input_has_room() && (get(COM1, LSR) & LSR_RECEIVED))
        fkeys_filter((char)get(COM1, DATA), input_push);
}

bool serial_init(void)
{
    if (!probe(COM1))
        return false;
    set_line(COM1);
    /* Switching the FIFO on empties the receiver. What was typed before the kernel ran is taken out first,
     * with the line cut off so that nothing arrives in between. */
    put(COM1, MCR, MCR_LOOPBACK);
    receive();
    put(COM1, FCR, FCR_ENABLE_AND_CLEAR);
    put(COM1, MCR, MCR_DTR | MCR_RTS | MCR_IRQ);
    return present = true;
}

void serial_enable_input(void)
{
    if (!present)
        return;
    irq_set_handler(SERIAL_IRQ, receive);
    input_set_refill(receive);
    pic_unmask(SERIAL_IRQ);
    put(COM1, IER, IER_RECEIVED);
    receive(); /* what came before */
}

void serial_drain(void)
{
    if (present)
        wait_for(COM1, LSR_IDLE, POLL_LIMIT);
}

/* ---- COM2, for traces ---- */

/* The machine waits while bytes go out, twenty times as long as the slowest needs for one; then it goes on,
 * and the rest of the chunk goes when somebody asks for it. */
enum { TRACE_POLL_LIMIT = 2000 };

static const uint8_t *rest, *end; /* of the chunk being sent */

static bool send_rest(void)
{
    for (; rest < end; rest++) {
        if (!wait_for(COM2, LSR_CAN_SEND, TRACE_POLL_LIMIT))
            return false;
        put(COM2, DATA, *rest);
    }
    return true;
}

static bool trace_send(const struct trace_chunk *chunk, uint32_t bytes)
{
    if (!send_rest())
        return false;
    rest = (const uint8_t *)chunk;
    end = rest + bytes;
    send_rest();
    return true;
}

/* At most one is on its way. */
static bool trace_sent(const struct trace_chunk *chunk)
{
    return send_rest() || rest < (const uint8_t *)chunk || rest >= (const uint8_t *)(chunk + 1);
}

const struct trace_port *serial_trace_open(void)
{
    static const struct trace_port port = {"com2", trace_send, trace_sent};
    if (!probe(COM2))
        return NULL;
    set_line(COM2);
    put(COM2, FCR, FCR_ENABLE_AND_CLEAR);
    put(COM2, MCR, MCR_DTR | MCR_RTS);
    log_event(LOG_BOOT, "trace-port name=%s at=%#x", port.name, COM2);
    return &port;
}
