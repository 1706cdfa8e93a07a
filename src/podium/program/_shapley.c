/* Interventional Shapley values of decision trees, against all background rows at the same time.
 *
 * A row is explained by mixing it with background rows, field by field. In a tree, the mixtures of
 * the row with one background row part only at nodes where the two go different ways, and there the
 * node's field decides: where it is the explained row's, the mixture goes that row's way. A leaf
 * that is reached if p fields are the explained row's and q the background row's contributes its
 * value times (p-1)! q! / (p+q)! to each of the p, and less its value times p! (q-1)! / (p+q)! to
 * each of the q.
 *
 * The walk goes on with all background rows for which the same fields have decided in the same way:
 * a mask of one bit each. At a node it parts into those that go the explained row's way, and the
 * others, for which the field decides now. Subtrees that no row comes to aren't visited, and a
 * leaf costs as much for a hundred rows as for one.
 *
 * Source: for one background row, Lundberg et al. (2020), From local explanations to global
 * understanding with explainable AI for trees, Nature Machine Intelligence 2, algorithm 3.
 *
 * As in _forest.c, a forest is checked once and copied: children follow their parent, and each node
 * has one parent, so that every walk ends.
 */
#include "_kernel.h"

#if defined(__GNUC__) && defined(__x86_64__)
#include <cpuid.h>
/* The instruction that counts bits isn't in every such processor: `build` refuses the others. */
#pragma GCC target("popcnt")
#define NEEDS_POPCNT
#endif

#define CAPSULE "podium.program._shapley"

#define KIND_LEAF 1
#define KIND_MISSING_LEFT 2
#define KIND_SET 4

#define ROWS_MAX 128
/* A walk takes about 200 bytes of the stack a level, and weights the square of such counts. */
#define DEPTH_MAX 1024
#define DECIDED_MAX 255
/* As many nodes take half of the second cache. */
#define FETCHED_MAX 8192

/* How a field has decided on the path. */
#define UNDECIDED 0
#define OWN 1
#define BACKGROUND 2

typedef struct {
    uint64_t low, high;
} Mask;

/* 32 bytes, two to a line of the cache; leaves are read nowhere but in the array of values. */
typedef struct {
    Mask goes_left;   /* the background rows that go left here, wherever they come from */
    double threshold; /* of a set: where it begins */
    uint32_t feature; /* and what is said below */
    uint32_t left;
} Node;

/* The upper bits of a node's feature. */
#define LEFT_LEAF 0x80000000u
#define RIGHT_LEAF 0x40000000u
#define MISSING_LEFT 0x20000000u
#define SET 0x10000000u
#define FEATURE 0x0fffffffu

typedef struct {
    Node *nodes;
    uint32_t *roots, *words;
    int32_t *players; /* the field of each feature, or -1 */
    uint8_t *kinds;
    double *weights; /* (p-1)! q! / (p+q)! at p * n_counts + q */
    Mask everyone;
    Py_ssize_t n_nodes, n_trees, n_features, n_players, n_background, n_counts;
    int depth;
} Forest;

/* The walk of one row through one tree. */
typedef struct {
    const Forest *forest;
    const double *row, *values;
    double *out;
    uint8_t *decisions; /* of each player */
} Walk;

/* Leaves' values times their rows: for a player who decided as the explained row, and for one who
 * decided as the background row. */
typedef struct {
    double gain, loss;
} Sums;

static void
forest_free(Forest *forest)
{
    if (forest != NULL) {
        free(forest->nodes);
        free(forest->roots);
        free(forest->players);
        free(forest->kinds);
        free(forest->words);
        free(forest->weights);
        free(forest);
    }
}

