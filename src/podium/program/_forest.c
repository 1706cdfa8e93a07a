/* Decision trees over flat arrays: each row's leaves, summed in the order of the trees.
 *
 * A forest is checked once, when it is built, and copied into memory that nobody else can change:
 * children follow their parent (so that every walk ends), features and leaves exist. After that no
 * row can make the kernel read outside its arrays.
 *
 * A row goes left where its value is <= the threshold. A missing value (NaN) goes right, or left
 * where the node says so. A node may hold a set of categories instead of a threshold: then a row
 * goes left where its value, cut to an integer, is in the set.
 *
 * Trees whose nodes of one level all ask the same, as CatBoost's do, aren't walked: the answers at
 * all levels, one bit each, are the number of the leaf.
 *
 * LANES walks go on at the same time, because one alone waits for memory at every step: over the
 * rows of a block in one tree, or, for few rows, over the trees for one row.
 */
#include "_kernel.h"

#define CAPSULE "podium.program._forest"

#define LANES 8
/* Rows that the second cache holds: a large tree is fetched for all of them at once (100 trees of
 * 4,000 nodes, 10,000 rows: 62 ms, with blocks of 128 rows 115 ms). */
#define BLOCK_ROWS 2048
#define BLOCK_VALUES 16384
/* Columns of so many rows stay in the first cache. */
#define LEVELS_ROWS 512
#define LEVELS_LANES 16
#define FEW_FEATURES 256
/* Deeper trees of levels have more leaves than are worth a table. */
#define DEPTH_MAX 10
/* Below about 10 us of work, giving the lock away costs more than it lets others do. */
#define STEPS_WITH_LOCK 2048

/* What the array of kinds says about a node. */
#define KIND_LEAF 1
#define KIND_MISSING_LEFT 2
#define KIND_SET 4

/* The upper bits of a node's feature. */
#define LEAF 0x80000000u
#define MISSING_LEFT 0x40000000u
#define SET 0x20000000u
#define FEATURE 0x1fffffffu

#define SAW_NAN 1
#define SAW_INFINITE 2

typedef struct {
    double threshold; /* of a leaf with one value: the value; of a set: where it begins */
    uint32_t feature;
    uint32_t left; /* the right child is the next one; of a leaf: which leaf it is */
} Node;

/* What all nodes of a level ask of a row in single precision. */
typedef struct {
    float threshold;
    uint32_t feature; /* and MISSING_LEFT */
} Level;

typedef struct {
    Node *nodes;
    Level *levels;         /* of all trees, or NULL where a tree has other nodes */
    uint32_t *depths;      /* how many levels each tree has */
    double *levels_values; /* of the leaves, from the leftmost one of each tree */
    uint32_t *roots;
    uint32_t *targets; /* to which output each tree adds, where leaves have one value */
    double *values;    /* of leaves with several values */
    uint32_t *words;   /* of the sets: how many words follow, then the words */
    Py_ssize_t n_nodes, n_trees, n_leaves, n_features, n_outputs;
    int leaf_is_scalar, has_missing, has_sets, is_single_input, is_single_sum;
} Forest;

static void
forest_free(Forest *forest)
{
    if (forest != NULL) {
        free(forest->nodes);
        free(forest->levels);
        free(forest->depths);
        free(forest->levels_values);
        free(forest->roots);
        free(forest->targets);
        free(forest->values);
        free(forest->words);
        free(forest);
    }
}

