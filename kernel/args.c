/* SPDX-License-Identifier: MIT
 * Collecting argument strings and laying them out on a first stack. */
#include "kernel/args.h"
#include "kernel/syscall.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/slab.h"

void args_init(struct args *a)
{
    memset(a, 0, sizeof *a);
}

void args_free(struct args *a)
{
    for (uint32_t i = 0; i < ARG_PAGES; i++)
        kfree(a->page[i]);
    args_init(a);
}

/* Where the next string byte goes, and how many fit there. => 0, -E2BIG or -ENOMEM. */
static int32_t room(struct args *a, char **at, uint32_t *n)
{
    uint32_t used = a->bytes + (a->argc + a->envc + 1) * (uint32_t)sizeof(vaddr_t);
    if (used >= ARG_BYTES)
        return -E2BIG;
    char **page = &a->page[a->bytes / PAGE_SIZE];
    if (*page == NULL && (*page = kmalloc(PAGE_SIZE)) == NULL)
        return -ENOMEM;
    *at = *page + a->bytes % PAGE_SIZE;
    *n = MIN(PAGE_SIZE - a->bytes % PAGE_SIZE, ARG_BYTES - used);
    return 0;
}

int32_t args_add(struct args *a, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        size_t left = strlen(argv[i]) + 1;
        for (const char *from = argv[i]; left > 0;) {
            char *at;
            uint32_t n;
            int32_t err = room(a, &at, &n);
            if (err != 0)
                return err;
            n = MIN(n, (uint32_t)left);
            memcpy(at, from, n);
            a->bytes += n;
            from += n;
            left -= n;
        }
        a->argc++;
    }
    return 0;
}

/* One string. Never reads beyond the page that holds its end. */
static int32_t add_user_string(struct args *a, struct space *s, vaddr_t from)
{
    for (;;) {
        char *at;
        uint32_t n;
        int32_t err = room(a, &at, &n);
        if (err != 0)
            return err;
        n = MIN(n, PAGE_SIZE - from % PAGE_SIZE);
        err = error_of(space_copy_in(s, at, from, n));
        if (err != 0)
            return err;
        for (uint32_t i = 0; i < n; i++) {
            if (at[i] == '\0') {
                a->bytes += i + 1;
                return 0;
            }
        }
        a->bytes += n;
        from += n;
    }
}

static int32_t add_user_vector(struct args *a, struct space *s, vaddr_t vector, uint32_t *count)
{
    vaddr_t string;
    for (; vector != 0; vector += sizeof string, ++*count) {
        int32_t err = error_of(space_copy_in(s, &string, vector, sizeof string));
        if (err != 0)
            return err;
        if (string == 0)
            return 0;
        err = add_user_string(a, s, string);
        if (err != 0)
            return err;
    }
    return 0;
}

int32_t args_add_user(struct args *a, struct space *s, vaddr_t argv, vaddr_t envp)
{
    int32_t err = add_user_vector(a, s, argv, &a->argc);
    return err != 0 ? err : add_user_vector(a, s, envp, &a->envc);
}

/* Words on their way to the stack, upwards. The first failure sticks. */
struct words {
    struct space *space;
    vaddr_t at;
    uint32_t count, word[64];
    enum vm_result result;
};

static void flush(struct words *w)
{
    uint32_t n = w->count * (uint32_t)sizeof w->word[0];
    if (w->result == VM_OK)
        w->result = space_copy_out(w->space, w->at, w->word, n);
    w->at += n;
    w->count = 0;
}

static void add_word(struct words *w, uint32_t word)
{
    if (w->count == ARRAY_SIZE(w->word))
        flush(w);
    w->word[w->count++] = word;
}

/* The addresses of `count` strings from byte *i on, and a NULL. */
static void add_pointers(struct words *w, const struct args *a, uint32_t count, vaddr_t base, uint32_t *i)
{
    while (count-- > 0) {
        add_word(w, base + *i);
        while (a->page[*i / PAGE_SIZE][*i % PAGE_SIZE] != '\0')
            ++*i;
        ++*i;
    }
    add_word(w, 0);
}

enum vm_result args_push(const struct args *a, struct space *s, vaddr_t top, const void *aux,
                         uint32_t aux_bytes, vaddr_t *sp)
{
    vaddr_t base = top - a->bytes;
    for (uint32_t i = 0; i < a->bytes; i += PAGE_SIZE) {
        enum vm_result r =
            space_copy_out(s, base + i, a->page[i / PAGE_SIZE], MIN(a->bytes - i, (uint32_t)PAGE_SIZE));
        if (r != VM_OK)
            return r;
    }
    uint32_t words = 1 + a->argc + 1 + a->envc + 1, i = 0;
    *sp = ALIGN_DOWN(base - aux_bytes - words * (uint32_t)sizeof(uint32_t), 16u);
    struct words w = {.space = s, .at = *sp, .result = VM_OK};
    add_word(&w, a->argc);
    add_pointers(&w, a, a->argc, base, &i);
    add_pointers(&w, a, a->envc, base, &i);
    flush(&w);
    return w.result == VM_OK ? space_copy_out(s, w.at, aux, aux_bytes) : w.result;
}
