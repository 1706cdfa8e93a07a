/* Interventional Shapley values of decision trees, against all background rows at the same time.
 *
 * A row is explained by mixing it with background rows, field by field. In a tree, the mixtures of
 * the row with one background row part only at nodes where the two go different ways, and there the
 * node's field decides: where it is the explained row's, the mixture goes that row's way. So the
 * tree is walked once, with a mask of the background rows whose mixtures come to the node, one bit
 * each. A leaf that is reached if p fields are the explained row's and q the background row's
 * contributes its value times (p-1)! q! / (p+q)! to each of the p, and less its value times
 * p! (q-1)! / (p+q)! to each of the q. Subtrees that no mixture comes to aren't visited.
 *
 * How many fields have decided for each background row is counted in slices: the n-th bits of all
 * counts are one mask, so that a mask is added to the counts with a few operations.
 *
 * Source: for one background row, Lundberg et al. (2020), From local explanations to global
 * understanding with explainable AI for trees, Nature Machine Intelligence 2, algorithm 3.
 *
 * As in _forest.c, a forest is checked once and copied: children follow their parent, and each node
 * has one parent, so that every walk ends.
 */
#include "_kernel.h"

#define CAPSULE "podium.program._shapley"

#define KIND_LEAF 1
#define KIND_MISSING_LEFT 2
#define KIND_SET 4

#define ROWS_MAX 128
/* Deeper trees aren't worth the memory of their walk, nor more fields on one path its counts. */
#define DEPTH_MAX 4096
#define SLICES_MAX 7
#define DECIDED_MAX ((1 << SLICES_MAX) - 1)

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

typedef struct {
    uint64_t low, high;
} Mask;

typedef struct {
    Mask goes_left; /* the background rows that go left here, wherever they come from */
    double threshold;
    uint32_t feature, left, set; /* where its set begins among the words */
    int32_t player;              /* the field of the feature, or -1 */
    uint8_t kind;
} Node;

typedef struct {
    Node *nodes;
    uint32_t *roots, *words;
    double *weights; /* (p-1)! q! / (p+q)! at p * n_counts + q */
    Mask everyone;
    Py_ssize_t n_nodes, n_trees, n_features, n_players, n_background, n_counts;
    int depth, n_slices;
} Forest;

/* A node whose second child is still to be visited, or was. */
typedef struct {
    uint32_t other;
    int32_t player; /* who decides here for the first time, or -1 */
    int is_new;     /* whether nobody had decided by that player on the path */
    Mask to_other, decided;
    Mask own[SLICES_MAX], background[SLICES_MAX]; /* the counts before */
} Frame;

typedef struct {
    const Forest *forest;
    const double *row, *values;
    double *out;
    Mask *by_own, *by_background; /* for whom each player has decided on the path, and how */
    int32_t *path;                /* the players that have */
    Frame *frames;
    int n_path;
    Mask own[SLICES_MAX], background[SLICES_MAX];
} Walk;

