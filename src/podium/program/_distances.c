/* Distances to rows that a model keeps, and the nearest of them, found as scikit-learn finds them.
 *
 * Rows are kept in tiles of LANES, column after column, so that the distances to all rows of a tile
 * are added up side by side, each from the first column to the last: they round as one alone.
 *
 * Where the rows are those of a tree of nodes, a tile's rows are of one leaf. The nearest rows are
 * looked for in the order of the tree, and a heap keeps those that came first, more or less:
 * which of equally near rows count depends on it. What is built is checked once and copied.
 */
#include "_kernel.h"

#define CAPSULE "podium.program._distances"

#define LANES 8
#define NODES_MAX 10000000
/* Below about 10 us of work, giving the lock away costs more than it lets others do. */
#define NUMBERS_WITH_LOCK 16384

enum { SQUARE, MANHATTAN, CHEBYSHEV, MINKOWSKI, N_METRICS };

typedef struct {
    double *tiles;   /* n_tiles x width x LANES */
    int32_t *places; /* of the row in each lane of each tile, or -1 */
    int32_t *first;  /* the first tile of each node, and of what follows the last one */
    uint8_t *is_leaf;
    double *low, *high; /* corners; or centres, and then radii */
    double *radii;
    double power;
    Py_ssize_t n_rows, width, n_tiles, n_nodes;
    int metric;
} Rows;

static void
rows_free(Rows *rows)
{
    if (rows != NULL) {
        free(rows->tiles);
        free(rows->places);
        free(rows->first);
        free(rows->is_leaf);
        free(rows->low);
        free(rows->high);
        free(rows->radii);
        free(rows);
    }
}

static void
capsule_free(PyObject *capsule)
{
    rows_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* ---- measuring ---- */

static inline double
part_of(double away, int metric, double power)
{
    switch (metric) {
    case SQUARE:
        return away * away;
    case MINKOWSKI:
        return pow(fabs(away), power);
    default:
        return fabs(away);
    }
}

static inline double
added(double total, double part, int metric)
{
    return metric == CHEBYSHEV ? (part > total ? part : total) : total + part;
}

static inline void
measure_as(const Rows *rows, Py_ssize_t tile, const double *x, double *far, int metric)
{
    const double *from = rows->tiles + tile * rows->width * LANES;
    double total[LANES] = {0.0};
    for (Py_ssize_t j = 0; j < rows->width; j++, from += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            total[lane] =
                added(total[lane], part_of(x[j] - from[lane], metric, rows->power), metric);
        }
    }
    memcpy(far, total, sizeof total);
}

/* The distances of a row to those of a tile, before a root is drawn of them. */
static inline void
measure_tile(const Rows *rows, Py_ssize_t tile, const double *x, double *far)
{
    /* Constant arguments: the compiler makes a loop of each. */
    switch (rows->metric) {
    case SQUARE:
        measure_as(rows, tile, x, far, SQUARE);
        break;
    case MANHATTAN:
        measure_as(rows, tile, x, far, MANHATTAN);
        break;
    case CHEBYSHEV:
        measure_as(rows, tile, x, far, CHEBYSHEV);
        break;
    default:
        measure_as(rows, tile, x, far, MINKOWSKI);
    }
}

/* The least distance of a row to whatever is in a node, before a root is drawn of it. */
static double
least(const Rows *rows, Py_ssize_t node, const double *x)
{
    const double *low = rows->low + node * rows->width;
    double total = 0.0;
    if (rows->radii == NULL) {
        const double *high = rows->high + node * rows->width;
        for (Py_ssize_t j = 0; j < rows->width; j++) {
            const double below = low[j] - x[j], above = x[j] - high[j];
            const double away = 0.5 * ((below + fabs(below)) + (above + fabs(above)));
            total = added(total, part_of(away, rows->metric, rows->power), rows->metric);
        }
        return total;
    }
    for (Py_ssize_t j = 0; j < rows->width; j++) {
        total = added(total, part_of(x[j] - low[j], rows->metric, rows->power), rows->metric);
    }
    if (rows->metric == SQUARE) {
        const double away = fmax(0.0, sqrt(total) - rows->radii[node]);
        return away * away;
    }
    if (rows->metric == MINKOWSKI) {
        return pow(fmax(0.0, pow(total, 1.0 / rows->power) - rows->radii[node]), rows->power);
    }
    return fmax(0.0, total - rows->radii[node]);
}

