/* SPDX-License-Identifier: MIT
 * A B-tree whose nodes are pages: inserts records in random order, looks all of them up, deletes half,
 * and walks the rest in order. A step down the tree is one page; the root stays hot and leaves do not.
 * Splits and refills on the way down, so that no step ever has to go back up. */
#include "user/rt/program.h"
#include "user/rt/random.h"
#include "user/rt/sys.h"

enum { DEGREE = 57, MAX_KEYS = 2 * DEGREE - 1, CHECK_WORDS = 7, MAX_RECORDS = 1 << 20 };

const struct program program = {"btree", {{"RECORDS", 15500, 1, MAX_RECORDS}}};

struct record {
    uint32_t key, check[CHECK_WORDS];
};

struct node {
    unsigned count;
    bool leaf;
    struct record at[MAX_KEYS];
    struct node *child[MAX_KEYS + 1];
};
_Static_assert(sizeof(struct node) <= PAGE_SIZE, "a node is a page");

static struct node *root, *unused; /* a free list through child[0] */
static unsigned pages;

static struct node *node_new(bool leaf)
{
    struct node *n = unused;
    if (n != NULL) {
        unused = n->child[0];
    } else {
        n = map_pages(1);
        pages++;
    }
    n->leaf = leaf;
    n->count = 0;
    return n;
}

static void node_free(struct node *n)
{
    n->child[0] = unused;
    unused = n;
}

static struct record record_of(uint32_t key)
{
    struct record r = {.key = key};
    for (unsigned i = 0; i < CHECK_WORDS; i++)
        r.check[i] = mix32(key + i + 1);
    return r;
}

static void check_record(const struct record *r)
{
    for (unsigned i = 0; i < CHECK_WORDS; i++)
        if (r->check[i] != mix32(r->key + i + 1))
            fail("record key=%#x word=%u found=%#x", (unsigned)r->key, i, (unsigned)r->check[i]);
}