static void
forest_free(Forest *forest)
{
    if (forest != NULL) {
        free(forest->nodes);
        free(forest->roots);
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

INLINE Mask
and(Mask a, Mask b)
{
    return (Mask){a.low & b.low, a.high & b.high};
}

INLINE Mask
or(Mask a, Mask b)
{
    return (Mask){a.low | b.low, a.high | b.high};
}

INLINE Mask
without(Mask a, Mask b)
{
    return (Mask){a.low & ~b.low, a.high & ~b.high};
}

INLINE int
is_empty(Mask a)
{
    return (a.low | a.high) == 0;
}

INLINE int
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

INLINE int
count(Mask a)
{
    return count_word(a.low) + count_word(a.high);
}

/* Adds 1 to the counts of the rows in the mask. */
INLINE void
increment(Mask *slices, int n_slices, Mask carry)
{
    for (int i = 0; i < n_slices && !is_empty(carry); i++) {
        const Mask sum = {slices[i].low ^ carry.low, slices[i].high ^ carry.high};
        carry = and(carry, slices[i]);
        slices[i] = sum;
    }
}

/* ---- walking ---- */

static inline int
goes_left(const Forest *forest, const Node *node, double value)
{
    if (value != value) {
        return (node->kind & KIND_MISSING_LEFT) != 0;
    }
    if (node->kind & KIND_SET) {
        if (!(value > -1.0 && value < 4294967295.0)) {
            return 0;
        }
        const uint32_t *set = forest->words + node->set;
        const uint32_t category = (uint32_t)value, word = category >> 5;
        return word < set[0] && ((set[1 + word] >> (category & 31u)) & 1u);
    }
    return value <= node->threshold;
}

INLINE void
add_leaf(Walk *walk, Mask rows, double value)
{
    const Forest *forest = walk->forest;
    const int n_slices = forest->n_slices;
    Mask any = {0, 0};
    for (int i = 0; i < n_slices; i++) {
        any = or(any, or(walk->own[i], walk->background[i]));
    }
    rows = and(rows, any); /* the others come here whatever the fields are */
    while (!is_empty(rows)) {
        /* All rows with the counts of the first one. */
        const uint64_t low = rows.low & (0 - rows.low);
        const uint64_t high = low ? 0 : rows.high & (0 - rows.high);
        Mask same = rows;
        Py_ssize_t p = 0, q = 0;
        for (int i = 0; i < n_slices; i++) {
            const Mask own = walk->own[i], background = walk->background[i];
            const int is_own = ((own.low & low) | (own.high & high)) != 0;
            const int is_background = ((background.low & low) | (background.high & high)) != 0;
            same = is_own ? and(same, own) : without(same, own);
            same = is_background ? and(same, background) : without(same, background);
            p |= (Py_ssize_t)is_own << i;
            q |= (Py_ssize_t)is_background << i;
        }
        rows = without(rows, same);
        const double gain = value * forest->weights[p * forest->n_counts + q];
        const double loss = value * forest->weights[q * forest->n_counts + p];
        for (int i = 0; i < walk->n_path; i++) {
            const int32_t player = walk->path[i];
            const int n_own = count(and(same, walk->by_own[player]));
            const int n_background = count(and(same, walk->by_background[player]));
            walk->out[player] += gain * n_own - loss * n_background;
        }
    }
}

/* Leaves a node through its second door: the mixtures whose field is the background row's. */
INLINE void
turn(Walk *walk, Frame *frame)
{
    const int n_slices = walk->forest->n_slices;
    if (frame->player >= 0) {
        Mask *own = walk->by_own + frame->player, *background = walk->by_background + frame->player;
        *own = without(*own, frame->decided);
        *background = or(*background, frame->decided);
        memcpy(walk->own, frame->own, (size_t)n_slices * sizeof(Mask));
        memcpy(walk->background, frame->background, (size_t)n_slices * sizeof(Mask));
        increment(walk->background, n_slices, frame->decided);
    }
}

INLINE void
leave(Walk *walk, Frame *frame)
{
    const int n_slices = walk->forest->n_slices;
    if (frame->player >= 0) {
        Mask *background = walk->by_background + frame->player;
        *background = without(*background, frame->decided);
        memcpy(walk->background, frame->background, (size_t)n_slices * sizeof(Mask));
        walk->n_path -= frame->is_new;
    }
}

/* Goes down from a node, leaving a frame at each node where mixtures part. */
INLINE int
descend(Walk *walk, uint32_t at, Mask rows, int depth)
{
    const Forest *forest = walk->forest;
    const int n_slices = forest->n_slices;
    for (;;) {
        const Node *node = forest->nodes + at;
        if (node->kind & KIND_LEAF) {
            add_leaf(walk, rows, walk->values[at]);
            return depth;
        }
        const int left = goes_left(forest, node, walk->row[node->feature]);
        const Mask differs = left ? without(rows, node->goes_left) : and(rows, node->goes_left);
        at = node->left + !left;
        if (is_empty(differs) || node->player < 0) {
            continue;
        }
        Mask *own = walk->by_own + node->player, *background = walk->by_background + node->player;
        Frame *frame = walk->frames + depth;
        frame->to_other = without(differs, *own);
        frame->decided = without(frame->to_other, *background);
        frame->other = node->left + (uint32_t)left;
        rows = without(rows, and(differs, *background));
        if (is_empty(frame->decided)) {
            if (is_empty(frame->to_other)) {
                continue;
            }
            frame->player = -1;
            depth++;
            if (is_empty(rows)) {
                return depth;
            }
            continue;
        }
        frame->player = node->player;
        frame->is_new = is_empty(or(*own, *background));
        if (frame->is_new) {
            walk->path[walk->n_path++] = node->player;
        }
        memcpy(frame->own, walk->own, (size_t)n_slices * sizeof(Mask));
        memcpy(frame->background, walk->background, (size_t)n_slices * sizeof(Mask));
        increment(walk->own, n_slices, frame->decided);
        *own = or(*own, frame->decided);
        depth++;
    }
}

INLINE void
walk_tree(Walk *walk, uint32_t root)
{
    int depth = descend(walk, root, walk->forest->everyone, 0);
    while (depth > 0) {
        Frame *frame = walk->frames + depth - 1;
        if (is_empty(frame->to_other)) { /* both ways were gone */
            leave(walk, frame);
            depth--;
            continue;
        }
        const Mask rows = frame->to_other;
        frame->to_other = (Mask){0, 0};
        turn(walk, frame);
        depth = descend(walk, frame->other, rows, depth);
    }
}

INLINE void
walk_trees(Walk *walk)
{
    for (Py_ssize_t tree = 0; tree < walk->forest->n_trees; tree++) {
        walk_tree(walk, walk->forest->roots[tree]);
    }
}

static void
walk_plainly(Walk *walk)
{
    walk_trees(walk);
}

#if defined(__GNUC__) && defined(__x86_64__)
/* The instruction that counts bits isn't in every such processor. */
__attribute__((target("popcnt"))) static void
walk_counting(Walk *walk)
{
    walk_trees(walk);
}

static void
walk_forest(Walk *walk)
{
    if (__builtin_cpu_supports("popcnt")) {
        walk_counting(walk);
    }
    else {
        walk_plainly(walk);
    }
}
#else
#define walk_forest walk_plainly
#endif

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
    node->set = (uint32_t)*to;
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
    Node *node = forest->nodes + i;
    node->kind = ((const uint8_t *)arrays[A_KIND].buf)[i];
    node->threshold = ((const double *)arrays[A_THRESHOLD].buf)[i];
    if (node->kind & KIND_LEAF) {
        return 0;
    }
    if (feature < 0 || feature >= forest->n_features) {
        return refuse("a node asks for a feature that isn't there", i);
    }
    if (left <= i || left >= forest->n_nodes - 1) {
        return refuse("a node's children don't follow it", i);
    }
    node->feature = (uint32_t)feature;
    node->left = (uint32_t)left;
    node->player = ((const int32_t *)arrays[A_PLAYERS].buf)[feature];
    if (node->player < -1 || node->player >= forest->n_players) {
        return refuse("a feature is of a field that isn't there", feature);
    }
    if ((node->kind & KIND_SET) && take_set(forest, arrays, node, n_words, i) < 0) {
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
        else if (!(node->kind & KIND_LEAF) && depths[i]) {
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
    Py_ssize_t most = forest->depth < forest->n_players ? forest->depth : forest->n_players;
    if (most > DECIDED_MAX) {
        return refuse("too many fields decide on one path", most);
    }
    forest->n_slices = 1;
    while (most >> forest->n_slices) {
        forest->n_slices++;
    }
    /* Counts of rows that aren't at a leaf may be anything that the slices can hold. */
    const Py_ssize_t n = forest->n_counts = (Py_ssize_t)1 << forest->n_slices;
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
        n_words >= INT32_MAX || arrays[A_STARTS].len < 4 || forest->n_players < 0) {
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
    if (forest->nodes == NULL || forest->words == NULL || forest->roots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t n_taken = 0;
    for (Py_ssize_t i = 0; i < n_nodes; i++) {
        if (take_node(forest, arrays, &n_taken, i) < 0) {
            return -1;
        }
    }
    return check_shape(forest) < 0 ? -1 : take_weights(forest);
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

static int
start_walk(Walk *walk, const Forest *forest, const double *values)
{
    memset(walk, 0, sizeof *walk);
    walk->forest = forest;
    walk->values = values;
    walk->by_own = calloc((size_t)forest->n_players + 1, sizeof(Mask));
    walk->by_background = calloc((size_t)forest->n_players + 1, sizeof(Mask));
    walk->path = calloc((size_t)forest->n_players + 1, sizeof(int32_t));
    walk->frames = calloc((size_t)forest->depth + 1, sizeof(Frame));
    return walk->by_own && walk->by_background && walk->path && walk->frames ? 0 : -1;
}

static void
end_walk(Walk *walk)
{
    free(walk->by_own);
    free(walk->by_background);
    free(walk->path);
    free(walk->frames);
}

PyDoc_STRVAR(add_doc,
"add(forest, rows, values, out)\n--\n\n"
"Adds to out, of shape (n_rows, n_players), the contributions of the fields to the sums of the\n"
"leaves that rows of shape (n_rows, n_features) reach, summed over the background rows. Nodes that\n"
"are leaves have these values.");

static PyObject *
add(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
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
    if (!bad) {
        bad = start_walk(&walk, forest, values.buf);
        if (bad) {
            PyErr_NoMemory();
        }
        else {
            Py_BEGIN_ALLOW_THREADS
            for (Py_ssize_t row = 0; row < n_rows; row++) {
                walk.row = (const double *)rows.buf + row * forest->n_features;
                walk.out = (double *)out.buf + row * forest->n_players;
                walk_forest(&walk);
            }
            Py_END_ALLOW_THREADS
        }
        end_walk(&walk);
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
    FAST_METHOD(add),
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_shapley, "Interventional Shapley values of decision trees.")
