/* SPDX-License-Identifier: MIT
 * Reading ustar (POSIX.1-1988, "Extended tar Format"): 512-byte headers, each followed by the file's data
 * padded to 512 bytes; two zero blocks end it. */
#include "kernel/initrd.h"
#include "lib/ktap.h"
#include "lib/string.h"
#include "mm/space.h"

enum { BLOCK = 512, MAX_FILES = 64, NAME_MAX = 100 };

struct header {
    char name[NAME_MAX], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6];
};

static struct file files[MAX_FILES];
static struct object *objects[MAX_FILES]; /* of the files in use; not references: `released` clears them */
static uint32_t count;

static bool parse_octal(const char *s, size_t n, uint32_t *out)
{
    *out = 0;
    size_t i = 0;
    for (; i < n && s[i] >= '0' && s[i] <= '7'; i++) {
        if (*out > UINT32_MAX >> 3)
            return false;
        *out = *out << 3 | (uint32_t)(s[i] - '0');
    }
    return i > 0 && (i == n || s[i] == '\0' || s[i] == ' ');
}

/* Sum of the header's bytes, its checksum field taken as spaces. */
static uint32_t header_sum(const struct header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    const size_t field = offsetof(struct header, checksum);
    uint32_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= field && i < field + sizeof h->checksum ? ' ' : bytes[i];
    return sum;
}

static bool fail(struct printer *out, uint32_t at, const char *why)
{
    print(out, "initrd: byte %u: %s; expected a ustar archive\n", at, why);
    count = 0;
    return false;
}

bool initrd_init(const void *data, uint32_t size, struct printer *out)
{
    const char *base = data;
    count = 0;
    for (uint32_t at = 0; at + BLOCK <= size && base[at] != '\0';) {
        const struct header *h = (const struct header *)(base + at);
        uint32_t length, sum;
        if (memcmp(h->magic, "ustar", 5) != 0)
            return fail(out, at, "no ustar magic");
        if (!parse_octal(h->checksum, sizeof h->checksum, &sum) || sum != header_sum(h))
            return fail(out, at, "header checksum is wrong");
        if (!parse_octal(h->size, sizeof h->size, &length) || length > size - at - BLOCK)
            return fail(out, at, "a file is longer than the archive");
        bool is_file = h->type == '0' || h->type == '\0';
        if (is_file && h->name[NAME_MAX - 1] == '\0') {
            if (count == MAX_FILES)
                return fail(out, at, "more than 64 files");
            files[count++] = (struct file){h->name, base + at + BLOCK, length};
        }
        at += BLOCK + (length + BLOCK - 1) / BLOCK * BLOCK;
        if (at > size)
            break;
    }
    return true;
}

bool initrd_add(const char *name, const void *data, uint32_t size)
{
    if (count == MAX_FILES)
        return false;
    files[count++] = (struct file){name, data, size};
    return true;
}

const struct file *initrd_find(const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

static void forget_object(struct object *o)
{
    *(struct object **)o->owner = NULL;
}

struct object *initrd_object(const struct file *f)
{
    struct object **at = &objects[f - files];
    if (*at != NULL) {
        object_ref(*at);
        return *at;
    }
    *at = object_create_file("file", f->data, f->size);
    if (*at != NULL) {
        (*at)->released = forget_object;
        (*at)->owner = at;
    }
    return *at;
}

const struct file *initrd_program(const char *name)
{
    char path[NAME_MAX + 1];
    format(path, sizeof path, "bin/%s", name);
    return initrd_find(path);
}

const struct file *initrd_file(uint32_t i)
{
    return i < count ? &files[i] : NULL;
}

uint32_t initrd_index(const struct file *f)
{
    return (uint32_t)(f - files);
}

void initrd_list(struct printer *out)
{
    for (uint32_t i = 0; i < count; i++)
        if (strncmp(files[i].name, "bin/", 4) == 0)
            print(out, " %s", files[i].name + 4);
}

static void test_objects(struct ktest_run *t)
{
    if (count == 0)
        return;
    struct object *a = initrd_object(&files[0]), *b = initrd_object(&files[0]);
    EXPECT(t, a != NULL && a == b);
    object_unref(a);
    EXPECT(t, objects[0] == b);
    object_unref(b);
    EXPECT(t, objects[0] == NULL);
}
KTEST("all who use a file of the initrd share one object, gone with the last", test_objects);