static void
capsule_free(PyObject *capsule)
{
    forest_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* ---- walking ---- */

static inline uint32_t
in_set(const uint32_t *set, double value)
{
    /* NaN and numbers that no set can hold compare false. */
    if (!(value > -1.0 && value < 4294967295.0)) {
        return 0;
    }
    const uint32_t category = (uint32_t)value, word = category >> 5;
    return word < set[0] && ((set[1 + word] >> (category & 31u)) & 1u);
}

static inline uint32_t
next_node(const Forest *forest, uint32_t at, const double *row, int has_missing, int has_sets)
{
    const Node node = forest->nodes[at];
    const double value = row[node.feature & FEATURE];
    uint32_t right;
    if (has_sets && (node.feature & SET) && value == value) {
        right = !in_set(forest->words + (uint32_t)node.threshold, value);
    }
    else if (has_missing || has_sets) {
        right = (node.feature & MISSING_LEFT) ? value > node.threshold
                                              : !(value <= node.threshold);
        if (has_sets && (node.feature & SET)) {
            right = !(node.feature & MISSING_LEFT);
        }
    }
    else {
        right = !(value <= node.threshold);
    }
    return (node.feature & LEAF) ? at : node.left + right;
}

static inline void
walk_lanes(const Forest *forest, uint32_t *at, const double *const *rows, int has_missing,
           int has_sets)
{
    uint32_t moved;
    do {
        moved = 0;
        for (int lane = 0; lane < LANES; lane++) {
            uint32_t next = next_node(forest, at[lane], rows[lane], has_missing, has_sets);
            moved |= next ^ at[lane];
            at[lane] = next;
        }
    } while (moved);
}

static inline void
add_leaf(const Forest *forest, Py_ssize_t tree, uint32_t at, double *out)
{
    const Node *node = forest->nodes + at;
    if (forest->leaf_is_scalar) {
        double *sum = out + forest->targets[tree];
        *sum += node->threshold;
        if (forest->is_single_sum) {
            *sum = (double)(float)*sum;
        }
        return;
    }
    const double *values = forest->values + (Py_ssize_t)node->left * forest->n_outputs;
    for (Py_ssize_t k = 0; k < forest->n_outputs; k++) {
        out[k] += values[k];
        if (forest->is_single_sum) {
            out[k] = (double)(float)out[k];
        }
    }
}

/* One row: several trees at a time. */
static inline void
add_row(const Forest *forest, const double *row, double *out, int has_missing, int has_sets)
{
    const double *rows[LANES];
    uint32_t at[LANES];
    for (int lane = 0; lane < LANES; lane++) {
        rows[lane] = row;
    }
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree += LANES) {
        Py_ssize_t n = forest->n_trees - tree < LANES ? forest->n_trees - tree : LANES;
        for (int lane = 0; lane < LANES; lane++) {
            at[lane] = forest->roots[tree + (lane < n ? lane : 0)];
        }
        walk_lanes(forest, at, rows, has_missing, has_sets);
        for (int lane = 0; lane < n; lane++) {
            add_leaf(forest, tree + lane, at[lane], out);
        }
    }
}

/* A block of rows: several rows at a time, one tree after the other. */
static inline void
add_block(const Forest *forest, const double *block, Py_ssize_t n_rows, double *out,
          int has_missing, int has_sets)
{
    const Py_ssize_t width = forest->n_features, n_outputs = forest->n_outputs;
    const Py_ssize_t n_full = n_rows - n_rows % LANES;
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
        for (Py_ssize_t first = 0; first < n_full; first += LANES) {
            const double *rows[LANES];
            uint32_t at[LANES];
            for (int lane = 0; lane < LANES; lane++) {
                rows[lane] = block + (first + lane) * width;
                at[lane] = forest->roots[tree];
            }
            walk_lanes(forest, at, rows, has_missing, has_sets);
            for (int lane = 0; lane < LANES; lane++) {
                add_leaf(forest, tree, at[lane], out + (first + lane) * n_outputs);
            }
        }
    }
    for (Py_ssize_t row = n_full; row < n_rows; row++) {
        add_row(forest, block + row * width, out + row * n_outputs, has_missing, has_sets);
    }
}

static void
add_rows(const Forest *forest, const double *block, Py_ssize_t n_rows, double *out, int saw)
{
    /* Constant arguments: the compiler makes one loop of each, without the tests inside. */
    if (forest->has_sets) {
        add_block(forest, block, n_rows, out, 1, 1);
    }
    else if (forest->has_missing && (saw & SAW_NAN)) {
        add_block(forest, block, n_rows, out, 1, 0);
    }
    else {
        add_block(forest, block, n_rows, out, 0, 0);
    }
}

