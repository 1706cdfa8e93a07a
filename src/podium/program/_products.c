/* Products of rows and few weights, each added up from the first column to the last.
 *
 * So a row rounds the same alone and among others, and wherever its numbers lie in memory. LANES rows
 * are added up side by side; where there are fewer, zeros stand for them.
 */
#include "_kernel.h"

#define LANES 8
/* Below about 10 us of work, giving the lock away costs more than it lets others do. */
#define NUMBERS_WITH_LOCK 65536

typedef struct {
    const char *first; /* row 0, column 0 */
    Py_ssize_t n_rows, n_columns, to_row, to_column; /* strides in bytes */
} Rows;

/* One output of LANES rows. */
static inline void
multiply_lanes(const char *from, Py_ssize_t to_row, const Rows *rows, const double *weights,
               Py_ssize_t n_outputs, double *total)
{
    for (int lane = 0; lane < LANES; lane++) {
        total[lane] = 0.0;
    }
    for (Py_ssize_t column = 0; column < rows->n_columns; column++, from += rows->to_column) {
        const double weight = weights[column * n_outputs];
        for (int lane = 0; lane < LANES; lane++) {
            total[lane] += *(const double *)(from + lane * to_row) * weight;
        }
    }
}

static void
multiply_few(const char *from, Py_ssize_t n, const Rows *rows, const double *weights,
             Py_ssize_t n_outputs, double *total)
{
    for (Py_ssize_t lane = 0; lane < n; lane++) {
        total[lane] = 0.0;
        for (Py_ssize_t column = 0; column < rows->n_columns; column++) {
            const char *at = from + lane * rows->to_row + column * rows->to_column;
            total[lane] += *(const double *)at * weights[column * n_outputs];
        }
    }
}

static void
multiply_all(const Rows *rows, const double *weights, Py_ssize_t n_outputs, double *out)
{
    const Py_ssize_t adjacent = sizeof(double);
    const char *from = rows->first;
    for (Py_ssize_t row = 0; row < rows->n_rows; row += LANES, from += LANES * rows->to_row) {
        const Py_ssize_t left = rows->n_rows - row, n = left < LANES ? left : LANES;
        for (Py_ssize_t output = 0; output < n_outputs; output++) {
            double total[LANES];
            if (n < LANES) {
                multiply_few(from, n, rows, weights + output, n_outputs, total);
            }
            else if (rows->to_row == adjacent) { /* a constant: the compiler makes vectors of it */
                multiply_lanes(from, adjacent, rows, weights + output, n_outputs, total);
            }
            else {
                multiply_lanes(from, rows->to_row, rows, weights + output, n_outputs, total);
            }
            for (Py_ssize_t lane = 0; lane < n; lane++) {
                out[(row + lane) * n_outputs + output] = total[lane];
            }
        }
    }
}

/* A matrix of doubles that lie anywhere in memory, each on a boundary of 8 bytes. */
static int
get_rows(PyObject *object, Py_buffer *view, Rows *rows)
{
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0) {
        return -1;
    }
    if (!is_double(view) || view->ndim != 2 ||
        ((uintptr_t)view->buf | (uintptr_t)view->strides[0] | (uintptr_t)view->strides[1]) % 8) {
        refuse("the rows are no matrix of doubles", view->ndim);
        PyBuffer_Release(view);
        return -1;
    }
    *rows = (Rows){view->buf, view->shape[0], view->shape[1], view->strides[0], view->strides[1]};
    return 0;
}

PyDoc_STRVAR(multiply_doc,
"multiply(rows, weights, out)\n--\n\n"
"Set out to the product of rows and weights, both matrices of doubles.");

static PyObject *
multiply(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    Py_buffer x, weights, out;
    Rows rows;
    int is_done = 0;
    (void)module;
    if (n_args != 3) {
        PyErr_SetString(PyExc_TypeError, "multiply() takes rows, weights, and an array");
        return NULL;
    }
    if (get_rows(args[0], &x, &rows) < 0) {
        return NULL;
    }
    if (get_array(args[1], &weights, 8, -1, 0) == 0) {
        if (weights.ndim != 2 || weights.shape[0] != rows.n_columns) {
            refuse("the weights don't fit the rows", weights.ndim);
        }
        else if (get_array(args[2], &out, 8, rows.n_rows * weights.shape[1], PyBUF_WRITABLE) == 0) {
            if (rows.n_rows * weights.len / 8 < NUMBERS_WITH_LOCK) {
                multiply_all(&rows, weights.buf, weights.shape[1], out.buf);
            }
            else {
                Py_BEGIN_ALLOW_THREADS
                multiply_all(&rows, weights.buf, weights.shape[1], out.buf);
                Py_END_ALLOW_THREADS
            }
            PyBuffer_Release(&out);
            is_done = 1;
        }
        PyBuffer_Release(&weights);
    }
    PyBuffer_Release(&x);
    if (!is_done) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    FAST_METHOD(multiply),
    {NULL, NULL, 0, NULL},
};

KERNEL_MODULE(_products, "Products of rows and few weights.")
