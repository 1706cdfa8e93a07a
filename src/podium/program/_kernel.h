/* What the kernels share: arrays that come from Python, refusals, and the module itself.
 *
 * What a kernel keeps is checked once and copied, into memory that nobody else can change.
 */
#ifndef PODIUM_KERNEL_H
#define PODIUM_KERNEL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int
is_double(const Py_buffer *buffer)
{
    return buffer->itemsize == 8 && buffer->format != NULL &&
           (strcmp(buffer->format, "d") == 0 || strcmp(buffer->format, "<d") == 0);
}

/* Raises ValueError, and is -1. */
static int
refuse(const char *what, Py_ssize_t at)
{
    PyErr_Format(PyExc_ValueError, "%s (at %zd)", what, at);
    return -1;
}

/* A contiguous buffer of items of this size, of doubles where that is 8; with so many of them, or
 * any number where that is -1. */
static int
get_array(PyObject *object, Py_buffer *view, Py_ssize_t itemsize, Py_ssize_t n_items, int flags)
{
    if (PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags) < 0) {
        return -1;
    }
    if (view->itemsize != itemsize || (itemsize == 8 && !is_double(view)) ||
        ((uintptr_t)view->buf % (uintptr_t)itemsize) != 0 ||
        (n_items >= 0 && view->len != n_items * itemsize)) {
        refuse("an array has the wrong type or shape", view->len);
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

/* A copy of an array, to be freed; NULL where there is no memory for it. */
static inline void *
copy_of(const Py_buffer *view)
{
    void *copy = malloc(view->len > 0 ? (size_t)view->len : 1);
    if (copy == NULL) {
        PyErr_NoMemory();
    }
    else if (view->len > 0) {
        memcpy(copy, view->buf, (size_t)view->len);
    }
    return copy;
}

#define FAST_METHOD(name) \
    {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, name##_doc}

/* The module of this name, with the methods of the array `methods`. */
#define KERNEL_MODULE(name, doc)                                                  \
    static PyModuleDef_Slot slots[] = {{0, NULL}};                                \
    static struct PyModuleDef definition = {                                      \
        PyModuleDef_HEAD_INIT,                                                    \
        .m_name = #name,                                                          \
        .m_doc = doc,                                                             \
        .m_methods = methods,                                                     \
        .m_slots = slots,                                                         \
    };                                                                            \
    PyMODINIT_FUNC PyInit_##name(void)                                            \
    {                                                                             \
        return PyModuleDef_Init(&definition);                                     \
    }

#endif