/* Copies rows into a block, rounded if the trainer compared in single precision. */
static int
copy_rows(const Forest *forest, const Py_buffer *x, Py_ssize_t first, Py_ssize_t n_rows,
          double *block)
{
    const char *begin = (const char *)x->buf + first * x->strides[0];
    const Py_ssize_t width = forest->n_features;
    double sum = 0.0;
    for (Py_ssize_t row = 0; row < n_rows; row++) {
        const char *from = begin + row * x->strides[0];
        double *to = block + row * width;
        for (Py_ssize_t j = 0; j < width; j++, from += x->strides[1]) {
            double value;
            memcpy(&value, from, sizeof value);
            if (forest->is_single_input) {
                value = (double)(float)value;
            }
            to[j] = value;
            sum += value * 0.0; /* stays 0 as long as every value is finite */
        }
    }
    if (sum == 0.0) {
        return 0;
    }
    int saw = 0;
    for (Py_ssize_t i = 0; i < n_rows * width; i++) {
        saw |= isnan(block[i]) ? SAW_NAN : (isinf(block[i]) ? SAW_INFINITE : 0);
    }
    return saw;
}

/* ---- levels ---- */

static inline void
add_leaf_of_levels(const Forest *forest, Py_ssize_t tree, const double *leaf, double *out)
{
    if (forest->leaf_is_scalar) {
        out[forest->targets[tree]] += *leaf;
        return;
    }
    for (Py_ssize_t k = 0; k < forest->n_outputs; k++) {
        out[k] += leaf[k];
    }
}

/* Few rows, of width columns: a row at a time. */
static void
add_levels_of_rows(const Forest *forest, const float *rows, Py_ssize_t n_rows, double *out)
{
    const Py_ssize_t n_values = forest->leaf_is_scalar ? 1 : forest->n_outputs;
    for (Py_ssize_t row = 0; row < n_rows; row++, out += forest->n_outputs) {
        const Level *level = forest->levels;
        const double *values = forest->levels_values;
        for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
            uint32_t at = 0;
            const uint32_t depth = forest->depths[tree];
            for (uint32_t i = 0; i < depth; i++, level++) {
                const float value = rows[(Py_ssize_t)(level->feature & FEATURE) * n_rows + row];
                at = at * 2 + ((level->feature & MISSING_LEFT) ? value > level->threshold
                                                               : !(value <= level->threshold));
            }
            add_leaf_of_levels(forest, tree, values + at * n_values, out);
            values += ((Py_ssize_t)1 << depth) * n_values;
        }
    }
}

/* The leaves of LEVELS_LANES rows in a tree. */
static inline void
find_leaves(const Level *levels, uint32_t depth, const float *columns, Py_ssize_t n_rows,
            int32_t *leaves)
{
    int32_t at[LEVELS_LANES] = {0};
    for (const Level *level = levels; level < levels + depth; level++) {
        const float *column = columns + (Py_ssize_t)(level->feature & FEATURE) * n_rows;
        const float threshold = level->threshold;
        if (level->feature & MISSING_LEFT) {
            for (int lane = 0; lane < LEVELS_LANES; lane++) {
                at[lane] = at[lane] * 2 + (column[lane] > threshold);
            }
        }
        else {
            for (int lane = 0; lane < LEVELS_LANES; lane++) {
                at[lane] = at[lane] * 2 + !(column[lane] <= threshold);
            }
        }
    }
    memcpy(leaves, at, sizeof at);
}