/* ---- searching ---- */

typedef struct {
    double *far; /* the largest one on top */
    int32_t *places;
    Py_ssize_t size;
} Heap;

static void
heap_clear(Heap *heap)
{
    for (Py_ssize_t i = 0; i < heap->size; i++) {
        heap->far[i] = INFINITY;
        heap->places[i] = 0;
    }
}

static inline void
heap_push(Heap *heap, double far, int32_t place)
{
    if (far >= heap->far[0]) {
        return;
    }
    Py_ssize_t at = 0, child = 1;
    while (child < heap->size) {
        if (child + 1 < heap->size && heap->far[child] < heap->far[child + 1]) {
            child++;
        }
        if (heap->far[child] <= far) {
            break;
        }
        heap->far[at] = heap->far[child];
        heap->places[at] = heap->places[child];
        at = child;
        child = 2 * child + 1;
    }
    heap->far[at] = far;
    heap->places[at] = place;
}

static void
search_node(const Rows *rows, Py_ssize_t node, double bound, const double *x, Heap *heap)
{
    if (bound > heap->far[0]) {
        return;
    }
    if (rows->is_leaf[node]) {
        for (Py_ssize_t tile = rows->first[node]; tile < rows->first[node + 1]; tile++) {
            double far[LANES];
            const int32_t *places = rows->places + tile * LANES;
            measure_tile(rows, tile, x, far);
            for (int lane = 0; lane < LANES && places[lane] >= 0; lane++) {
                heap_push(heap, far[lane], places[lane]);
            }
        }
        return;
    }
    /* No deeper than a complete tree of all nodes: 24 calls. */
    const Py_ssize_t left = 2 * node + 1, right = left + 1;
    const double to_left = least(rows, left, x), to_right = least(rows, right, x);
    if (to_left <= to_right) {
        search_node(rows, left, to_left, x, heap);
        search_node(rows, right, to_right, x, heap);
    }
    else {
        search_node(rows, right, to_right, x, heap);
        search_node(rows, left, to_left, x, heap);
    }
}

/* ---- building ---- */

enum { A_ROWS, A_ORDER, A_STARTS, A_ENDS, A_IS_LEAF, A_LOW, A_HIGH, A_RADII, N_ARRAYS };
static const Py_ssize_t SIZES[N_ARRAYS] = {8, 4, 4, 4, 1, 8, 8, 8};

static int
check_nodes(const Rows *rows, const Py_buffer *arrays)
{
    const int32_t *starts = arrays[A_STARTS].buf, *ends = arrays[A_ENDS].buf;
    const int32_t *order = arrays[A_ORDER].buf;
    const Py_ssize_t n_nodes = rows->n_nodes, n_corners = n_nodes * rows->width * 8;
    const int is_ball = arrays[A_RADII].len > 0, is_one = n_nodes == 1;
    if (n_nodes < 1 || n_nodes > NODES_MAX || arrays[A_ENDS].len != n_nodes * 4 ||
        arrays[A_IS_LEAF].len != n_nodes || arrays[A_ORDER].len != rows->n_rows * 4) {
        return refuse("the arrays of nodes differ in length", n_nodes);
    }
    if (!is_one && (arrays[A_LOW].len != n_corners ||
                    arrays[A_HIGH].len != (is_ball ? 0 : n_corners) ||
                    arrays[A_RADII].len != (is_ball ? n_nodes * 8 : 0))) {
        return refuse("the corners of the nodes don't fit", n_nodes);
    }
    for (Py_ssize_t i = 0; i < rows->n_rows; i++) {
        if (order[i] < 0 || order[i] >= rows->n_rows) {
            return refuse("a row isn't there", i);
        }
    }
    for (Py_ssize_t i = 0; i < n_nodes; i++) {
        if (starts[i] < 0 || starts[i] > ends[i] || ends[i] > rows->n_rows) {
            return refuse("a node has rows that aren't there", i);
        }
        if (!((const uint8_t *)arrays[A_IS_LEAF].buf)[i] && 2 * i + 2 >= n_nodes) {
            return refuse("a node has children that aren't there", i);
        }
    }
    return 0;
}