/* Index of the first record whose key is not below key. */
static unsigned lower_bound(const struct node *n, uint32_t key)
{
    unsigned low = 0, high = n->count;
    if (high > MAX_KEYS)
        fail("node count=%u", high);
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (n->at[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Makes room for a record at i and for a child right of it. */
static void open_gap(struct node *n, unsigned i)
{
    for (unsigned j = n->count; j > i; j--)
        n->at[j] = n->at[j - 1];
    if (!n->leaf)
        for (unsigned j = n->count + 1; j > i + 1; j--)
            n->child[j] = n->child[j - 1];
    n->count++;
}

/* Drops record i and the child right of it. */
static void close_gap(struct node *n, unsigned i)
{
    n->count--;
    for (unsigned j = i; j < n->count; j++)
        n->at[j] = n->at[j + 1];
    if (!n->leaf)
        for (unsigned j = i + 1; j <= n->count; j++)
            n->child[j] = n->child[j + 1];
}

/* Appends count records of `from`, and the children around them. */
static void append(struct node *to, const struct node *from, unsigned first, unsigned count)
{
    for (unsigned j = 0; j < count; j++)
        to->at[to->count + j] = from->at[first + j];
    if (!to->leaf)
        for (unsigned j = 0; j <= count; j++)
            to->child[to->count + j] = from->child[first + j];
    to->count += count;
}

/* Halves parent's full child i; its middle record moves up. */
static void split(struct node *parent, unsigned i)
{
    struct node *left = parent->child[i], *right = node_new(left->leaf);
    append(right, left, DEGREE, DEGREE - 1);
    left->count = DEGREE - 1;
    open_gap(parent, i);
    parent->at[i] = left->at[DEGREE - 1];
    parent->child[i + 1] = right;
}

static void insert(uint32_t key)
{
    if (root->count == MAX_KEYS) {
        struct node *top = node_new(false);
        top->child[0] = root;
        root = top;
        split(top, 0);
    }
    struct node *n = root;
    while (!n->leaf) {
        unsigned i = lower_bound(n, key);
        if (n->child[i]->count == MAX_KEYS) {
            split(n, i);
            i += n->at[i].key < key;
        }
        n = n->child[i];
    }
    unsigned i = lower_bound(n, key);
    open_gap(n, i);
    n->at[i] = record_of(key);
}

static const struct record *lookup(uint32_t key)
{
    for (const struct node *n = root;;) {
        unsigned i = lower_bound(n, key);
        if (i < n->count && n->at[i].key == key)
            return &n->at[i];
        if (n->leaf)
            return NULL;
        n = n->child[i];
    }
}

/* Joins parent's children i and i + 1 around the record between them. */
static void merge(struct node *parent, unsigned i)
{
    struct node *left = parent->child[i], *right = parent->child[i + 1];
    left->at[left->count++] = parent->at[i];
    append(left, right, 0, right->count);
    close_gap(parent, i);
    node_free(right);
}

/* Gives parent's child i a record to spare. => the child that now covers its keys */
static struct node *refill(struct node *parent, unsigned i)
{
    struct node *n = parent->child[i];
    if (n->count >= DEGREE)
        return n;
    if (i > 0 && parent->child[i - 1]->count >= DEGREE) {
        struct node *left = parent->child[i - 1];
        struct node *first = n->child[0];
        open_gap(n, 0);
        n->at[0] = parent->at[i - 1];
        if (!n->leaf) {
            n->child[1] = first;
            n->child[0] = left->child[left->count];
        }
        parent->at[i - 1] = left->at[--left->count];
    } else if (i < parent->count && parent->child[i + 1]->count >= DEGREE) {
        struct node *right = parent->child[i + 1];
        n->at[n->count++] = parent->at[i];
        n->child[n->count] = right->child[0];
        right->child[0] = right->child[1];
        parent->at[i] = right->at[0];
        close_gap(right, 0);
    } else {
        i -= i == parent->count;
        merge(parent, i);
        n = parent->child[i];
    }
    return n;
}

/* Each node it enters, but the root, has a record to spare. A record in an inner node is replaced by its
 * neighbour in a leaf, which is then the one to delete. */
static void delete (uint32_t key)
{
    struct node *n = root;
    while (!n->leaf) {
        unsigned i = lower_bound(n, key);
        bool here = i < n->count && n->at[i].key == key;
        if (!here) {
            n = refill(n, i);
        } else if (n->child[i]->count >= DEGREE || n->child[i + 1]->count >= DEGREE) {
            bool before = n->child[i]->count >= DEGREE;
            struct node *leaf = n->child[i + !before];
            while (!leaf->leaf)
                leaf = leaf->child[before ? leaf->count : 0];
            n->at[i] = leaf->at[before ? leaf->count - 1 : 0];
            key = n->at[i].key;
            n = n->child[i + !before];
        } else {
            merge(n, i);
            n = n->child[i];
        }
        if (root->count == 0) {
            node_free(root);
            root = n;
        }
    }
    unsigned i = lower_bound(n, key);
    if (i == n->count || n->at[i].key != key)
        fail("delete lost key=%#x", (unsigned)key);
    close_gap(n, i);
}

/* What a walk in order has seen. */
struct walk {
    unsigned count;
    uint32_t last, sum;
};

static void visit(struct walk *w, const struct record *r)
{
    check_record(r);
    if (w->count > 0 && r->key <= w->last)
        fail("order key=%#x after=%#x", (unsigned)r->key, (unsigned)w->last);
    w->last = r->key;
    w->sum += r->key;
    w->count++;
}

static void walk(struct walk *w, const struct node *n)
{
    for (unsigned i = 0; i < n->count; i++) {
        if (!n->leaf)
            walk(w, n->child[i]);
        visit(w, &n->at[i]);
    }
    if (!n->leaf)
        walk(w, n->child[n->count]);
}

static void check_walk(unsigned count, uint32_t sum)
{
    struct walk w = {0, 0, 0};
    walk(&w, root);
    if (w.count != count || w.sum != sum)
        fail("walk count=%u expected=%u sum=%#x expected=%#x", w.count, count, (unsigned)w.sum,
             (unsigned)sum);
}

int main(int argc, char **argv, char **envp UNUSED)
{
    unsigned n;
    uint32_t sum = 0;
    read_args(argc, argv, &n);
    root = node_new(true);
    for (unsigned i = 0; i < n; i++) {
        insert(mix32(i));
        sum += mix32(i);
    }
    check_walk(n, sum);
    for (unsigned i = 0; i < 2 * n; i++) {
        const struct record *r = lookup(mix32(i));
        if ((r != NULL) != (i < n))
            fail("lookup key=%#x found=%d", (unsigned)mix32(i), r != NULL);
        if (r != NULL)
            check_record(r);
    }
    for (unsigned i = 0; i < n; i += 2) {
        delete (mix32(i));
        sum -= mix32(i);
    }
    check_walk(n / 2, sum);
    for (unsigned i = 0; i < n; i++)
        if ((lookup(mix32(i)) != NULL) != (i % 2 == 1))
            fail("lookup after delete key=%#x", (unsigned)mix32(i));
    return ok("records=%u pages=%u left=%u sum=%#x", n, pages, n / 2, (unsigned)sum);
}