/* Columns of up to LEVELS_ROWS rows, LEVELS_LANES at least. */
static void
add_levels(const Forest *forest, const float *columns, Py_ssize_t n_rows, double *out)
{
    const Py_ssize_t n_values = forest->leaf_is_scalar ? 1 : forest->n_outputs;
    const Py_ssize_t n_outputs = forest->n_outputs;
    const Level *levels = forest->levels;
    const double *values = forest->levels_values;
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
        const uint32_t depth = forest->depths[tree];
        for (Py_ssize_t begin = 0; begin < n_rows; begin += LEVELS_LANES) {
            /* The last lanes look at some rows again, which were added before. */
            const Py_ssize_t last = n_rows - LEVELS_LANES, first = begin < last ? begin : last;
            int32_t leaves[LEVELS_LANES];
            find_leaves(levels, depth, columns + first, n_rows, leaves);
            if (forest->leaf_is_scalar) {
                double *sums = out + first * n_outputs + forest->targets[tree];
                if (begin == first && n_outputs == 1) { /* as nearly always: a loop without tests */
                    for (int lane = 0; lane < LEVELS_LANES; lane++) {
                        sums[lane] += values[leaves[lane]];
                    }
                    continue;
                }
                for (Py_ssize_t lane = begin - first; lane < LEVELS_LANES; lane++) {
                    sums[lane * n_outputs] += values[leaves[lane]];
                }
                continue;
            }
            for (Py_ssize_t lane = begin - first; lane < LEVELS_LANES; lane++) {
                add_leaf_of_levels(forest, tree, values + leaves[lane] * n_values,
                                   out + (first + lane) * n_outputs);
            }
        }
        levels += depth;
        values += ((Py_ssize_t)1 << depth) * n_values;
    }
}

/* Copies rows into columns of single precision. */
static int
copy_columns(const Forest *forest, const Py_buffer *x, Py_ssize_t first, Py_ssize_t n_rows,
             float *columns)
{
    const char *begin = (const char *)x->buf + first * x->strides[0];
    float sum = 0.0f;
    for (Py_ssize_t j = 0; j < forest->n_features; j++, begin += x->strides[1]) {
        const char *from = begin;
        float *to = columns + j * n_rows;
        for (Py_ssize_t row = 0; row < n_rows; row++, from += x->strides[0]) {
            double value;
            memcpy(&value, from, sizeof value);
            to[row] = (float)value;
            sum += to[row] * 0.0f; /* stays 0 as long as every value is finite */
        }
    }
    if (sum == 0.0f) {
        return 0;
    }
    int saw = 0;
    for (Py_ssize_t i = 0; i < n_rows * forest->n_features; i++) {
        saw |= isnan(columns[i]) ? SAW_NAN : (isinf(columns[i]) ? SAW_INFINITE : 0);
    }
    return saw;
}

static int
add_all_levels(const Forest *forest, const Py_buffer *x, double *out, double *block,
               Py_ssize_t block_rows)
{
    int saw = 0;
    float *columns = (float *)block;
    const Py_ssize_t n_rows = x->shape[0];
    block_rows = block_rows < LEVELS_ROWS ? block_rows : LEVELS_ROWS;
    for (Py_ssize_t first = 0; first < n_rows; first += block_rows) {
        const Py_ssize_t n = n_rows - first < block_rows ? n_rows - first : block_rows;
        saw |= copy_columns(forest, x, first, n, columns);
        if (n < LEVELS_LANES) {
            add_levels_of_rows(forest, columns, n, out + first * forest->n_outputs);
        }
        else {
            add_levels(forest, columns, n, out + first * forest->n_outputs);
        }
    }
    return saw;
}

static int
add_all(const Forest *forest, const Py_buffer *x, double *out, double *block, Py_ssize_t block_rows)
{
    int saw = 0;
    if (forest->levels != NULL) {
        return add_all_levels(forest, x, out, block, block_rows);
    }
    const Py_ssize_t n_rows = x->shape[0];
    for (Py_ssize_t first = 0; first < n_rows; first += block_rows) {
        Py_ssize_t n = n_rows - first < block_rows ? n_rows - first : block_rows;
        int here = copy_rows(forest, x, first, n, block);
        add_rows(forest, block, n, out + first * forest->n_outputs, here);
        saw |= here;
    }
    return saw;
}