static void
fill_tile(Rows *rows, Py_ssize_t tile, const Py_buffer *arrays, Py_ssize_t first, Py_ssize_t end)
{
    const double *from = arrays[A_ROWS].buf;
    const int32_t *order = arrays[A_ORDER].buf;
    double *to = rows->tiles + tile * rows->width * LANES;
    for (Py_ssize_t lane = 0; lane < LANES; lane++) {
        const int32_t place = first + lane < end ? order[first + lane] : -1;
        rows->places[tile * LANES + lane] = place;
        for (Py_ssize_t j = 0; j < rows->width; j++) {
            to[j * LANES + lane] = place < 0 ? 0.0 : from[place * rows->width + j];
        }
    }
}

static int
take_tiles(Rows *rows, const Py_buffer *arrays)
{
    const int32_t *starts = arrays[A_STARTS].buf, *ends = arrays[A_ENDS].buf;
    Py_ssize_t n_tiles = 0;
    for (Py_ssize_t i = 0; i < rows->n_nodes; i++) {
        rows->first[i] = (int32_t)n_tiles;
        if (rows->is_leaf[i]) {
            n_tiles += (ends[i] - starts[i] + LANES - 1) / LANES;
        }
        if (n_tiles > rows->n_rows + rows->n_nodes) {
            return refuse("leaves overlap", i);
        }
    }
    rows->first[rows->n_nodes] = (int32_t)n_tiles;
    rows->n_tiles = n_tiles;
    const size_t n_lanes = (size_t)(n_tiles > 0 ? n_tiles : 1) * LANES;
    rows->places = malloc(n_lanes * sizeof(int32_t));
    rows->tiles = malloc(n_lanes * (size_t)(rows->width > 0 ? rows->width : 1) * sizeof(double));
    if (rows->places == NULL || rows->tiles == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < rows->n_nodes; i++) {
        Py_ssize_t at = starts[i];
        for (Py_ssize_t tile = rows->first[i]; tile < rows->first[i + 1]; tile++, at += LANES) {
            fill_tile(rows, tile, arrays, at, ends[i]);
        }
    }
    return 0;
}

static int
take_arrays(Rows *rows, const Py_buffer *arrays)
{
    if (arrays[A_ROWS].ndim != 2 || arrays[A_ROWS].shape[0] > INT32_MAX / 2) {
        return refuse("the rows are no matrix", arrays[A_ROWS].ndim);
    }
    rows->n_rows = arrays[A_ROWS].shape[0];
    rows->width = arrays[A_ROWS].shape[1];
    rows->n_nodes = arrays[A_STARTS].len / 4;
    if (check_nodes(rows, arrays) < 0) {
        return -1;
    }
    rows->first = malloc((size_t)(rows->n_nodes + 1) * sizeof(int32_t));
    rows->is_leaf = copy_of(&arrays[A_IS_LEAF]);
    rows->low = copy_of(&arrays[A_LOW]);
    rows->high = copy_of(&arrays[A_HIGH]);
    if (arrays[A_RADII].len > 0) {
        rows->radii = copy_of(&arrays[A_RADII]);
    }
    if (rows->first == NULL) {
        PyErr_NoMemory();
    }
    return PyErr_Occurred() ? -1 : take_tiles(rows, arrays);
}

PyDoc_STRVAR(build_doc,
"build(rows, order, starts, ends, is_leaf, low, high, radii, metric, power)\n--\n\n"
"Rows at hand, those of a leaf side by side. Without nodes they are one leaf, in order.\n"
"Metrics are 0 (squares), 1 (sizes), 2 (the largest size) and 3 (powers). ValueError if the\n"
"nodes aren't those of the rows.");