static void
capsule_free(PyObject *capsule)
{
    forest_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* ---- masks ---- */

static inline int
is_empty(Mask a)
{
    return (a.low | a.high) == 0;
}

static inline int
count_word(uint64_t x)
{
#if defined(__GNUC__)
    return __builtin_popcountll(x);
#else
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    return (int)((((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u) >> 56);
#endif
}

/* ---- walking ---- */

static inline int
goes_left(const Forest *forest, const Node *node, double value)
{
    if (value != value) {
        return (node->feature & MISSING_LEFT) != 0;
    }
    if (node->feature & SET) {
        if (!(value > -1.0 && value < 4294967295.0)) {
            return 0;
        }
        const uint32_t *set = forest->words + (uint32_t)node->threshold;
        const uint32_t category = (uint32_t)value, word = category >> 5;
        return word < set[0] && ((set[1 + word] >> (category & 31u)) & 1u);
    }
    return value <= node->threshold;
}

static inline Sums
add(Sums a, Sums b)
{
    return (Sums){a.gain + b.gain, a.loss + b.loss};
}

static Sums visit(Walk *walk, uint32_t at, Mask rows, Py_ssize_t p, Py_ssize_t q);

/* Goes to a child. */
static inline Sums
enter(Walk *walk, uint32_t at, int is_leaf, Mask rows, Py_ssize_t p, Py_ssize_t q)
{
    if (!is_leaf) {
        return visit(walk, at, rows, p, q);
    }
    const Forest *forest = walk->forest;
    const double n_rows = (double)(count_word(rows.low) + count_word(rows.high));
    return (Sums){walk->values[at] * n_rows * forest->weights[p * forest->n_counts + q],
                  walk->values[at] * n_rows * forest->weights[q * forest->n_counts + p]};
}

/* Goes down from a node with the rows for which p players have decided as the explained row, and q
 * as the background row. */
static Sums
visit(Walk *walk, uint32_t at, Mask rows, Py_ssize_t p, Py_ssize_t q)
{
    const Forest *forest = walk->forest;
    for (;;) {
        const Node *node = forest->nodes + at;
        const uint32_t feature = node->feature & FEATURE;
        const int left = goes_left(forest, node, walk->row[feature]);
        const int32_t player = forest->players[feature];
        const uint64_t flip = left ? ~(uint64_t)0 : 0;
        Mask differs = {rows.low & (node->goes_left.low ^ flip),
                        rows.high & (node->goes_left.high ^ flip)};
        const int is_left_leaf = (node->feature & LEFT_LEAF) != 0;
        const int is_right_leaf = (node->feature & RIGHT_LEAF) != 0;
        const uint32_t own_way = node->left + !left, other_way = node->left + (uint32_t)left;
        const int own_leaf = left ? is_left_leaf : is_right_leaf;
        const int other_leaf = left ? is_right_leaf : is_left_leaf;
        if (is_empty(differs) || player < 0 || walk->decisions[player] == OWN) {
            if (own_leaf) {
                return enter(walk, own_way, 1, rows, p, q);
            }
            at = own_way;
            continue;
        }
        Sums sums;
        if (walk->decisions[player] == UNDECIDED) {
            walk->decisions[player] = OWN;
            const Sums own = enter(walk, own_way, own_leaf, differs, p + 1, q);
            walk->decisions[player] = BACKGROUND;
            const Sums background = enter(walk, other_way, other_leaf, differs, p, q + 1);
            walk->decisions[player] = UNDECIDED;
            walk->out[player] += own.gain - background.loss;
            sums = add(own, background);
        }
        else {
            sums = enter(walk, other_way, other_leaf, differs, p, q);
        }
        const Mask same = {rows.low & ~differs.low, rows.high & ~differs.high};
        return is_empty(same) ? sums : add(sums, enter(walk, own_way, own_leaf, same, p, q));
    }
}

/* ---- building ---- */

enum { A_FEATURE, A_THRESHOLD, A_LEFT, A_KIND, A_ROOTS, A_STARTS, A_WORDS, A_PLAYERS, A_BACKGROUND,
       N_ARRAYS };
static const Py_ssize_t SIZES[N_ARRAYS] = {4, 8, 4, 1, 4, 4, 4, 4, 8};

static int
take_set(Forest *forest, const Py_buffer *arrays, Node *node, Py_ssize_t *to, Py_ssize_t i)
{
    const int32_t *starts = arrays[A_STARTS].buf;
    const Py_ssize_t n_sets = arrays[A_STARTS].len / 4 - 1, n_words = arrays[A_WORDS].len / 4;
    if (!(node->threshold >= 0.0 && node->threshold < (double)n_sets)) {
        return refuse("a node asks for a set of categories that isn't there", i);
    }
    const int32_t begin = starts[(Py_ssize_t)node->threshold];
    const int32_t end = starts[(Py_ssize_t)node->threshold + 1];
    if (begin < 0 || end < begin || end > n_words || *to + 1 + end - begin > n_words + n_sets) {
        return refuse("a set of categories lies outside its array", i);
    }
    node->threshold = (double)*to;
    forest->words[(*to)++] = (uint32_t)(end - begin);
    memcpy(forest->words + *to, (const uint32_t *)arrays[A_WORDS].buf + begin,
           (size_t)(end - begin) * 4);
    *to += end - begin;
    return 0;
}

/* A node, and the background rows that go left at it. */
static int
take_node(Forest *forest, const Py_buffer *arrays, Py_ssize_t *n_words, Py_ssize_t i)
{
    const int32_t feature = ((const int32_t *)arrays[A_FEATURE].buf)[i];
    const int32_t left = ((const int32_t *)arrays[A_LEFT].buf)[i];
    const double *rows = arrays[A_BACKGROUND].buf;
    const uint8_t kind = forest->kinds[i];
    Node *node = forest->nodes + i;
    if (kind & KIND_LEAF) {
        return 0;
    }
    if (feature < 0 || feature >= forest->n_features) {
        return refuse("a node asks for a feature that isn't there", i);
    }
    if (left <= i || left >= forest->n_nodes - 1) {
        return refuse("a node's children don't follow it", i);
    }
    node->threshold = ((const double *)arrays[A_THRESHOLD].buf)[i];
    node->left = (uint32_t)left;
    node->feature = (uint32_t)feature | ((forest->kinds[left] & KIND_LEAF) ? LEFT_LEAF : 0) |
                    ((forest->kinds[left + 1] & KIND_LEAF) ? RIGHT_LEAF : 0) |
                    ((kind & KIND_MISSING_LEFT) ? MISSING_LEFT : 0) |
                    ((kind & KIND_SET) ? SET : 0);
    if ((kind & KIND_SET) && take_set(forest, arrays, node, n_words, i) < 0) {
        return -1;
    }
    for (Py_ssize_t row = 0; row < forest->n_background; row++) {
        const uint64_t bit =
            (uint64_t)goes_left(forest, node, rows[row * forest->n_features + feature]);
        if (row < 64) {
            node->goes_left.low |= bit << row;
        }
        else {
            node->goes_left.high |= bit << (row - 64);
        }
    }
    return 0;
}

/* Each node is the root of one tree or the child of one node; the depth of the deepest one. */
static int
check_shape(Forest *forest)
{
    uint32_t *depths = calloc((size_t)forest->n_nodes + 1, 4);
    int bad = depths == NULL ? -1 : 0;
    if (bad) {
        PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; !bad && i < forest->n_trees; i++) {
        if (forest->roots[i] >= (uint32_t)forest->n_nodes || depths[forest->roots[i]]++) {
            bad = refuse("a tree has no root of its own", i);
        }
    }
    for (Py_ssize_t i = 0; !bad && i < forest->n_nodes; i++) {
        const Node *node = forest->nodes + i;
        if (depths[i] > DEPTH_MAX) {
            bad = refuse("a tree is too deep", i);
        }
        else if (!(forest->kinds[i] & KIND_LEAF) && depths[i]) {
            if (depths[node->left] || depths[node->left + 1]) {
                bad = refuse("a node has two parents", i);
            }
            depths[node->left] = depths[node->left + 1] = depths[i] + 1;
            forest->depth = (int)depths[i] > forest->depth ? (int)depths[i] : forest->depth;
        }
    }
    free(depths);
    return bad;
}

/* The weights of all counts up to as many fields as can decide on one path. */
static int
take_weights(Forest *forest)
{
    const Py_ssize_t most = forest->depth < forest->n_players ? forest->depth : forest->n_players;
    if (most > DECIDED_MAX) {
        return refuse("too many fields decide on one path", most);
    }
    const Py_ssize_t n = forest->n_counts = most + 1;
    forest->weights = calloc((size_t)(n * n), sizeof(double));
    if (forest->weights == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t p = 1; p < n; p++) {
        double weight = 1.0 / (double)p; /* (p-1)! q! / (p+q)!, beginning with q = 0 */
        for (Py_ssize_t q = 0; q < n; q++) {
            forest->weights[p * n + q] = weight;
            weight *= (double)(q + 1) / (double)(p + q + 1);
        }
    }
    return 0;
}

static int
take_arrays(Forest *forest, const Py_buffer *arrays)
{
    const Py_ssize_t n_nodes = forest->n_nodes = arrays[A_FEATURE].len / 4;
    const Py_ssize_t n_words = arrays[A_WORDS].len / 4 + arrays[A_STARTS].len / 4;
    forest->n_trees = arrays[A_ROOTS].len / 4;
    forest->n_features = arrays[A_PLAYERS].len / 4;
    if (n_nodes >= INT32_MAX || arrays[A_THRESHOLD].len != n_nodes * 8 ||
        arrays[A_LEFT].len != n_nodes * 4 || arrays[A_KIND].len != n_nodes ||
        n_words >= INT32_MAX || arrays[A_STARTS].len < 4 || forest->n_players < 0 ||
        forest->n_features > (Py_ssize_t)FEATURE) {
        return refuse("the arrays of nodes differ in length", n_nodes);
    }
    if (forest->n_background < 1 || forest->n_background > ROWS_MAX ||
        arrays[A_BACKGROUND].len != forest->n_background * forest->n_features * 8) {
        return refuse("the background rows don't fit", forest->n_background);
    }
    const Py_ssize_t n = forest->n_background;
    forest->everyone.low = n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
    forest->everyone.high = n >= 128 ? ~(uint64_t)0 : n > 64 ? ((uint64_t)1 << (n - 64)) - 1 : 0;
    forest->nodes = calloc((size_t)n_nodes + 1, sizeof(Node));
    forest->words = calloc((size_t)n_words + 1, 4);
    forest->roots = copy_of(&arrays[A_ROOTS]);
    forest->kinds = copy_of(&arrays[A_KIND]);
    forest->players = copy_of(&arrays[A_PLAYERS]);
    if (forest->nodes == NULL || forest->words == NULL || forest->roots == NULL ||
        forest->kinds == NULL || forest->players == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < forest->n_features; i++) {
        if (forest->players[i] < -1 || forest->players[i] >= forest->n_players) {
            return refuse("a feature is of a field that isn't there", i);
        }
    }
    Py_ssize_t n_taken = 0;
    for (Py_ssize_t i = 0; i < n_nodes; i++) {
        if (take_node(forest, arrays, &n_taken, i) < 0) {
            return -1;
        }
    }
    return check_shape(forest) < 0 ? -1 : take_weights(forest);
}

static int
counts_bits(void)
{
#if defined(NEEDS_POPCNT)
    unsigned int a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_POPCNT);
#else
    return 1;
#endif
}

PyDoc_STRVAR(build_doc,
"build(feature, threshold, left, kind, roots, starts, words, players, background,\n"
"      n_background, n_players)\n--\n\n"
"A forest and background rows, checked and copied. ValueError if a walk could leave its arrays,\n"
"or would take too long.");

static PyObject *
build(PyObject *module, PyObject *args)
{
    PyObject *objects[N_ARRAYS], *capsule = NULL;
    Py_buffer arrays[N_ARRAYS];
    int n = 0;
    (void)module;

    if (!counts_bits()) {
        refuse("the processor can't count bits", 0);
        return NULL;
    }
    Forest *forest = calloc(1, sizeof(Forest));
    if (forest == NULL) {
        return PyErr_NoMemory();
    }
    if (PyArg_ParseTuple(args, "OOOOOOOOOnn:build", &objects[0], &objects[1], &objects[2],
                         &objects[3], &objects[4], &objects[5], &objects[6], &objects[7],
                         &objects[8], &forest->n_background, &forest->n_players)) {
        while (n < N_ARRAYS && get_array(objects[n], &arrays[n], SIZES[n], -1, 0) == 0) {
            n++;
        }
        if (n == N_ARRAYS && take_arrays(forest, arrays) == 0) {
            capsule = PyCapsule_New(forest, CAPSULE, capsule_free);
        }
    }
    while (n > 0) {
        PyBuffer_Release(&arrays[--n]);
    }
    if (capsule == NULL) {
        forest_free(forest);
    }
    return capsule;
}

/* ---- explaining ---- */

/* Fetches a tree in order, which takes less time than from node to node: one row through 100 trees of
 * 1,400 nodes took 3.7 ms instead of 4.8. */
static inline void
fetch(const Walk *walk, Py_ssize_t tree)
{
#if defined(__GNUC__)
    const Forest *forest = walk->forest;
    const uint32_t begin = forest->roots[tree];
    const uint32_t end = tree + 1 < forest->n_trees ? forest->roots[tree + 1]
                                                    : (uint32_t)forest->n_nodes;
    if (end > begin && end - begin <= FETCHED_MAX) {
        for (uint32_t at = begin; at < end; at += 2) {
            __builtin_prefetch(forest->nodes + at);
        }
        for (uint32_t at = begin; at < end; at += 8) {
            __builtin_prefetch(walk->values + at);
        }
    }
#else
    (void)walk, (void)tree;
#endif
}

/* Tree by tree, so that a tree is fetched once for all rows. */
static void
add_rows(Walk *walk, const double *rows, Py_ssize_t n_rows, double *out)
{
    const Forest *forest = walk->forest;
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
        fetch(walk, tree);
        for (Py_ssize_t row = 0; row < n_rows; row++) {
            walk->row = rows + row * forest->n_features;
            walk->out = out + row * forest->n_players;
            if (!(forest->kinds[forest->roots[tree]] & KIND_LEAF)) {
                visit(walk, forest->roots[tree], forest->everyone, 0, 0);
            }
        }
    }
}

PyDoc_STRVAR(add_doc,
"add(forest, rows, values, out)\n--\n\n"
"Adds to out, of shape (n_rows, n_players), the contributions of the fields to the sums of the\n"
"leaves that rows of shape (n_rows, n_features) reach, summed over the background rows. Nodes that\n"
"are leaves have these values.");

static PyObject *
add_to(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer rows, values, out;
    Walk walk;
    (void)module;

    if (n_args != 4) {
        PyErr_SetString(PyExc_TypeError, "add() takes a forest, rows, values and sums");
        return NULL;
    }
    const Forest *forest = PyCapsule_GetPointer(args[0], CAPSULE);
    if (forest == NULL || get_array(args[1], &rows, 8, -1, 0) < 0) {
        return NULL;
    }
    if (get_array(args[2], &values, 8, forest->n_nodes, 0) < 0) {
        PyBuffer_Release(&rows);
        return NULL;
    }
    const Py_ssize_t n_rows = rows.ndim == 2 ? rows.shape[0] : 0;
    if (get_array(args[3], &out, 8, n_rows * forest->n_players, PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&values);
        PyBuffer_Release(&rows);
        return NULL;
    }
    int bad = rows.len != n_rows * forest->n_features * 8
                  ? refuse("the rows have the wrong shape", rows.len) : 0;
    walk = (Walk){.forest = forest, .values = values.buf};
    if (!bad && (walk.decisions = calloc((size_t)forest->n_players + 1, 1)) == NULL) {
        PyErr_NoMemory();
        bad = -1;
    }
    if (!bad) {
        Py_BEGIN_ALLOW_THREADS
        add_rows(&walk, rows.buf, n_rows, out.buf);
        Py_END_ALLOW_THREADS
        free(walk.decisions);
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&values);
    PyBuffer_Release(&rows);
    if (bad) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"build", build, METH_VARARGS, build_doc},
    {"add", (PyCFunction)(void (*)(void))add_to, METH_FASTCALL, add_doc},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_shapley, "Interventional Shapley values of decision trees.")