/* ---- building ---- */

enum { A_FEATURE, A_THRESHOLD, A_LEFT, A_KIND, A_ROOTS, A_TARGETS, A_VALUES, A_STARTS, A_WORDS,
       N_ARRAYS };
static const Py_ssize_t SIZES[N_ARRAYS] = {4, 8, 4, 1, 4, 4, 8, 4, 4};

/* An array of one dimension. */
static int
get_vector(PyObject *object, Py_buffer *view, Py_ssize_t itemsize)
{
    if (get_array(object, view, itemsize, -1, 0) < 0) {
        return -1;
    }
    if (view->ndim != 1) {
        refuse("an array has the wrong shape", view->ndim);
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

/* Sets, each as the number of its words and then the words; their old starts become new ones. */
static int
take_sets(Forest *forest, const Py_buffer *arrays, uint32_t *begins)
{
    const int32_t *starts = arrays[A_STARTS].buf;
    const uint32_t *words = arrays[A_WORDS].buf;
    const Py_ssize_t n_words = arrays[A_WORDS].shape[0];
    const Py_ssize_t n_sets = arrays[A_STARTS].shape[0] - 1;
    Py_ssize_t to = 0;
    for (Py_ssize_t i = 0; i < n_sets; i++) {
        if (starts[i] < 0 || starts[i + 1] < starts[i] || starts[i + 1] > n_words) {
            return refuse("a set of categories lies outside its array", i);
        }
        const uint32_t n = (uint32_t)(starts[i + 1] - starts[i]);
        if (n > (1u << 26)) {
            return refuse("a set of categories is too large", i);
        }
        if (to + n + 1 > n_words + n_sets) {
            return refuse("sets of categories overlap", i);
        }
        begins[i] = (uint32_t)to;
        forest->words[to] = n;
        memcpy(forest->words + to + 1, words + starts[i], (size_t)n * 4);
        to += 1 + n;
    }
    return 0;
}

static int
take_node(Forest *forest, const Py_buffer *arrays, const uint32_t *begins, Py_ssize_t i)
{
    const int32_t feature = ((const int32_t *)arrays[A_FEATURE].buf)[i];
    const int32_t left = ((const int32_t *)arrays[A_LEFT].buf)[i];
    const double threshold = ((const double *)arrays[A_THRESHOLD].buf)[i];
    const uint8_t kind = ((const uint8_t *)arrays[A_KIND].buf)[i];
    const Py_ssize_t n_sets = arrays[A_STARTS].shape[0] - 1;
    Node *node = forest->nodes + i;

    if (kind & KIND_LEAF) {
        if (left < 0 || left >= forest->n_leaves) {
            return refuse("a leaf has no value", i);
        }
        node->feature = LEAF;
        node->left = (uint32_t)left;
        node->threshold =
            forest->leaf_is_scalar ? ((const double *)arrays[A_VALUES].buf)[left] : 0.0;
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
    node->threshold = threshold;
    if (kind & KIND_MISSING_LEFT) {
        node->feature |= MISSING_LEFT;
        forest->has_missing = 1;
    }
    if (kind & KIND_SET) {
        if (!(threshold >= 0.0 && threshold < (double)n_sets)) {
            return refuse("a node asks for a set of categories that isn't there", i);
        }
        node->feature |= SET;
        node->threshold = (double)begins[(uint32_t)threshold];
        forest->has_sets = 1;
    }
    return 0;
}

static int
take_arrays(Forest *forest, const Py_buffer *arrays)
{
    const Py_ssize_t n_nodes = arrays[A_FEATURE].shape[0];
    const Py_ssize_t n_trees = arrays[A_ROOTS].shape[0];
    const Py_ssize_t n_values = arrays[A_VALUES].shape[0];
    const Py_ssize_t n_starts = arrays[A_STARTS].shape[0];

    if (n_nodes >= INT32_MAX || arrays[A_THRESHOLD].shape[0] != n_nodes ||
        arrays[A_LEFT].shape[0] != n_nodes || arrays[A_KIND].shape[0] != n_nodes) {
        return refuse("the arrays of nodes differ in length", n_nodes);
    }
    if (forest->n_features < 0 || forest->n_features > (Py_ssize_t)FEATURE ||
        forest->n_outputs < 1 || forest->n_outputs > (1 << 24)) {
        return refuse("the numbers of features or outputs can't be", forest->n_outputs);
    }
    if (n_starts < 1 || n_starts > INT32_MAX - 1 ||
        arrays[A_WORDS].shape[0] + n_starts > INT32_MAX) {
        return refuse("the sets of categories can't be read", n_starts);
    }
    /* With one target a tree, leaves have one value; without, as many as there are outputs. */
    forest->leaf_is_scalar = arrays[A_TARGETS].shape[0] == n_trees && n_trees > 0;
    if (!forest->leaf_is_scalar &&
        (arrays[A_TARGETS].shape[0] != 0 || n_values % forest->n_outputs != 0)) {
        return refuse("the leaves' values don't fit the outputs", n_values);
    }
    forest->n_leaves = forest->leaf_is_scalar ? n_values : n_values / forest->n_outputs;
    forest->n_nodes = n_nodes;
    forest->n_trees = n_trees;
    forest->roots = copy_of(&arrays[A_ROOTS]);
    forest->targets = copy_of(&arrays[A_TARGETS]);
    forest->values = copy_of(&arrays[A_VALUES]);
    forest->nodes = malloc((size_t)(n_nodes > 0 ? n_nodes : 1) * sizeof(Node));
    forest->words = malloc((size_t)(arrays[A_WORDS].shape[0] + n_starts) * 4);
    uint32_t *begins = malloc((size_t)n_starts * 4);
    int bad = 0;
    if (forest->roots == NULL || forest->targets == NULL || forest->values == NULL ||
        forest->nodes == NULL || forest->words == NULL || begins == NULL) {
        PyErr_NoMemory();
        bad = -1;
    }
    bad = bad ? bad : take_sets(forest, arrays, begins);
    for (Py_ssize_t i = 0; !bad && i < n_nodes; i++) {
        bad = take_node(forest, arrays, begins, i);
    }
    for (Py_ssize_t i = 0; !bad && i < n_trees; i++) {
        if (forest->roots[i] >= (uint32_t)n_nodes) { /* negative ones are large ones here */
            bad = refuse("a tree has no root", i);
        }
        else if (forest->leaf_is_scalar && forest->targets[i] >= (uint32_t)forest->n_outputs) {
            bad = refuse("a tree adds to an output that isn't there", i);
        }
    }
    free(begins);
    return bad;
}

/* The largest number of single precision that isn't above the threshold: rows of single precision
 * are on the same side of both. */
static float
single_of(double threshold)
{
    const float nearest = (float)threshold;
    return (double)nearest > threshold ? nextafterf(nearest, -INFINITY) : nearest;
}

/* The levels of a tree, or -1 where nodes of one level differ; `at` has room for its leaves. */
static int
take_tree_levels(const Forest *forest, uint32_t root, uint32_t *at, Level *levels)
{
    int depth = 0;
    at[0] = root;
    while (!(forest->nodes[at[0]].feature & LEAF)) {
        const Node *first = forest->nodes + at[0];
        const uint32_t n = (uint32_t)1 << depth;
        if (depth == DEPTH_MAX) {
            return -1;
        }
        for (uint32_t i = n; i-- > 0;) { /* from the last one: its children take its place */
            const Node *node = forest->nodes + at[i];
            if (node->feature != first->feature || node->threshold != first->threshold) {
                return -1;
            }
            at[2 * i + 1] = node->left + 1;
            at[2 * i] = node->left;
        }
        levels[depth].threshold = single_of(first->threshold);
        levels[depth].feature = first->feature;
        depth++;
    }
    for (uint32_t i = 0; i < (uint32_t)1 << depth; i++) {
        if (!(forest->nodes[at[i]].feature & LEAF)) {
            return -1;
        }
    }
    return depth;
}

/* Levels and leaves of all trees, if they have them and nothing that levels don't know. */
static int
take_levels(Forest *forest)
{
    const Py_ssize_t n_values = forest->leaf_is_scalar ? 1 : forest->n_outputs;
    uint32_t at[1 << DEPTH_MAX];
    Level some[DEPTH_MAX];
    size_t n_levels = 0, n_leaves = 0;
    if (!forest->is_single_input || forest->is_single_sum || forest->has_sets) {
        return 0;
    }
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
        const int depth = take_tree_levels(forest, forest->roots[tree], at, some);
        if (depth < 0) {
            return 0;
        }
        n_levels += (size_t)depth;
        n_leaves += (size_t)1 << depth;
        /* Each leaf is copied once: trees that share theirs would take any amount of memory. */
        if (n_leaves > (size_t)forest->n_leaves) {
            return 0;
        }
    }
    forest->levels = malloc((n_levels + 1) * sizeof(Level));
    forest->depths = malloc(((size_t)forest->n_trees + 1) * sizeof(uint32_t));
    forest->levels_values = malloc((n_leaves + 1) * (size_t)n_values * sizeof(double));
    if (forest->levels == NULL || forest->depths == NULL || forest->levels_values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Level *level = forest->levels;
    double *to = forest->levels_values;
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
        const int depth = take_tree_levels(forest, forest->roots[tree], at, level);
        forest->depths[tree] = (uint32_t)depth;
        level += depth;
        for (uint32_t i = 0; i < (uint32_t)1 << depth; i++, to += n_values) {
            const uint32_t leaf = forest->nodes[at[i]].left;
            memcpy(to, forest->values + (Py_ssize_t)leaf * n_values,
                   (size_t)n_values * sizeof(double));
        }
    }
    return 0;
}

PyDoc_STRVAR(build_doc,
"build(feature, threshold, left, kind, roots, targets, values, starts, words,\n"
"      n_features, n_outputs, is_single_input, is_single_sum)\n--\n\n"
"A forest, checked and copied. ValueError if a walk could leave its arrays.");

static PyObject *
build(PyObject *module, PyObject *args)
{
    PyObject *objects[N_ARRAYS];
    Py_buffer arrays[N_ARRAYS];
    Py_ssize_t n_features, n_outputs;
    int is_single_input, is_single_sum, n = 0;
    PyObject *capsule = NULL;
    (void)module;

    if (!PyArg_ParseTuple(args, "OOOOOOOOOnnpp:build", &objects[0], &objects[1], &objects[2],
                          &objects[3], &objects[4], &objects[5], &objects[6], &objects[7],
                          &objects[8], &n_features, &n_outputs, &is_single_input,
                          &is_single_sum)) {
        return NULL;
    }
    Forest *forest = calloc(1, sizeof(Forest));
    if (forest == NULL) {
        return PyErr_NoMemory();
    }
    forest->n_features = n_features;
    forest->n_outputs = n_outputs;
    forest->is_single_input = is_single_input;
    forest->is_single_sum = is_single_sum;
    while (n < N_ARRAYS && get_vector(objects[n], &arrays[n], SIZES[n]) == 0) {
        n++;
    }
    if (n == N_ARRAYS && take_arrays(forest, arrays) == 0 && take_levels(forest) == 0) {
        capsule = PyCapsule_New(forest, CAPSULE, capsule_free);
    }
    while (n > 0) {
        PyBuffer_Release(&arrays[--n]);
    }
    if (capsule == NULL) {
        forest_free(forest);
    }
    return capsule;
}

/* ---- adding ---- */

static int
check_rows(const Forest *forest, const Py_buffer *x, const Py_buffer *out)
{
    if (x->ndim != 2 || !is_double(x) || x->shape[1] != forest->n_features) {
        PyErr_Format(PyExc_ValueError, "the rows must be doubles of shape (n, %zd)",
                     forest->n_features);
        return -1;
    }
    if (out->ndim != 2 || !is_double(out) || out->shape[0] != x->shape[0] ||
        out->shape[1] != forest->n_outputs || ((uintptr_t)out->buf & 7) != 0) {
        PyErr_Format(PyExc_ValueError, "the sums must be doubles of shape (%zd, %zd)",
                     x->shape[0], forest->n_outputs);
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(add_doc,
"add(forest, rows, sums)\n--\n\n"
"Adds each row's leaves to its sums. Returns 1 if a value was NaN, plus 2 if one was infinite.");

static PyObject *
add(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer x, out;
    double few[FEW_FEATURES], *block = few;
    int saw = -1;
    (void)module;

    if (n_args != 3) {
        PyErr_SetString(PyExc_TypeError, "add() takes a forest, rows and sums");
        return NULL;
    }
    Forest *forest = PyCapsule_GetPointer(args[0], CAPSULE);
    if (forest == NULL || PyObject_GetBuffer(args[1], &x, PyBUF_STRIDES | PyBUF_FORMAT) < 0) {
        return NULL;
    }
    if (PyObject_GetBuffer(args[2], &out,
                           PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT) < 0) {
        PyBuffer_Release(&x);
        return NULL;
    }
    if (check_rows(forest, &x, &out) == 0) {
        const Py_ssize_t width = forest->n_features > 0 ? forest->n_features : 1;
        Py_ssize_t block_rows = BLOCK_VALUES / width;
        block_rows = block_rows < 1 ? 1 : (block_rows > BLOCK_ROWS ? BLOCK_ROWS : block_rows);
        block_rows = x.shape[0] < block_rows ? x.shape[0] : block_rows;
        if (block_rows * width > FEW_FEATURES) {
            block = malloc((size_t)(block_rows * width) * sizeof(double));
        }
        few[0] = 0.0; /* what a leaf looks at where there is no feature */
        if (block == NULL) {
            PyErr_NoMemory();
        }
        else if (x.shape[0] * forest->n_trees < STEPS_WITH_LOCK) {
            saw = block_rows > 0 ? add_all(forest, &x, out.buf, block, block_rows) : 0;
        }
        else {
            Py_BEGIN_ALLOW_THREADS
            saw = add_all(forest, &x, out.buf, block, block_rows);
            Py_END_ALLOW_THREADS
        }
        if (block != few) {
            free(block);
        }
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&x);
    return saw < 0 ? NULL : PyLong_FromLong(saw);
}

PyDoc_STRVAR(finite_doc,
"finite(values)\n--\n\n"
"Whether every double of an array is finite.");

static PyObject *
all_finite(PyObject *module, PyObject *array)
{
    Py_buffer x;
    (void)module;
    if (PyObject_GetBuffer(array, &x, PyBUF_ANY_CONTIGUOUS | PyBUF_FORMAT) < 0) {
        return NULL;
    }
    if (!is_double(&x)) {
        PyErr_SetString(PyExc_ValueError, "the values must be doubles");
        PyBuffer_Release(&x);
        return NULL;
    }
    double sum = 0.0, value;
    for (Py_ssize_t i = 0; i < x.len / 8; i++) {
        memcpy(&value, (const char *)x.buf + 8 * i, sizeof value);
        sum += value * 0.0;
    }
    PyBuffer_Release(&x);
    return PyBool_FromLong(sum == 0.0);
}

static PyMethodDef methods[] = {
    {"build", build, METH_VARARGS, build_doc},
    FAST_METHOD(add),
    {"finite", all_finite, METH_O, finite_doc},
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_forest, "Decision trees over flat arrays.")