static PyObject *
build(PyObject *module, PyObject *args)
{
    PyObject *objects[N_ARRAYS], *capsule = NULL;
    Py_buffer arrays[N_ARRAYS];
    int metric, n = 0;
    double power;
    (void)module;

    if (!PyArg_ParseTuple(args, "OOOOOOOOid:build", &objects[0], &objects[1], &objects[2],
                          &objects[3], &objects[4], &objects[5], &objects[6], &objects[7],
                          &metric, &power)) {
        return NULL;
    }
    Rows *rows = calloc(1, sizeof(Rows));
    if (rows == NULL) {
        return PyErr_NoMemory();
    }
    rows->metric = metric;
    rows->power = power;
    while (n < N_ARRAYS && get_array(objects[n], &arrays[n], SIZES[n], -1, 0) == 0) {
        n++;
    }
    if (metric < 0 || metric >= N_METRICS) {
        refuse("there is no such metric", metric);
    }
    else if (n == N_ARRAYS && take_arrays(rows, arrays) == 0) {
        capsule = PyCapsule_New(rows, CAPSULE, capsule_free);
    }
    while (n > 0) {
        PyBuffer_Release(&arrays[--n]);
    }
    if (capsule == NULL) {
        rows_free(rows);
    }
    return capsule;
}

/* ---- what is asked ---- */

static void
measure_all(const Rows *rows, const double *x, Py_ssize_t n, double *out)
{
    for (Py_ssize_t i = 0; i < n; i++, x += rows->width, out += rows->n_rows) {
        double far[LANES];
        for (Py_ssize_t tile = 0; tile < rows->n_tiles; tile++) {
            const int32_t *places = rows->places + tile * LANES;
            measure_tile(rows, tile, x, far);
            for (int lane = 0; lane < LANES && places[lane] >= 0; lane++) {
                out[places[lane]] = far[lane];
            }
        }
    }
}

static void
search_all(const Rows *rows, const double *x, Py_ssize_t n, Heap heap)
{
    for (Py_ssize_t i = 0; i < n; i++, x += rows->width) {
        heap_clear(&heap);
        search_node(rows, 0, rows->n_nodes > 1 ? least(rows, 0, x) : 0.0, x, &heap);
        heap.far += heap.size;
        heap.places += heap.size;
    }
}

static int
is_rows(const Rows *rows, const Py_buffer *x)
{
    if (x->ndim != 2 || x->shape[1] != rows->width) {
        refuse("the rows have another width", x->ndim);
        return 0;
    }
    return 1;
}

PyDoc_STRVAR(measure_doc,
"measure(kept, rows, out)\n--\n\n"
"Distances of rows to the rows that are kept, before a root is drawn of them.");

static PyObject *
measure(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer x, out;
    int is_done = 0;
    (void)module;
    if (n_args != 3) {
        PyErr_SetString(PyExc_TypeError, "measure() takes what is kept, rows, and an array");
        return NULL;
    }
    const Rows *rows = PyCapsule_GetPointer(args[0], CAPSULE);
    if (rows == NULL || get_array(args[1], &x, 8, -1, 0) < 0) {
        return NULL;
    }
    if (is_rows(rows, &x) &&
        get_array(args[2], &out, 8, x.shape[0] * rows->n_rows, PyBUF_WRITABLE) == 0) {
        if (x.shape[0] * rows->n_rows * rows->width < NUMBERS_WITH_LOCK) {
            measure_all(rows, x.buf, x.shape[0], out.buf);
        }
        else {
            Py_BEGIN_ALLOW_THREADS
            measure_all(rows, x.buf, x.shape[0], out.buf);
            Py_END_ALLOW_THREADS
        }
        PyBuffer_Release(&out);
        is_done = 1;
    }
    PyBuffer_Release(&x);
    if (!is_done) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Two arrays of as many rows, for a heap a row: distances, and places. */
static int
get_heap(PyObject *far_object, PyObject *places_object, Py_ssize_t n_rows, Py_ssize_t n_kept,
         Py_buffer *far, Py_buffer *places, Heap *heap)
{
    if (get_array(far_object, far, 8, -1, PyBUF_WRITABLE) < 0) {
        return -1;
    }
    if (far->ndim != 2 || far->shape[0] != n_rows || far->shape[1] < 1 ||
        far->shape[1] > n_kept) {
        refuse("so many rows can't be found", far->ndim);
        PyBuffer_Release(far);
        return -1;
    }
    if (get_array(places_object, places, 4, n_rows * far->shape[1], PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(far);
        return -1;
    }
    heap->far = far->buf;
    heap->places = places->buf;
    heap->size = far->shape[1];
    return 0;
}

PyDoc_STRVAR(nearest_doc,
"nearest(kept, rows, distances, places)\n--\n\n"
"The nearest rows of each row, as many as the last two arrays are wide, in the order of a heap.");

static PyObject *
nearest(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer x, far, places;
    Heap heap;
    int is_done = 0;
    (void)module;
    if (n_args != 4) {
        PyErr_SetString(PyExc_TypeError, "nearest() takes what is kept, rows, and two arrays");
        return NULL;
    }
    const Rows *rows = PyCapsule_GetPointer(args[0], CAPSULE);
    if (rows == NULL || get_array(args[1], &x, 8, -1, 0) < 0) {
        return NULL;
    }
    if (is_rows(rows, &x) &&
        get_heap(args[2], args[3], x.shape[0], rows->n_rows, &far, &places, &heap) == 0) {
        if (x.shape[0] < 2 && rows->n_rows * rows->width < NUMBERS_WITH_LOCK) {
            search_all(rows, x.buf, x.shape[0], heap);
        }
        else {
            Py_BEGIN_ALLOW_THREADS
            search_all(rows, x.buf, x.shape[0], heap);
            Py_END_ALLOW_THREADS
        }
        PyBuffer_Release(&places);
        PyBuffer_Release(&far);
        is_done = 1;
    }
    PyBuffer_Release(&x);
    if (!is_done) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static void
keep_smallest(const double *products, const double *mine, const double *theirs, Py_ssize_t n_rows,
              Py_ssize_t n_kept, Heap heap)
{
    for (Py_ssize_t i = 0; i < n_rows; i++, products += n_kept) {
        heap_clear(&heap);
        for (Py_ssize_t place = 0; place < n_kept; place++) {
            const double square = (products[place] + mine[i]) + theirs[place];
            heap_push(&heap, square > 0.0 ? square : 0.0, (int32_t)place);
        }
        heap.far += heap.size;
        heap.places += heap.size;
    }
}

PyDoc_STRVAR(smallest_doc,
"smallest(products, mine, theirs, distances, places)\n--\n\n"
"The smallest of products + mine + theirs in each row, or of 0 where that is negative.");

static PyObject *
smallest(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer products, mine, theirs, far, places;
    Heap heap;
    int is_done = 0;
    (void)module;
    if (n_args != 5) {
        PyErr_SetString(PyExc_TypeError, "smallest() takes five arrays");
        return NULL;
    }
    if (get_array(args[0], &products, 8, -1, 0) < 0) {
        return NULL;
    }
    if (products.ndim != 2 || products.shape[1] > INT32_MAX / 2) {
        refuse("the products are no matrix", products.ndim);
    }
    else if (get_array(args[1], &mine, 8, products.shape[0], 0) == 0) {
        const Py_ssize_t n_rows = products.shape[0], n_kept = products.shape[1];
        if (get_array(args[2], &theirs, 8, n_kept, 0) == 0) {
            if (get_heap(args[3], args[4], n_rows, n_kept, &far, &places, &heap) == 0) {
                Py_BEGIN_ALLOW_THREADS
                keep_smallest(products.buf, mine.buf, theirs.buf, n_rows, n_kept, heap);
                Py_END_ALLOW_THREADS
                PyBuffer_Release(&places);
                PyBuffer_Release(&far);
                is_done = 1;
            }
            PyBuffer_Release(&theirs);
        }
        PyBuffer_Release(&mine);
    }
    PyBuffer_Release(&products);
    if (!is_done) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"build", build, METH_VARARGS, build_doc},
    FAST_METHOD(measure),
    FAST_METHOD(nearest),
    FAST_METHOD(smallest),
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_distances, "Distances to rows that a model keeps, and the nearest of them.")
